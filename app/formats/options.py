"""Format options: how a client overrides what is detected of its file."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from app.domain.column_options import NO_OPTIONS, WIDE, ColumnOptions, Columns, combine_columns
from app.domain.dataset import Dataset
from app.domain.file_format import FORMATS, PARTS, FileFormat
from app.formats.column_options import apply_options
from app.formats.columns_option import ColumnsOption, parse_all_columns, parse_columns, refused
from app.formats.json.path import parse_path
from app.formats.streams.decoding import name_encoding

NAMES = (
    "format", "encoding", "delimiter", "quote", "escape", "header", "first_line", "columns", *WIDE, "sheet", "records",
    "null", "comment", "trim"
)  # fmt: skip
MAX_LINES = 1000  # above a header
_MAX_NULL = 40
_MAX_COMMENT = 8
_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_NONE = "none"
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
    column_options: Mapping[str, ColumnOptions] | None = None
    leave_out_others: bool | None = None
    all_columns: ColumnOptions | None = None
    sheet: str | None = None
    records: str | None = None
    null: str | None = None
    comment: str | None = None
    trim: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The options that were given, each as JSON under its name."""
        said = combine_columns(self.columns, self.column_options or {}, leave_out_others=self.leave_out_others or False)
        options = self._given() | {"columns": said} | (self.all_columns.as_json() if self.all_columns else {})
        ours = ("column_options", "leave_out_others", "all_columns")
        return {name: value for name, value in options.items() if value is not None and name not in ours}

    def _given(self) -> dict[str, Any]:
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in parts.items() if value is not None}

    def check_columns(self, dataset: Dataset) -> None:
        """Raises `InvalidContent` for options for columns that do not fit the dataset."""
        options, for_all = self.column_options or {}, self.all_columns or NO_OPTIONS
        given = FileFormat("csv", columns=self.columns, column_options=options, all_columns=for_all, null=self.null)
        apply_options(dataset, given)

    def apply(self, file_format: FileFormat) -> FileFormat:
        """The file format with these options. Raises `InvalidContent` for an option that the format does not have."""
        given = self._given()
        foreign = next((name for name in given if name not in PARTS[file_format.format]), None)
        if foreign is not None:
            raise refused(foreign, f"the file is read as {file_format.format}, which has no {foreign}")
        if isinstance(self.columns, list) and file_format.format in ("ndjson", "json"):
            raise refused("columns", "objects have names and no order: columns must be an object, not a list")
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
        raise refused("format", f"there is no format {format[:40]!r}; there are {', '.join(FORMATS)} and tsv")
    columns = parse_columns(given["columns"]) if "columns" in given else ColumnsOption(None)
    options = FormatOptions(
        format=format,
        encoding=name_encoding(given["encoding"]) if "encoding" in given else None,
        delimiter=delimiter,
        quote="" if given.get("quote") == _NONE else given.get("quote"),
        escape=given.get("escape"),
        header=_read_header(given["header"]) if "header" in given else None,
        first_line=_read_line(given["first_line"]) if "first_line" in given else None,
        columns=columns.columns,
        column_options=columns.column_options or None,
        leave_out_others=columns.leave_out_others or None,
        all_columns=parse_all_columns(given),
        sheet=given.get("sheet"),
        records=_read_records(given["records"]) if "records" in given else None,
        null=given.get("null"),
        comment="" if given.get("comment") == _NONE else given.get("comment"),
        trim=_read_trim(given["trim"]) if "trim" in given else None,
    )
    _check_dialect(options)
    _check_null(options)
    _check_comment(options)
    return options


def _check_dialect(options: FormatOptions) -> None:
    quote = '"' if options.quote is None else options.quote
    if quote and (len(quote) > 1 or not quote.isascii() or quote.isalnum() or not quote.isprintable() or quote == " "):
        raise refused("quote", "quote must be one ASCII punctuation character, or none if no field is quoted")
    if options.delimiter is not None and (
        not 1 <= len(options.delimiter) <= 8 or set(options.delimiter) & {"\r", "\n", "\0", quote}
    ):
        raise refused("delimiter", "delimiter must be 1 to 8 characters, no line break and not the quote")
    if options.escape not in (None, "", "\\"):
        raise refused("escape", "escape must be a backslash, or empty if quotes are doubled")
    if options.escape and (not quote or quote == options.escape):
        raise refused("escape", "escape needs a quote: it escapes a quote inside a quoted field")


def _check_null(options: FormatOptions) -> None:
    if options.null is None:
        return
    if not 1 <= len(options.null) <= _MAX_NULL or not options.null.isprintable():
        reason = f"null must be 1 to {_MAX_NULL} printable characters; an unquoted empty field is always NULL"
        raise refused("null", reason)
    quote = '"' if options.quote is None else options.quote
    if (quote and quote in options.null) or (options.delimiter and options.delimiter in options.null):
        raise refused("null", "null is an unquoted field, so it can't contain a quote or the delimiter")


def _check_comment(options: FormatOptions) -> None:
    quote = '"' if options.quote is None else options.quote
    comment = options.comment
    if comment is not None and (
        len(comment) > _MAX_COMMENT
        or comment != comment.strip()
        or not (comment or "#").isprintable()
        or (quote and quote in comment)
        or comment == options.delimiter
    ):
        reason = (
            f"comment must be 1 to {_MAX_COMMENT} characters without a quote or outer spaces, such as #, or none if"
            " every line is a row"
        )
        raise refused("comment", reason)
    if options.trim and options.delimiter and options.delimiter.strip(" ") != options.delimiter:
        raise refused("trim", "trim removes spaces around fields, so the delimiter can't begin or end with a space")


def _read_trim(text: str) -> bool:
    if text not in ("true", "false"):
        raise refused("trim", "trim must be true or false: whether spaces around a field are removed")
    return text == "true"


def _read_header(text: str) -> bool:
    if text not in ("true", "false"):
        raise refused("header", "header must be true or false: whether the file begins with the columns' names")
    return text == "true"


def _read_line(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LINES):
        raise refused("first_line", f"first_line must be a whole number from 1 to {MAX_LINES}")
    return int(text)


def _read_records(text: str) -> str:
    try:
        parse_path(text)
    except ValueError:
        reason = "records must be the path to the array with the rows: keys with dots between them, as data.orders"
        raise refused("records", f"{reason}, or a JSON array of keys") from None
    return text
