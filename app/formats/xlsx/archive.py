"""A workbook's ZIP archive: its limits, and where the sheets of XLSX are."""

import mmap
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from app.domain.errors import ImportFailed
from app.formats.validate.columns import excerpt

MAX_FILE_BYTES = 64 * 1024**2
MAX_UNPACKED_BYTES = 512 * 1024**2
MAX_MEMBERS = 5000
MAX_RATIO = 200  # unpacked bytes for each packed byte; real sheets have 5 to 40
_ANY_RATIO_BYTES = 10 * 1024**2  # smaller workbooks may have any ratio: repeated cells do no harm
_MAX_INDEX_BYTES = 4 * 1024**2  # of the parts that list the sheets
_MAX_SHEETS_SHOWN = 10
_OLE = b"\xd0\xcf\x11\xe0"  # of encrypted workbooks, and of the format before 2007
_ENTRY = b"PK\x01\x02"
_HEADER_BYTES = 30  # of a part, at least
_READ_BYTES = 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)

_WORKBOOK = "xl/workbook.xml"
_MANIFEST = "META-INF/manifest.xml"
_MAIN_PARTS = {"xlsx": _WORKBOOK, "ods": "content.xml"}
_RELATIONS = "xl/_rels/workbook.xml.rels"
_CALCULATED = "/worksheet"  # how the relation type of a sheet with cells ends


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook: its name, the part of the archive that has its cells, and whether people see it."""

    name: str
    part: str
    is_visible: bool


@contextmanager
def open_zip(path: Path, format: str) -> Iterator[zipfile.ZipFile]:
    """The archive of an xlsx or ods file, once its directory is within the limits.

    Raises ImportFailed (not_xlsx, encrypted_xlsx, xlsx_too_large, damaged_xlsx).
    """
    size = path.stat().st_size
    kind = format.upper()
    if size > MAX_FILE_BYTES:
        raise _too_large(f"the workbook has {size:,} bytes, at most {MAX_FILE_BYTES:,} are read")
    with path.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            reason = f"the workbook is encrypted or in the format of before 2007; save it as {kind} without a password"
            raise ImportFailed("encrypted_xlsx", reason)
        if size:
            _check_directory(file.fileno())
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGED as error:
            reason = f"the file is no {kind} workbook: it is no ZIP archive, or was cut off; send it again"
            raise ImportFailed("not_xlsx", reason) from error
        with archive:
            members = archive.infolist()
            names = archive.namelist()
            if _MAIN_PARTS[format] not in names:
                reason = f"the file is {_find_kind(names)}, but no {kind} workbook; save it as XLSX or CSV"
                raise ImportFailed("not_xlsx", reason)
            if any(member.flag_bits & 1 for member in members):
                raise ImportFailed("encrypted_xlsx", "the workbook is encrypted; save it without a password")
            _check_members(members, size)
            if format == "ods":
                _check_manifest(archive)
            yield archive


def _find_kind(names: list[str]) -> str:
    kinds = (("xl/workbook.bin", "a binary workbook (xlsb)"), ("word/document.xml", "a Word document"))
    return next((kind for name, kind in kinds if name in names), "a ZIP archive")


def _check_manifest(archive: zipfile.ZipFile) -> None:
    """Raises ImportFailed (encrypted_xlsx) where the parts of an OpenDocument file are encrypted."""
    if _MANIFEST in archive.namelist() and _elements(archive, _MANIFEST, "encryption-data"):
        raise ImportFailed("encrypted_xlsx", "the workbook is encrypted; save it without a password")


def check_parts(archive: zipfile.ZipFile) -> None:
    """Unpack every part to verify the sizes in the directory. Raises ImportFailed (damaged_xlsx)."""
    for member in archive.infolist():
        unpacked = 0
        try:
            with archive.open(member) as part:  # never yields more than the directory says, and checks the CRC
                while data := part.read(_READ_BYTES):
                    unpacked += len(data)
        except _DAMAGED as error:
            raise _damaged(member.filename, error) from error
        if unpacked != member.file_size:
            raise _damaged(member.filename, f"it has {unpacked} bytes instead of {member.file_size}")


def list_sheets(archive: zipfile.ZipFile) -> list[Sheet]:
    """The sheets with cells of an xlsx file, in their order. Raises ImportFailed (damaged_xlsx)."""
    parts = {
        found["Id"]: posixpath.normpath(posixpath.join("/xl", found["Target"])).lstrip("/")
        for found in _elements(archive, _RELATIONS, "Relationship")
        if {"Id", "Target", "Type"} <= found.keys() and found["Type"].endswith(_CALCULATED)
    }
    sheets: dict[str, Sheet] = {}
    for found in _elements(archive, _WORKBOOK, "sheet"):
        if "name" in found and found.get("id") in parts:
            if found["name"] in sheets:
                raise _damaged(_WORKBOOK, f"two sheets are called {excerpt(found['name'])!r}")
            part = parts[found["id"]]
            if part not in archive.namelist():
                raise _damaged(part, "the part is missing")
            sheets[found["name"]] = Sheet(found["name"], part, found.get("state", "visible") == "visible")
    return list(sheets.values())


def has_1904_dates(archive: zipfile.ZipFile) -> bool:
    """Whether an xlsx file counts days from 1904, as old ones of a Mac do. Raises ImportFailed (damaged_xlsx)."""
    return any(found.get("date1904") in ("1", "true") for found in _elements(archive, _WORKBOOK, "workbookPr"))


def _check_directory(descriptor: int) -> None:
    # Counted before `zipfile` reads them: it makes an object of each, and a hostile file may list a million.
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
        at, members = data.find(_ENTRY), 0
        while at >= 0:
            members += 1
            if members > MAX_MEMBERS:
                raise _too_large(f"the workbook has more than {MAX_MEMBERS} parts")
            at = data.find(_ENTRY, at + 1)


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise _too_large(f"the workbook unpacks to {unpacked:,} bytes, at most {MAX_UNPACKED_BYTES:,} are read")
    if unpacked > max(_ANY_RATIO_BYTES, MAX_RATIO * size):
        raise _too_large(
            f"the workbook unpacks from {size:,} to {unpacked:,} bytes, more than {MAX_RATIO} for each packed one"
        )
    for member in members:
        if member.file_size > max(_ANY_RATIO_BYTES, MAX_RATIO * member.compress_size):
            raise _too_large(
                f"{excerpt(member.filename)} in the workbook unpacks from {member.compress_size:,} to"
                f" {member.file_size:,} bytes, more than {MAX_RATIO} for each packed one"
            )
    names: set[str] = set()
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.filename in names:  # readers disagree on which one counts
            raise _damaged(member.filename, "it exists twice")
        names.add(member.filename)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # other methods may need gigabytes
            raise _damaged(member.filename, "its compression is not allowed in workbooks")
        if member.header_offset < end:
            raise _damaged(member.filename, "it overlaps another part")
        end = member.header_offset + _HEADER_BYTES + member.compress_size


def _elements(archive: zipfile.ZipFile, part: str, tag: str) -> list[dict[str, str]]:
    """The attributes of the part's elements with this tag, all names without prefixes."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == tag:
            found.append({key.rpartition(":")[2]: value for key, value in attributes.items()})

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type declaration, which workbooks never have")  # it could exhaust a parser

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        with archive.open(part) as file:
            data = file.read(_MAX_INDEX_BYTES + 1)
            if len(data) > _MAX_INDEX_BYTES:
                raise _too_large(f"{part} in the workbook is larger than {_MAX_INDEX_BYTES:,} bytes")
            parser.Parse(data, True)
    except (KeyError, expat.ExpatError, *_DAMAGED) as error:
        raise _damaged(part, error) from error
    return found


def _too_large(reason: str) -> ImportFailed:
    return ImportFailed("xlsx_too_large", f"{reason}; split it, or save it as CSV")


def _damaged(part: str, error: object) -> ImportFailed:
    return ImportFailed(
        "damaged_xlsx", f"{excerpt(part)} in the workbook is damaged: {error}; open the workbook and save it again"
    )
