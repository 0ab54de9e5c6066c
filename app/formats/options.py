"""Format options: how a client overrides what is detected of its file."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.domain.errors import InvalidContent
from app.domain.file_format import FORMATS, PARTS, Columns, FileFormat
from app.formats.json.path import parse_path
from app.formats.streams.decoding import name_encoding
from app.formats.validate.columns import excerpt

NAMES = (
    "format",
    "encoding",
    "delimiter",
    "quote",
    "escape",
    "header",
    "first_line",
    "columns",
    "sheet",
    "records",
    "null",
)
MAX_LINES = 1000  # above a header
_MAX_NULL = 40
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_NO_QUOTE = "none"
_SHORTHANDS = {"tsv": ("csv", "\t"), "jsonl": ("ndjson", None)}


@dataclass(frozen=True)
class FormatOptions:
    """The options that a client gave, named as in `FileFormat`; None for each one that it did not give."""

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None
    first_line: int | None = None
    columns: Columns | None = None
    sheet: str | None = None
    records: str | None = None
    null: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def apply(self, file_format: FileFormat) -> FileFormat:
        """The file format with these options. Raises `InvalidContent` for an option that the format does not have."""
        given = self.as_json()
        foreign = next((name for name in given if name not in PARTS[file_format.format]), None)
        if foreign is not None:
            raise _refused(foreign, f"the file is read as {file_format.format}, which has no {foreign}")
        if isinstance(self.columns, list) and file_format.format in ("ndjson", "json"):
            raise _refused("columns", "objects have names and no order: columns must be an object, not a list")
        if isinstance(self.columns, list) and "header" in PARTS[file_format.format]:
            file_format = replace(file_format, header=None)  # the first line shows it, unless the client sets it
        return replace(file_format, **given, quote_given=bool(self.quote))


def parse_options(given: Mapping[str, str]) -> FormatOptions:
    """Parse the options of a query or form, each a text. Raises `InvalidContent`, which names the field."""
    format, delimiter = given.get("format"), given.get("delimiter")
    if delimiter is not None:
        delimiter = _DELIMITERS.get(delimiter, delimiter)
    if format in _SHORTHANDS:
        format, implied = _SHORTHANDS[format]
        delimiter = delimiter or implied
    if format is not None and format not in FORMATS:
        raise _refused("format", f"there is no format {format[:40]!r}; there are {', '.join(FORMATS)} and tsv")
    options = FormatOptions(
        format=format,
        encoding=name_encoding(given["encoding"]) if "encoding" in given else None,
        delimiter=delimiter,
        quote="" if given.get("quote") == _NO_QUOTE else given.get("quote"),
        escape=given.get("escape"),
        header=_read_header(given["header"]) if "header" in given else None,
        first_line=_read_line(given["first_line"]) if "first_line" in given else None,
        columns=_read_columns(given["columns"]) if "columns" in given else None,
        sheet=given.get("sheet"),
        records=_read_records(given["records"]) if "records" in given else None,
        null=given.get("null"),
    )
    _check_dialect(options)
    _check_null(options)
    return options


def _check_dialect(options: FormatOptions) -> None:
    quote = '"' if options.quote is None else options.quote
    if quote and (len(quote) > 1 or not quote.isascii() or quote.isalnum() or not quote.isprintable() or quote == " "):
        raise _refused("quote", "quote must be one ASCII punctuation character, or none if no field is quoted")
    if options.delimiter is not None and (
        not 1 <= len(options.delimiter) <= 8 or set(options.delimiter) & {"\r", "\n", "\0", quote}
    ):
        raise _refused("delimiter", "delimiter must be 1 to 8 characters, no line break and not the quote")
    if options.escape not in (None, "", "\\"):
        raise _refused("escape", "escape must be a backslash, or empty if quotes are doubled")
    if options.escape and (not quote or quote == options.escape):
        raise _refused("escape", "escape needs a quote: it escapes a quote inside a quoted field")


def _check_null(options: FormatOptions) -> None:
    if options.null is None:
        return
    if not 1 <= len(options.null) <= _MAX_NULL or not options.null.isprintable():
        reason = f"null must be 1 to {_MAX_NULL} printable characters; an unquoted empty field is always NULL"
        raise _refused("null", reason)
    quote = '"' if options.quote is None else options.quote
    if (quote and quote in options.null) or (options.delimiter and options.delimiter in options.null):
        raise _refused("null", "null is an unquoted field, so it can't contain a quote or the delimiter")


def _read_header(text: str) -> bool:
    if text not in ("true", "false"):
        raise _refused("header", "header must be true or false: whether the file begins with the columns' names")
    return text == "true"


def _read_line(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LINES):
        raise _refused("first_line", f"first_line must be a whole number from 1 to {MAX_LINES}")
    return int(text)


def _read_records(text: str) -> str:
    try:
        parse_path(text)
    except ValueError:
        reason = "records must be the path to the array with the rows: keys with points between them, as data.orders"
        raise _refused("records", f"{reason}, or a JSON array of keys") from None
    return text


def _read_columns(text: str) -> Columns:
    example = (
        '{"Order No": "order_number", "Notes": null} or a list of the names in their order, null to leave a column out'
    )
    if not text.lstrip().startswith(("[", "{")):
        return [name.strip() or None for name in text.split(",")]
    try:
        columns = json.loads(text)
    except (ValueError, RecursionError):
        raise _refused("columns", f"columns must be JSON such as {example}") from None
    targets = columns.values() if isinstance(columns, dict) else columns
    if not columns or not all(name is None or (isinstance(name, str) and name) for name in targets):
        raise _refused("columns", f"columns must be {example}")
    if (name := find_lone_surrogate((*columns, *targets))) is not None:
        reason = f"columns has {excerpt(name)!r}, which is not valid UTF-8: set the file's encoding with `encoding`"
        raise _refused("columns", reason)
    return columns  # type: ignore[no-any-return]


def find_lone_surrogate(names: Iterable[str | None]) -> str | None:
    """The first name with a lone surrogate: a byte that is invalid in the file's encoding, or half of an escaped
    pair."""
    return next((name for name in names if name and _LONE_SURROGATE.search(name)), None)


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
