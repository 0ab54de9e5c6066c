"""File formats: how one file is parsed. Detected from its content; a client's options override that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

FORMATS = ("csv", "ndjson", "json", "xlsx", "ods", "parquet")
TEXTS = ("csv", "ndjson", "json")
SHEETS = ("xlsx", "ods")
COMPRESSIONS = ("none", "gzip", "zstd", "zip")

# The option `columns`: the names of the file's columns in their order, or the dataset's name for some of the file's
# names. None leaves a column out.
Columns = list[str | None] | dict[str, str | None]


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
        columns: the option `columns`; None if the file's own names are used.
        sheet: the name of a workbook's sheet, or * for all that are visible; None for the first of these.
        records: of JSON, the path to the array with the rows, as `data.orders`; None if the file itself is the array.
        null: of CSV and sheets, the text that means NULL if it is not quoted.
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
    sheet: str | None = None
    records: str | None = None
    null: str | None = None
    first_line_found: bool = field(default=False, compare=False)
    quote_given: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The parts that differ from the defaults, as the ledger keeps them."""
        defaults = asdict(FileFormat(self.format))
        parts = {name: value for name, value in asdict(self).items() if name == "format" or value != defaults[name]}
        if self.format not in SHEETS:
            parts.pop("first_line_found", None)
        return parts

    def as_public_json(self) -> dict[str, Any]:
        """The parts that this format has, as the API returns them."""
        return {name: value for name, value in asdict(self).items() if name in PARTS[self.format]}


def file_format_from_json(kept: Mapping[str, Any]) -> FileFormat:
    """The file format that `as_json` returned this for. Ignores parts of later versions."""
    known = {part.name for part in fields(FileFormat)}
    return FileFormat(**{name: value for name, value in kept.items() if name in known})


# which parts a format has
_ANY = {"format", "compression", "columns"}
_TEXT = _ANY | {"encoding"}
PARTS = {
    "csv": _TEXT | {"delimiter", "quote", "escape", "header", "first_line", "trailing", "null"},
    "ndjson": _TEXT,
    "json": _TEXT | {"records"},
    "xlsx": _ANY | {"header", "first_line", "sheet", "null"},
    "ods": _ANY | {"header", "first_line", "sheet", "null"},
    "parquet": _ANY,
}
