"""File formats: how one file is parsed. Detected from its content; a client's options override that."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from app.domain.column_options import NO_OPTIONS, ColumnOptions, Columns, column_options_from_json, combine_columns

FORMATS = ("csv", "ndjson", "json", "xlsx", "ods", "parquet")
TEXTS = ("csv", "ndjson", "json")
SHEETS = ("xlsx", "ods")
COMPRESSIONS = ("none", "gzip", "zstd", "zip")


@dataclass(frozen=True)
class FileFormat:
    """How one file is read.

    Attributes:
        format, compression: one of `FORMATS` and `COMPRESSIONS`.
        encoding: of text, by a name that Python's codecs know.
        delimiter, quote, escape: of CSV. `quote` is one ASCII character or "" for none; `escape` is "" if a quote
            inside quotes is doubled, or the backslash.
        quote_given: whether the client set `quote`; else a doubtful quote fails the import.
        header: whether CSV and sheets begin with the columns' names; None if the first line must show it, which happens
            with a list of columns only.
        first_line: of CSV and sheets, the line of the header, or of the first row if there is no header. Lines above it
            are skipped.
        trailing: whether each row of CSV ends with a delimiter that the header lacks.
        columns: names of the option `columns`; None if the file's own names are used.
        column_options: what the option `columns` says of columns of the dataset besides their names.
        leave_out_others: whether columns are left out that the dataset does not have.
        all_columns: what the client said of the values of all columns; a column's own options win.
        sheet: the name of a workbook's sheet, or * for all that are visible; None for the first of these.
        records: of JSON, the path to the array with the rows, as `data.orders`; None if the file itself is the array.
        null: of CSV and sheets, the text that means NULL if it is not quoted.
        comment: of CSV, how a comment begins; "" if no line is skipped. None: only lines that a database client adds
            below the header and at the end are skipped.
        trim: of CSV, whether spaces around a field are removed. None: they stay, but the padded output of a database
            client fails.
        first_line_found: whether `first_line` was auto-detected. Then no rows may be above it. Of CSV this is checked
            when an upload is accepted, so it is not kept. Of a workbook it means that its reader has to find the line.
    """

    format: str
    compression: str = "none"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    header: bool | None = True
    first_line: int = 1
    trailing: bool = False
    columns: Columns | None = None
    column_options: Mapping[str, ColumnOptions] = field(default_factory=dict)
    leave_out_others: bool = False
    all_columns: ColumnOptions = NO_OPTIONS
    sheet: str | None = None
    records: str | None = None
    null: str | None = None
    comment: str | None = None
    trim: bool | None = None
    first_line_found: bool = field(default=False, compare=False)
    quote_given: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The parts that differ from the defaults, as the ledger keeps them."""
        plain = FileFormat(self.format)
        parts = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name == "format" or getattr(self, each.name) != getattr(plain, each.name)
        }
        if self.format not in SHEETS:
            parts.pop("first_line_found", None)
        if self.column_options:
            parts["column_options"] = {name: each.as_json() for name, each in self.column_options.items()}
        if self.all_columns != plain.all_columns:
            parts["all_columns"] = self.all_columns.as_json()
        return parts

    def as_public_json(self) -> dict[str, Any]:
        """The parts that this format has, as the API returns them: each under the name of its option. Options for the
        values of all columns are there if the client gave them."""
        shown = PARTS[self.format] - {"column_options", "leave_out_others", "all_columns"}
        parts = {each.name: getattr(self, each.name) for each in fields(self) if each.name in shown}
        return parts | {"columns": self.columns_option()} | self.all_columns.as_json()

    def columns_option(self) -> list[Any] | dict[str, Any] | None:
        """The whole option `columns`, as JSON."""
        return combine_columns(self.columns, self.column_options, leave_out_others=self.leave_out_others)


def file_format_from_json(kept: Mapping[str, Any]) -> FileFormat:
    """The file format that `as_json` returned this for. Ignores parts of later versions."""
    known = {part.name for part in fields(FileFormat)}
    parts = {name: value for name, value in kept.items() if name in known}
    for name in ("column_options", "all_columns"):
        if name in parts:
            parts[name] = _READ[name](parts[name])
    return FileFormat(**parts)


def _read_all(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, ColumnOptions]:
    return {name: column_options_from_json(each) for name, each in kept.items()}


_READ = {"column_options": _read_all, "all_columns": column_options_from_json}

# which parts a format has
_ANY = {"format", "compression", "columns", "column_options", "leave_out_others", "all_columns"}
_TEXT = _ANY | {"encoding"}
PARTS = {
    "csv": _TEXT | {"delimiter", "quote", "escape", "header", "first_line", "trailing", "null", "comment", "trim"},
    "ndjson": _TEXT,
    "json": _TEXT | {"records"},
    "xlsx": _ANY | {"header", "first_line", "sheet", "null"},
    "ods": _ANY | {"header", "first_line", "sheet", "null"},
    "parquet": _ANY,
}
