"""Detection of a file's format: from its first bytes, and only then from its name and content type."""

import codecs
import json
from dataclasses import replace

from app.domain.dataset import Dataset
from app.domain.errors import InvalidContent, UnsupportedFormat
from app.domain.file_format import SHEETS, TEXTS, FileFormat
from app.formats.column_options import apply_options
from app.formats.csv import dialect
from app.formats.file_kinds import SUPPORTED, kind_of_archive, refuse_kind
from app.formats.json.values import Decoder
from app.formats.options import FormatOptions
from app.formats.streams.decompression import unpack_head
from app.formats.streams.encoding_guess import guess_utf16
from app.formats.streams.zip_source import ZIP_MAGIC, entries_in, unpack_entry

# A zstd frame gives nothing before its first block is complete: 128 KiB of content, and hardly less in the file.
HEAD_BYTES = 256 * 1024
_TEXT_BYTES = 64 * 1024
_UNPACKED_BYTES = 256 * 1024  # of what is inside another file: the names in an archive tell what it is
_LONGEST_ESCAPE = 6  # characters of \\u00e9

_PARQUET = b"PAR1"
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
    ".ods": "ods",
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
    compression, head, archive, name = _unpacked(head[:HEAD_BYTES], name)
    encoding = options.encoding or _find_encoding(head)
    text = _decode(head[:_TEXT_BYTES], encoding)
    format = options.format
    if format is None:
        refuse_kind(head, text, archive)
        format = archive or _find_format(name, content_type, head, text, wants_records=options.records is not None)
    file_format = options.apply(FileFormat(format, compression, encoding if format in TEXTS else "utf-8"))
    if format in SHEETS:
        is_free = options.header is None and options.columns is None and not dataset.columns
        return replace(
            file_format,
            header=None if is_free else file_format.header,
            first_line_found=options.first_line is None,
        )
    if format != "csv":
        return file_format
    return dialect.find(file_format, options, text, apply_options(dataset, file_format), name or "")


def _unpacked(head: bytes, name: str | None) -> tuple[str, bytes, str | None, str | None]:
    """How a file is compressed, the beginning of its content, what it is if that is an archive, and its name; damaged
    data have no content, and `check_head` reports them."""
    compression = "none"
    if head.startswith(ZIP_MAGIC) and (kind := _kind_of(head, name)) is None:
        compression = "zip"
        inner, head = unpack_entry(head, _UNPACKED_BYTES)
        name = inner or name
    elif not head.startswith(ZIP_MAGIC):
        compression, head = unpack_head(head, _UNPACKED_BYTES)
    kind = _kind_of(head, name) if head.startswith(ZIP_MAGIC) else None
    return compression, head, kind, name


def _kind_of(head: bytes, name: str | None) -> str | None:
    kind = kind_of_archive(entries_in(head), head)
    named = (name or "").lower()
    return kind or next((kind for ending, kind in ((".xlsx", "xlsx"), (".ods", "ods")) if named.endswith(ending)), None)


def _find_format(name: str | None, content_type: str | None, head: bytes, text: str, *, wants_records: bool) -> str:
    if head.startswith(_PARQUET):
        return "parquet"
    content = text.lstrip()
    if content.startswith("["):
        return "json"
    if content.startswith("{"):
        return "json" if wants_records or _spans_lines(content) else "ndjson"
    if "\0" in content.partition("\n")[0]:
        named = guess_utf16(head)
        what = f"The file looks like text in {named}: set encoding={named} if it is" if named else "The file is binary"
        raise UnsupportedFormat(f"{what}; {SUPPORTED}.")
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
        return codecs.getincrementaldecoder(encoding)(errors="replace").decode(head).lstrip("\ufeff")
    except UnicodeError as error:
        reason = f"the file can't be read as {encoding}: {error}"
        if encoding in ("utf-16", "utf-32"):
            reason += f"; set encoding={encoding}-le or {encoding}-be"
        raise InvalidContent(reason, errors=[{"field": "encoding", "value": encoding, "reason": reason}]) from error
