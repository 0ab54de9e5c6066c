"""A file as a stream of bytes, and how far it has been read."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class Readable(Protocol):
    """A stream of bytes. `position` is how many bytes of the file have been read for it."""

    @property
    def position(self) -> int: ...

    def read(self, size: int) -> bytes:
        """At most `size` bytes, at least one unless the stream has ended. Raises ImportFailed where it is broken."""
        ...


class Source:
    """A file's bytes as they are. `position` is how many bytes of the file have been read."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.position = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes, at least one unless the file has ended."""
        return self._read_raw(size)

    def _read_raw(self, size: int) -> bytes:
        data = self._file.read(size)
        self.position += len(data)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
