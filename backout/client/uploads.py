"""Bodies: bytes that can be sent a second time, in memory that does not grow with them."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from backout.client.errors import SourceFailed

PIECE_BYTES = 256 * 1024

Sent = Callable[[int, int | None], None]
"""Is told how many bytes of how many were sent in this try; the whole is None while it is not known."""


class Body(Protocol):
    """What a request sends."""

    def begin(self) -> int | None:
        """Before each try; returns how many bytes will come, or None while that is not known."""

    def pieces(self) -> Iterator[bytes]:
        """All bytes, from the first. Raises `SourceFailed`."""


class FileBody:
    """A file that can be read again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()

    def begin(self) -> int:
        """How many bytes lie before its end."""
        return self._file.seek(0, 2) - self._start

    def pieces(self) -> Iterator[bytes]:
        """As many as `begin` said."""
        left = self.begin()
        self._file.seek(self._start)
        while left:
            piece = _read(self._file, min(left, PIECE_BYTES))
            if not piece:
                raise SourceFailed("the file became shorter while it was sent: nothing of it was accepted")
            left -= len(piece)
            yield piece


class StreamBody:
    """A stream that comes once, such as standard input: kept in a temporary file while it is sent.

    The first try sends what comes as it comes. A second one first reads the stream to its end: the server does not wait
    for a slow one for ever.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = tempfile.TemporaryFile(prefix="backout-")  # noqa: SIM115 — lives as long as this
        self._tries = 0

    def begin(self) -> int | None:
        """None in the first try."""
        self._tries += 1
        if self._tries == 1:
            return None
        self._kept.seek(0, 2)
        for _ in self._rest():
            pass
        return self._kept.tell()

    def pieces(self) -> Iterator[bytes]:
        """What is kept, then what is still to come."""
        self._kept.seek(0)
        while piece := self._kept.read(PIECE_BYTES):
            yield piece
        yield from self._rest()

    def close(self) -> None:
        """Forget what was kept."""
        self._kept.close()

    def _rest(self) -> Iterator[bytes]:
        while piece := _read(self._stream, PIECE_BYTES):
            try:
                self._kept.write(piece)
                self._kept.flush()
            except OSError as error:
                raise SourceFailed(
                    f"what comes is kept in {tempfile.gettempdir()} for another try, which failed: {error.strerror}."
                    " Give TMPDIR a folder with more room, or send a file"
                ) from error
            yield piece


def open_body(stream: IO[bytes]) -> FileBody | StreamBody:
    """A body of what lies before the stream's position, or of what comes from it."""
    return FileBody(stream) if stream.seekable() else StreamBody(stream)


def open_file(path: Path) -> IO[bytes]:
    """The file; raises `SourceFailed`, which says why it can't be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceFailed(f"{path} can't be read: {error.strerror}") from error


def _read(file: IO[bytes], most: int) -> bytes:
    # `read` of a pipe would wait until there are as many bytes as it was asked for
    read = getattr(file, "read1", file.read)
    try:
        piece = read(most)
    except OSError as error:
        raise SourceFailed(f"what was to be sent can't be read: {error.strerror}") from error
    assert isinstance(piece, bytes)
    return piece
