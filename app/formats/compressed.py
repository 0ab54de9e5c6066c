"""The bytes of a file, decompressed as they are read, and how far the file itself has been read."""

import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from app.domain.errors import ImportFailed

GZIP_MAGIC = b"\x1f\x8b"
_RAW_BYTES = 256 * 1024


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


class GzipSource(Source):
    """A gzip file's content; several members after each other are one content, as gzip itself has it.

    Never more than `size` bytes are decompressed at once, however well they were compressed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._input = b""
        self._member: zlib._Decompress | None = None
        self._members = 0

    def read(self, size: int) -> bytes:
        """At most `size` decompressed bytes, none at the end. Raises ImportFailed if the gzip data is broken."""
        while True:
            if self._member is None and not self._begin_member():
                return b""
            assert self._member is not None
            raw = self._input or self._read_raw(_RAW_BYTES)
            try:
                data = self._member.decompress(raw, size)
            except zlib.error as error:
                raise ImportFailed(
                    "corrupt_gzip", f"the gzip data is damaged near byte {self.position}: {error}"
                ) from error
            self._input = self._member.unconsumed_tail
            if self._member.eof:
                self._input = self._member.unused_data
                self._member = None
            elif not raw and not data:
                raise ImportFailed(
                    "truncated_gzip",
                    f"the gzip data ends at byte {self.position} before it is complete; the file was cut off",
                )
            if data:
                return data

    def _begin_member(self) -> bool:
        """Whether another member follows. Zero bytes after a member are padding, as on tapes."""
        while len(self._input) < len(GZIP_MAGIC):
            more = self._read_raw(_RAW_BYTES)
            self._input += more
            if self._members:
                self._input = self._input.lstrip(b"\0")
            if not more:
                break
        if self._members:
            self._input = self._input.lstrip(b"\0")
        if not self._input:
            return False
        if not self._input.startswith(GZIP_MAGIC):
            if self._members:
                raise ImportFailed("corrupt_gzip", "the gzip data is followed by bytes that are no gzip data")
            raise ImportFailed("not_gzip", "the file was declared as gzip, but it is not gzip data")
        self._members += 1
        self._member = zlib.decompressobj(wbits=31)
        return True


def open_source(path: Path, compression: str) -> Source:
    """Opens a file for reading; `compression` is none or gzip. Use it in a with statement."""
    if compression not in ("none", "gzip"):
        raise ValueError(f"unknown compression {compression!r}")
    return GzipSource(path) if compression == "gzip" else Source(path)
