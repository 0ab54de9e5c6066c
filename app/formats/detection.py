"""Detection of a file's format: from its first bytes, and only then from its name and content type."""

import codecs
import json

from app.domain.dataset import Dataset
from app.domain.errors import InvalidContent, UnsupportedFormat
from app.domain.file_format import TEXTS, FileFormat
from app.formats.csv import dialect
from app.formats.json.values import Decoder
from app.formats.options import FormatOptions
from app.formats.streams.decompression import GZIP_MAGIC, ZSTD_MAGIC, unpack_head

# A zstd frame gives nothing before its first block is complete: 128 KiB of content, and hardly less in the file.
HEAD_BYTES = 256 * 1024
_TEXT_BYTES = 64 * 1024
_LONGEST_ESCAPE = 6  # characters of \\u00e9

_SUPPORTED = "supported are CSV, TSV, NDJSON, JSON arrays, XLSX and Parquet, each also compressed with gzip or zstd"
_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"
_MAGIC = (
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"%PDF", "a PDF document"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls) or an encrypted one"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (GZIP_MAGIC, "compressed with gzip twice"),
    (ZSTD_MAGIC, "compressed with zstd twice"),
)
_BOMS = (  # UTF-32 first: its byte order mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
}
_TYPES = {
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
}


def detect(
    name: str | None, content_type: str | None, head: bytes, dataset: Dataset, options: FormatOptions
) -> FileFormat:
    """Detect the format of a file whose first bytes are `head`; HEAD_BYTES are enough.

    `options` override the content; the content overrides `name` and `content_type`. The dataset's column names help to
    find the delimiter and the header. Raises UnsupportedFormat for a file of another kind, and InvalidContent if the
    file can't be read in its encoding.
    """
    compression, head = unpack_head(head[:HEAD_BYTES], _TEXT_BYTES)  # `check_head` reports damaged data
    head = head[:_TEXT_BYTES]
    encoding = options.encoding or _find_encoding(head)
    text = _decode(head, encoding)
    format = options.format or _find_format(name, content_type, head, text, wants_records=options.records is not None)
    file_format = options.apply(FileFormat(format, compression, encoding if format in TEXTS else "utf-8"))
    return dialect.find(file_format, options, text, dataset, name or "") if format == "csv" else file_format


def _find_format(name: str | None, content_type: str | None, head: bytes, text: str, *, wants_records: bool) -> str:
    if head.startswith(_PARQUET):
        return "parquet"
    if head.startswith(_ZIP):
        if b"[Content_Types].xml" in head or b"xl/" in head or (name or "").lower().endswith(".xlsx"):
            return "xlsx"
        raise UnsupportedFormat(f"The file is a ZIP archive; {_SUPPORTED}.")
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise UnsupportedFormat(f"The file is {what}; {_SUPPORTED}.")
    content = text.lstrip()
    if content.startswith("["):
        return "json"
    if content.startswith("{"):
        return "json" if wants_records or _spans_lines(content) else "ndjson"
    if "\0" in content.partition("\n")[0]:
        raise UnsupportedFormat(f"The file is binary, or text in another encoding (set `encoding`); {_SUPPORTED}.")
    plain = (name or "").lower().removesuffix(".gz").removesuffix(".zst")
    named = next((format for ending, format in _NAMES.items() if plain.endswith(ending)), None)
    declared = _TYPES.get((content_type or "").partition(";")[0].strip().lower())
    found = named or declared
    return found if found in TEXTS else "csv"


def _spans_lines(content: str) -> bool:
    """Whether the first object goes on after its line, or another one follows on the same line."""
    try:
        _, end = Decoder().raw_decode(content, 0)
    except json.JSONDecodeError as error:
        whole = content.rstrip()
        is_cut_off = error.msg.startswith("Unterminated") or error.pos >= len(whole) - _LONGEST_ESCAPE
        return is_cut_off and "\n" in whole
    except (ValueError, RecursionError):
        return False
    return "\n" in content[:end] or content[end:].lstrip(" \t\r").startswith("{")


def _find_encoding(head: bytes) -> str:
    """The encoding by its byte order mark or by the zero bytes of UTF-16; else UTF-8, since no other can be
    detected."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    even, odd = head[0:1024:2], head[1:1024:2]  # Latin text has a zero in every second place
    if 2 * odd.count(0) > len(odd) > 10 * even.count(0):
        return "utf-16-le"
    if 2 * even.count(0) > len(even) > 10 * odd.count(0):
        return "utf-16-be"
    return "utf-8"


def _decode(head: bytes, encoding: str) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)(errors="replace").decode(head).removeprefix("\ufeff")
    except UnicodeError as error:
        reason = f"the file can't be read as {encoding}: {error}"
        if encoding in ("utf-16", "utf-32"):
            reason += f"; set encoding={encoding}-le or {encoding}-be"
        raise InvalidContent(reason, errors=[{"field": "encoding", "value": encoding, "reason": reason}]) from error
