"""An upload: one file on its way into the spool."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from app.domain.errors import ContentTooLarge, SpoolFull

PART = ".part"  # the ending while the body still arrives
COPY_BYTES = 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: BaseException) -> bool:
    """Whether this error says that a disk has no space for a file."""
    return isinstance(error, OSError) and error.errno in _FULL


def part_of(path: Path) -> Path:
    """Where an upload's bytes are before it is whole."""
    return path.with_name(path.name + PART)


class Readable(Protocol):
    """Where an upload comes from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


class Upload:
    """One file on its way into the spool; also the stream that a multipart parser writes into."""

    def __init__(self, target: Path, max_bytes: int, on_write: Callable[[], None]) -> None:
        self._target = target
        self._on_write = on_write
        self._part = part_of(target)
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._file: BinaryIO = self._part.open("w+b")
        self.bytes = 0

    def write(self, data: bytes) -> int:
        """Append; raises `ContentTooLarge` beyond the limit and `SpoolFull` when the disk is."""
        self.bytes += len(data)
        self.require_space(self.bytes)
        with space(self._part.parent):
            self._file.write(data)
        self._digest.update(data)
        self._on_write()
        return len(data)

    def require_space(self, size: int) -> None:
        """Raise `ContentTooLarge` for what is larger than the limit, best before it is sent."""
        if size > self._max_bytes:
            raise ContentTooLarge(
                f"the file is larger than {self._max_bytes:,} bytes: split it, or raise BACKOUT_MAX_UPLOAD_BYTES"
            )

    def copy_from(self, stream: Readable) -> None:
        """Append all of `stream`; memory stays flat."""
        while piece := stream.read(COPY_BYTES):
            self.write(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        """For the multipart parser, which rewinds a file when it has written it."""
        return self._file.seek(offset, whence)

    @property
    def part(self) -> Path:
        """Where the bytes are before `keep`."""
        return self._part

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes so far, in hex."""
        return self._digest.hexdigest()

    def flush(self) -> None:
        """Let other readers see what was written."""
        with space(self._part.parent):
            self._file.flush()

    def commit(self) -> None:
        """Make the file durable under its name: after this it survives a crash of the machine."""
        self.flush()
        with space(self._part.parent):
            os.fsync(self._file.fileno())
        self._part.rename(self._target)
        flush_folder(self._target.parent)

    def close(self) -> None:
        """Forget the bytes unless they were kept."""
        try:
            with space(self._part.parent):
                self._file.close()
        finally:
            self._part.unlink(missing_ok=True)


def flush_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def space(folder: Path) -> Iterator[None]:
    """Around what writes below the spool folder: raises `SpoolFull` where the disk has no space for it."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise SpoolFull(f"the disk of the spool folder ({folder.name}) is full: free some space, send again") from error
