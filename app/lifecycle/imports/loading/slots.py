"""Slots: how many of a worker's processes may load large imports; the others are kept for small ones."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """Shared with the processes that are forked later. A lock on a byte of a file in memory is a slot that is taken:
    the system frees it when its process dies, however that dies."""

    def __init__(self, large: int) -> None:
        self._large = large
        self._file = os.memfd_create("slots", os.MFD_CLOEXEC)

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Whether an import of any size may be loaded while this lasts, or only a small one."""
        taken = next((place for place in range(self._large) if self._lock(place)), None)
        try:
            yield taken is not None
        finally:
            if taken is not None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, taken)

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:  # POSIX leaves the choice between EACCES and EAGAIN
            return False
        return True
