"""What a sample is: a file's first records by its own columns."""

from dataclasses import dataclass, field

from app.domain.errors import ImportFailed

MAX_SAMPLED_ROWS = 10_000


class Boolean(str):
    """JSON's true or false."""


class Nested(str):
    """An object or array inside a row, as JSON."""


class Day(str):
    """A cell with a date, which may be a moment at midnight."""


# what stands in a record under one of the file's columns; None where there is nothing, or JSON's null
Value = str | None


@dataclass(frozen=True)
class Record:
    """One record: its line, its values by the file's columns, or why it could not be taken apart; and how many `blanks`
    were passed over just before it."""

    line: int
    values: tuple[Value, ...]
    failure: ImportFailed | None = None
    blanks: int = 0


@dataclass(frozen=True)
class Sample:
    """A file's first records.

    `names` are its columns' names, None where it names none; `width` is how many columns it has. Where it was read to
    its end it is not `cut`. `text` holds, of text formats, the records up to each of `ends`, in UTF-8 with line feeds;
    a reader makes of `text_of(n)` what an import makes of these records. `header` is whether it has one, None where
    that can't be told. `failure` says why no more could be read.
    `first_line` is, of a sheet, where its table begins.
    Blank rows are no records: there are `blanks` after the last. Columns are `unreadable` whose values have no text.
    """

    names: tuple[str, ...] | None
    width: int
    records: list[Record]
    cut: bool
    failure: ImportFailed | None = None
    text: str = field(default="", repr=False)
    ends: list[int] = field(default_factory=list, repr=False)
    closing: str = ""
    header: bool | None = None
    blanks: int = 0
    unreadable: frozenset[int] = frozenset()
    first_line: int | None = None

    def blanks_among(self, records: int) -> int:
        """How many blank rows stand before so many records, and after them where there are no others."""
        after = self.blanks if records >= len(self.records) and not self.cut else 0
        return sum(record.blanks for record in self.records[:records]) + after

    def text_of(self, records: int) -> str:
        """The file up to and with so many records, and on to one that is not empty: at a file's end empty lines are no
        rows. Whole for the reader of its format."""
        if not self.ends:
            return self.text + self.closing
        last = min(records, len(self.ends)) - 1
        while last + 1 < len(self.ends) and ("\n" + self.text[: self.ends[last]]).endswith(("\n\n", "\n\r\n")):
            last += 1
        return self.text[: self.ends[last]] + self.closing
