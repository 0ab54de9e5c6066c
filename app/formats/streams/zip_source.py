"""A ZIP archive with one file in it, read like a compressed file."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import ImportFailed
from app.formats.errors import excerpt
from app.formats.streams.source import Source

ZIP_MAGIC = b"PK\x03\x04"
_RAW_BYTES = 256 * 1024
_MAX_DIRECTORY_BYTES = 4 * 1024**2  # `zipfile` makes an object of each entry
_MAX_SHOWN = 5
_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")
_LARGE_END, _LARGE_SIZE_AT, _LOCATOR_BYTES = b"PK\x06\x07", 40, 20
_MAX_COMMENT_BYTES = 65_535
_UNKNOWN = 0xFFFFFFFF
_ENCRYPTED, _DESCRIPTOR = 1, 8  # flags: the content is encrypted; its size stands behind it
_MAX_DESCRIPTOR_BYTES = 24
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_BESIDE = ("__MACOSX/",)  # files that operating systems add
_BESIDE_NAMES = {".DS_Store", "Thumbs.db", "desktop.ini"}
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, struct.error)


@dataclass(frozen=True)
class Entry:
    """A file in the beginning of an archive: its name, how it is kept, and where its content begins there."""

    name: str
    method: int
    flags: int
    begin: int


def is_beside(name: str) -> bool:
    """Whether an entry is a folder, or what an operating system adds."""
    return name.endswith("/") or name.startswith(_BESIDE) or name.rpartition("/")[2] in _BESIDE_NAMES


def entries_in(head: bytes) -> Iterator[Entry]:
    """The entries in an archive's first bytes, as far as they can be followed."""
    at = 0
    while len(head) >= at + _LOCAL.size:
        magic, _, flags, method, _, _, _, packed, _, name_bytes, extra_bytes = _LOCAL.unpack_from(head, at)
        if magic != ZIP_MAGIC:
            return
        begin = at + _LOCAL.size + name_bytes + extra_bytes
        name = head[at + _LOCAL.size : at + _LOCAL.size + name_bytes].decode("utf-8", "replace")
        yield Entry(name, method, flags, begin)
        if flags & _DESCRIPTOR:
            end = _end_of(head, method, begin)
            at = head.find(ZIP_MAGIC, end, end + _MAX_DESCRIPTOR_BYTES + len(ZIP_MAGIC)) if end else -1
            if at < 0:
                return
        else:
            at = begin + packed


def _end_of(head: bytes, method: int, begin: int) -> int:
    """Where an entry's packed content ends; 0 if that is not seen."""
    packed = zlib.decompressobj(wbits=-15)
    try:
        if method == _DEFLATED:
            packed.decompress(head[begin:])
    except zlib.error:
        return 0
    return len(head) - len(packed.unused_data) if packed.eof else 0


def unpack_entry(head: bytes, max_bytes: int) -> tuple[str, bytes]:
    """The name of the first file in an archive and the beginning of its content: nothing where it can't be unpacked."""
    for entry in entries_in(head):
        if is_beside(entry.name):
            continue
        if entry.flags & _ENCRYPTED or entry.method not in (_STORED, _DEFLATED):
            return entry.name, b""
        packed = head[entry.begin :]
        if entry.method == _STORED:
            return entry.name, packed[:max_bytes]
        try:
            return entry.name, zlib.decompressobj(wbits=-15).decompress(packed, max_bytes)
        except zlib.error:
            return entry.name, b""
    return "", b""


class ZipSource(Source):
    """The content of the one file in an archive.

    Never more than `size` bytes are unpacked at once. Raises ImportFailed: truncated_zip, corrupt_zip, encrypted_zip,
    several_files, no_file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._entry = _only_entry(path)
            begin = self._find_content()
        except BaseException:
            self._file.close()
            raise
        self._file.seek(begin)
        self._packed_left = self._entry.compress_size
        self._left = self._entry.file_size
        self._crc = 0
        self._input = b""
        self._unpacker = zlib.decompressobj(wbits=-15)

    def _find_content(self) -> int:
        if self._entry.header_offset < 0:  # its beginning is missing
            raise _corrupt("an entry lies before its beginning")
        self._file.seek(self._entry.header_offset)
        header = self._file.read(_LOCAL.size)
        try:
            magic, *_, name_bytes, extra_bytes = _LOCAL.unpack(header)
        except struct.error as error:
            raise _corrupt("an entry lies beyond its end") from error
        if magic != ZIP_MAGIC:
            raise _corrupt("no entry is where its directory says")
        return self._entry.header_offset + _LOCAL.size + int(name_bytes) + int(extra_bytes)

    def read(self, size: int) -> bytes:
        """At most `size` unpacked bytes, none at the end. Raises ImportFailed (corrupt_zip)."""
        while True:
            raw = self._input
            if not raw and self._packed_left:
                raw = self._read_raw(min(_RAW_BYTES, self._packed_left))
                if not raw:
                    raise _corrupt("the file ends within it")
                self._packed_left -= len(raw)
            data = self._unpack(raw, size)
            self._left -= len(data)
            self._crc = zlib.crc32(data, self._crc)
            if self._left < 0:
                raise _corrupt("it unpacks to more than its directory says")
            if data:
                return data
            if not raw:
                if self._left or self._crc != self._entry.CRC:
                    raise _corrupt("its content and its directory disagree")
                return b""

    def _unpack(self, raw: bytes, size: int) -> bytes:
        if self._entry.compress_type == _STORED:
            self._input = raw[size:]
            return raw[:size]
        try:
            data = self._unpacker.decompress(raw, size)
        except zlib.error as error:
            raise _corrupt(f"{error} near byte {self.position}") from error
        self._input = self._unpacker.unconsumed_tail
        return data


def _only_entry(path: Path) -> zipfile.ZipInfo:
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            found = [entry for entry in archive.infolist() if not is_beside(entry.filename)]
    except _DAMAGED as error:
        raise _corrupt(str(error)) from error
    if len(found) != 1:
        names = ", ".join(excerpt(entry.filename) for entry in found[:_MAX_SHOWN]) + ", …" * (len(found) > _MAX_SHOWN)
        if not found:
            raise ImportFailed("no_file", "the ZIP archive has no file in it")
        reason = (
            f"the ZIP archive has {len(found)} files: {names}; send them one by one, or an archive with one of them"
        )
        raise ImportFailed("several_files", reason)
    [entry] = found
    if entry.flag_bits & _ENCRYPTED:
        raise ImportFailed("encrypted_zip", "the ZIP archive is encrypted; make one without a password")
    if entry.compress_type not in (_STORED, _DEFLATED):
        reason = "the ZIP archive is compressed in a way that is not supported; make one with the method Deflate"
        raise ImportFailed("corrupt_zip", reason)
    return entry


def _check_directory(path: Path) -> None:
    """Raises ImportFailed (truncated_zip, several_files) where the directory at the archive's end is missing, or is too
    large to belong to an archive with one file."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        begin = max(0, size - _END.size - _MAX_COMMENT_BYTES - _LOCATOR_BYTES)
        file.seek(begin)
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + _END.size:
            reason = (
                "the ZIP archive has no directory at its end: it was cut off, or only its beginning was sent; with"
                " stream=1 send gzip or zstd instead"
            )
            raise ImportFailed("truncated_zip", reason)
        directory_bytes = _END.unpack_from(tail, at)[5]
        if directory_bytes == _UNKNOWN and tail.startswith(_LARGE_END, max(0, at - _LOCATOR_BYTES)):
            (offset,) = struct.unpack_from("<Q", tail, at - _LOCATOR_BYTES + 8)
            file.seek(min(offset, size))
            (directory_bytes,) = struct.unpack_from("<Q", file.read(_END.size + 64), _LARGE_SIZE_AT)
    if directory_bytes > _MAX_DIRECTORY_BYTES:
        raise ImportFailed("several_files", "the ZIP archive has thousands of files; send one of them")


def _corrupt(why: str) -> ImportFailed:
    return ImportFailed("corrupt_zip", f"the ZIP archive is damaged: {why}")
