"""A reading: what a file is and how it is taken apart, found from its content or told by the client."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

FORMATS = ("csv", "ndjson", "json", "xlsx", "parquet")
TEXTS = ("csv", "ndjson", "json")
COMPRESSIONS = ("none", "gzip", "zstd")

# A list names the file's columns in their order; a mapping gives names of the file the dataset's. None leaves one out.
Columns = list[str | None] | dict[str, str | None]


@dataclass(frozen=True)
class FileFormat:
    """How one file is read.

    Attributes:
        format, compression: one of `FORMATS` and `COMPRESSIONS`.
        encoding: of text, by a name that Python's codecs know.
        delimiter, quote, escape: of CSV. `quote` is one ASCII character or "" for none; `escape` is "" where a quote
            inside quotes is doubled, or the backslash.
        quote_said: whether the client said `quote`, so that a doubtful one is believed.
        header: whether CSV and XLSX begin with the columns' names; None where the first line itself tells, which is so
            with a list of columns.
        first_line: of CSV, where the header stands, or the first row if there is none; what precedes it is skipped.
        trailing: whether each row of CSV ends with a delimiter that the header lacks.
        columns: what the file's columns are, where their own names don't say it.
        sheet: the name of an XLSX file's sheet; None for the first.
        null: of CSV and XLSX, the text that stands for no value where it is not quoted.
        searched: whether `first_line` was found, not said by the client: then no rows may stand above it. That is
            checked where an upload is accepted, so it is not kept.
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
    null: str | None = None
    searched: bool = field(default=False, compare=False)
    quote_said: bool = field(default=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """What the ledger keeps: the parts that are not as they are without a word."""
        plain = asdict(FileFormat(self.format))
        said = {name: value for name, value in asdict(self).items() if name == "format" or value != plain[name]}
        said.pop("searched", None)
        return said

    def shown(self) -> dict[str, Any]:
        """What people are shown: the parts that the format has."""
        return {name: value for name, value in asdict(self).items() if name in PARTS[self.format]}


def file_format_from_json(kept: Mapping[str, Any]) -> FileFormat:
    """The reading that `as_json` made this of; parts of a later version are left out."""
    known = {part.name for part in fields(FileFormat)}
    return FileFormat(**{name: value for name, value in kept.items() if name in known})


# which parts a format has
_ANY = {"format", "compression", "columns"}
_TEXT = _ANY | {"encoding"}
PARTS = {
    "csv": _TEXT | {"delimiter", "quote", "escape", "header", "first_line", "trailing", "null"},
    "ndjson": _TEXT,
    "json": _TEXT,
    "xlsx": _ANY | {"header", "first_line", "sheet", "null"},
    "parquet": _ANY,
}
