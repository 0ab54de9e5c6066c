"""Bodies of requests that can be sent again, without keeping them in memory."""

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

from backout.client.errors import SourceFailed

PIECE_BYTES = 256 * 1024
BEGINNING_BYTES = 256 * 1024
MAX_PREVIEW_BYTES = 64 * 1024**2
_WHOLE = (b"PK\x03\x04", b"PAR1")  # XLSX and Parquet can't be read in part

Sent = Callable[[int, int | None], None]
"""Called with the bytes sent in this try and the total, which is None if unknown."""


class Body(Protocol):
    """The body of a request."""

    def begin(self) -> int | None:
        """Called before each try; returns the number of bytes, or None if unknown."""

    def pieces(self) -> Iterator[bytes]:
        """Yield all bytes from the first. Raises `SourceFailed`."""


class FileBody:
    """A file that can be read again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()

    def begin(self) -> int:
        """The number of bytes from the start position to the end."""
        return self._file.seek(0, 2) - self._start

    def pieces(self) -> Iterator[bytes]:
        """Yield as many bytes as `begin` returned."""
        left = self.begin()
        self._file.seek(self._start)
        while left:
            piece = _read(self._file, min(left, PIECE_BYTES))
            if not piece:
                raise SourceFailed("the file became shorter while it was sent: the server accepted nothing of it")
            left -= len(piece)
            yield piece


class StreamBody:
    """A stream that can be read only once, such as standard input. It is copied to a temporary file while it is sent.

    The first try sends the bytes as they come. A retry first reads the stream to its end, because the server does not
    wait long for a slow one.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = tempfile.TemporaryFile(prefix="backout-")  # noqa: SIM115 — lives as long as this
        self._tries = 0

    def begin(self) -> int | None:
        """None in the first try, then the number of bytes."""
        self._tries += 1
        if self._tries == 1:
            return None
        self._kept.seek(0, 2)
        for _ in self._rest():
            pass
        return self._kept.tell()

    def pieces(self) -> Iterator[bytes]:
        """Yield the copied bytes, then the rest of the stream."""
        self._kept.seek(0)
        while piece := self._kept.read(PIECE_BYTES):
            yield piece
        yield from self._rest()

    def close(self) -> None:
        """Delete the temporary file."""
        self._kept.close()

    def _rest(self) -> Iterator[bytes]:
        while piece := _read(self._stream, PIECE_BYTES):
            try:
                self._kept.write(piece)
                self._kept.flush()
            except OSError as error:
                raise SourceFailed(
                    f"the stream could not be copied to {tempfile.gettempdir()} for a retry: {error.strerror}."
                    " Set TMPDIR to a folder with more space, or send a file"
                ) from error
            yield piece


def open_body(stream: IO[bytes]) -> FileBody | StreamBody:
    """The body for a stream, from its position on."""
    return FileBody(stream) if stream.seekable() else StreamBody(stream)


def open_file(path: Path) -> IO[bytes]:
    """Open a file; raises `SourceFailed` with the reason if it can't be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceFailed(f"{path} can't be read: {error.strerror}") from error


def _read(file: IO[bytes], most: int) -> bytes:
    # `read` of a pipe would wait for all `most` bytes
    read = getattr(file, "read1", file.read)
    try:
        piece = read(most)
    except OSError as error:
        raise SourceFailed(f"the source can't be read: {error.strerror}") from error
    assert isinstance(piece, bytes)
    return piece


def read_beginning(source: IO[bytes]) -> tuple[Body, bool]:
    """As much of a file as a preview needs, and whether it is a part only. Raises `SourceFailed`."""
    data = b""
    most = BEGINNING_BYTES
    while len(data) < most and (piece := _read(source, min(most - len(data), PIECE_BYTES))):
        data += piece
        if data.startswith(_WHOLE):
            most = MAX_PREVIEW_BYTES + 1
    if len(data) > MAX_PREVIEW_BYTES:
        raise SourceFailed("the file is too large for a preview, which needs all of it: import it as it is")
    return FileBody(io.BytesIO(data)), len(data) == BEGINNING_BYTES
