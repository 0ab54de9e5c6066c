"""Graceful shutdown: a worker that gets SIGTERM finishes what it can finish soon and releases the rest."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import getpid, kill
from threading import current_thread, main_thread
from time import monotonic
from types import FrameType


class Released(Exception):
    """The worker shuts down: the import is requeued unfinished."""


class GracefulShutdown:
    """Whether this process shuts down, and whether an import should be requeued by now.

    `told_at` reads the instant (of `time.monotonic`, which all processes of a machine share) at which the parent
    signalled its children, 0 for never. While an attempt runs, a SIGTERM of the process itself counts as well: it must
    not end the process between PREPARE and the last COMMIT.
    """

    def __init__(self, grace_seconds: float, told_at: Callable[[], float] = lambda: 0.0) -> None:
        self._grace = grace_seconds
        self._told_at = told_at
        self._signalled_at = 0.0

    @property
    def told(self) -> bool:
        """Whether this process shuts down: it begins nothing new then."""
        return bool(self._signalled_at or self._told_at())

    @property
    def release(self) -> bool:
        """Whether the grace is over."""
        told = self._signalled_at or self._told_at()
        return bool(told) and monotonic() >= told + self._grace

    def check(self) -> None:
        """Raise `Released` when the grace is over."""
        if self.release:
            raise Released

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Hold a SIGTERM back until the attempt has ended, then let it act."""
        if current_thread() is not main_thread():
            yield  # signals belong to the web server here
            return
        before = signal.signal(signal.SIGTERM, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            if self._signalled_at:
                kill(getpid(), signal.SIGTERM)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signalled_at = self._signalled_at or monotonic()  # a second signal gives no more time
