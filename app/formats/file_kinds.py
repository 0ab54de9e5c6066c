"""What a file is that can't be read here, by its first bytes, and which step makes it a file that can."""

import re
from collections.abc import Iterable

from app.domain.errors import UnsupportedFormat
from app.formats.streams.decompression import GZIP_MAGIC, ZSTD_MAGIC
from app.formats.streams.zip_source import ZIP_MAGIC, Entry

SUPPORTED = "supported are CSV, TSV, NDJSON, JSON, XLSX, ODS and Parquet, each also compressed with gzip, zstd or ZIP"
_SAVE = "open it in a spreadsheet program and save it as XLSX or CSV"
_UNPACK = "unpack it and send the file that is in it, which may be compressed with gzip, zstd or ZIP"
_EXPORT = "export the table as CSV"
_OLE = b"\xd0\xcf\x11\xe0"
_MAGIC = (
    (b"PK\x05\x06", "an empty ZIP archive", "send an archive with one file"),
    (b"%PDF", "a PDF document", f"{_EXPORT} in the program that made it"),
    (b"{\\rtf", "an RTF document", _EXPORT),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "compressed with xz", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"FEA1", "a Feather file", "write it as Parquet"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"ORC", "an ORC file", "write it as Parquet"),
    (b"\x89PNG", "a picture", _EXPORT),
    (b"\xff\xd8\xff", "a picture", _EXPORT),
    (GZIP_MAGIC, "compressed with gzip twice, or inside another archive", "unpack it once"),
    (ZSTD_MAGIC, "compressed with zstd twice, or inside another archive", "unpack it once"),
    (ZIP_MAGIC, "a ZIP archive inside another", "unpack it once"),
)
_TAR_AT, _TAR = 257, b"ustar"
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|table|meta|style|script)\b", re.IGNORECASE)
_XML_TABLE = "urn:schemas-microsoft-com:office:spreadsheet"
_FLAT = "urn:oasis:names:tc:opendocument:xmlns:office"
_DUMPS = (  # how an SQL dump begins, in lower case
    "-- mysql dump", "-- mariadb dump", "-- postgresql database dump", "--\n-- postgresql database dump",
    "/*m!999999", "/*!40", "create table ", "insert into ", "pragma foreign_keys", "begin transaction;",
)  # fmt: skip
# the first name, or a part of one, in the archives that programs use as files of their own
_CONTAINERS = (
    ("word/", "a Word document"),
    ("ppt/", "a presentation"),
    ("Index/", "a Numbers document"),
    ("META-INF/MANIFEST.MF", "a Java archive"),
)
_BINARY_SHEET = re.compile(r"xl/worksheets/.*\.bin")
_OFFICE = ("[Content_Types].xml", "_rels/", "docProps/", "customXml/")
_OPEN_DOCUMENTS = {"spreadsheet": "ods", "spreadsheet-template": "ods", "text": "a text document"}


def kind_of_archive(entries: Iterable[Entry], head: bytes) -> str | None:
    """What a ZIP archive is in truth: xlsx, ods, or words for what can't be read; None for a mere archive."""
    is_office = False
    for number, entry in enumerate(entries):
        if number == 0 and entry.name == "mimetype":
            type = head[entry.begin : entry.begin + 80].decode("latin-1")
            found = re.match(r"application/vnd\.oasis\.opendocument\.([a-z-]+)", type)
            return _OPEN_DOCUMENTS.get(found[1], "an OpenDocument file") if found else "a book or another document"
        if entry.name.startswith("xl/"):
            return "xlsb" if "workbook.bin" in entry.name or _BINARY_SHEET.match(entry.name) else "xlsx"
        for begun, kind in _CONTAINERS:
            if entry.name.startswith(begun):
                return kind
        is_office = is_office or entry.name.startswith(_OFFICE)
    return "xlsx" if is_office else None  # the beginning does not show which; its reader checks that


def refuse_kind(head: bytes, text: str, archive: str | None) -> None:
    """Raises UnsupportedFormat for a file of a kind that is known and not read."""
    if archive == "xlsb":
        raise _unsupported("a binary workbook (xlsb)", _SAVE)
    if archive not in (None, "xlsx", "ods"):
        raise _unsupported(archive or "", _SAVE if "Numbers" in (archive or "") else _EXPORT)
    if head.startswith(_OLE):
        raise _ole(head)
    if head[_TAR_AT:].startswith(_TAR):
        raise _unsupported("a tar archive", _UNPACK)
    for magic, what, step in _MAGIC:
        if head.startswith(magic) and not (magic == ZIP_MAGIC and archive):
            raise _unsupported(what, step)
    content = text.lstrip()[:4096]
    if content.startswith("<"):
        _refuse_markup(content)
    _refuse_dump(content)


def _ole(head: bytes) -> UnsupportedFormat:
    """What a file is in the container of Office before 2007."""

    def has(stream: str) -> bool:
        return stream.encode("utf-16-le") in head

    if has("EncryptedPackage"):
        return _unsupported("an encrypted workbook", "open it in a spreadsheet program and save it without a password")
    if has("WordDocument"):
        return _unsupported("a Word document of before 2007", _EXPORT)
    if has("Workbook") or has("Book"):
        return _unsupported(
            "a workbook of before 2007 (xls)",
            f"{_SAVE}: errors and formats of its cells can't be read exactly enough",
        )
    return _unsupported("an old Excel workbook (xls) or an encrypted one", f"{_SAVE} without a password")


def _refuse_markup(content: str) -> None:
    if _XML_TABLE in content:
        raise _unsupported("an XML spreadsheet of Excel 2003", _SAVE)
    if _FLAT in content:
        raise _unsupported("a flat OpenDocument file", "save it as ODS, XLSX or CSV")
    if _HTML.match(content) or "<html" in content.lower():
        raise _unsupported("an HTML page, perhaps with a spreadsheet's name", f"{_SAVE}; set format=csv if it is CSV")
    if content.startswith("<?xml"):
        raise _unsupported("an XML document", "export it as CSV or JSON")


def _refuse_dump(content: str) -> None:
    if content[:100].lower().startswith(_DUMPS):
        step = "export the table's rows, for example with mysqldump --tab or psql --csv; set format=csv if it is CSV"
        raise _unsupported("an SQL dump", step)


def _unsupported(what: str, step: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"The file is {what}: {step}; {SUPPORTED}.")
