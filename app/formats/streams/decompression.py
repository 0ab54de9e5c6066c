"""Reads the bytes of a file, decompresses them on the way, and counts how much of the file was read."""

import sys
import zlib
from pathlib import Path

from app.domain.errors import ImportFailed
from app.formats.streams.source import Readable, Source
from app.formats.streams.zip_source import ZipSource

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_UNPACKED_BYTES = 1024**4  # no real file is larger; this stops a decompression bomb of valid rows
# What any file may unpack to, and beyond that how many times its own size. Real rows reach 100 times their size.
EASILY_UNPACKED_BYTES, MAX_RATIO = 1024**3, 250
_RAW_BYTES = 256 * 1024


class GzipSource(Source):
    """A gzip file's content. Several members in sequence are one content, as for gzip itself.

    It never decompresses more than `size` bytes at once, whatever the ratio.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._input = b""
        self._member: zlib._Decompress | None = None
        self._members = 0

    def read(self, size: int) -> bytes:
        """At most `size` decompressed bytes, none at the end. Raises ImportFailed (corrupt_gzip, truncated_gzip,
        not_gzip)."""
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
                raise ImportFailed("corrupt_gzip", "the gzip data is followed by other bytes")
            raise ImportFailed("not_gzip", "the file was declared as gzip, but it is not gzip data")
        self._members += 1
        self._member = zlib.decompressobj(wbits=31)
        return True


class ZstdSource(Source):
    """A zstd file's content. Several frames in sequence are one content (RFC 8878, section 3).

    It never decompresses more than `size` bytes at once. A frame may need a window of at most 128 MiB.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._input = b""
        self._frame: zstd.ZstdDecompressor | None = None

    def read(self, size: int) -> bytes:
        """At most `size` decompressed bytes, none at the end. Raises ImportFailed (corrupt_zstd, truncated_zstd)."""
        while True:
            if self._frame is None or self._frame.eof:
                self._input = (self._frame.unused_data if self._frame else b"") or self._read_raw(_RAW_BYTES)
                if not self._input:
                    return b""
                self._frame = zstd.ZstdDecompressor()
            elif self._frame.needs_input:
                self._input = self._read_raw(_RAW_BYTES)
                if not self._input:
                    raise ImportFailed(
                        "truncated_zstd",
                        f"the zstd data ends at byte {self.position} before it is complete; the file was cut off",
                    )
            try:
                data = self._frame.decompress(self._input, size)
            except zstd.ZstdError as error:
                raise ImportFailed(
                    "corrupt_zstd", f"the zstd data is damaged near byte {self.position}: {error}"
                ) from error
            self._input = b""
            if data:
                return data


def check_ratio(unpacked_bytes: int, file_bytes: int) -> None:
    """Raises ImportFailed (unpacked_too_large) if a file unpacks to more than MAX_RATIO times its own size and to more
    than EASILY_UNPACKED_BYTES."""
    if unpacked_bytes > EASILY_UNPACKED_BYTES and unpacked_bytes > MAX_RATIO * file_bytes:
        raise ImportFailed(
            "unpacked_too_large",
            f"the file unpacks to more than {EASILY_UNPACKED_BYTES:,} bytes and more than {MAX_RATIO} times its own"
            " size; split it, or send it unpacked",
        )


class Limited:
    """A stream that fails after `max_bytes`, or beyond the ratio of `check_ratio`."""

    def __init__(self, source: Readable, max_bytes: int) -> None:
        self._source, self._most = source, max_bytes
        self._read = 0

    @property
    def position(self) -> int:
        return self._source.position

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._read += len(data)
        if self._read > self._most:
            raise ImportFailed(
                "unpacked_too_large", f"the file is larger than {self._most:,} bytes when it is unpacked; split it"
            )
        check_ratio(self._read, self._source.position)
        return data


def unpack_head(head: bytes, max_bytes: int) -> tuple[str, bytes]:
    """The compression of a file by its first bytes, and these bytes decompressed (none if they are damaged)."""
    try:
        if head.startswith(GZIP_MAGIC):
            return "gzip", zlib.decompressobj(wbits=31).decompress(head, max_bytes)
        if head.startswith(ZSTD_MAGIC):
            return "zstd", zstd.ZstdDecompressor().decompress(head, max_bytes)
    except zlib.error:
        return "gzip", b""
    except zstd.ZstdError:
        return "zstd", b""
    return "none", head


_SOURCES: dict[str, type[Source]] = {"none": Source, "gzip": GzipSource, "zstd": ZstdSource, "zip": ZipSource}


def open_source(path: Path, compression: str) -> Source:
    """Opens a file for reading; `compression` is none, gzip, zstd or zip. Use it in a with statement."""
    if compression not in _SOURCES:
        raise ValueError(f"unknown compression {compression!r}")
    return _SOURCES[compression](path)
