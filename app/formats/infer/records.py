"""Samples: a file's first records by the file's own columns."""

from dataclasses import dataclass, field

from app.domain.errors import ImportFailed
from app.formats.csv.client_output import Footer

MAX_SAMPLED_ROWS = 10_000


class Boolean(str):
    """JSON's true or false."""


class Nested(str):
    """An object or array inside a row, as JSON."""


class Day(str):
    """A cell with a date, or a date and time at midnight."""


# a record's value for one of the file's columns; None for an empty field or JSON's null
Value = str | None


@dataclass(frozen=True)
class Record:
    """One record: its line, its values by the file's columns, or the `failure` if it can't be parsed. `blanks` is how
    many blank rows were skipped just before it."""

    line: int
    values: tuple[Value, ...]
    failure: ImportFailed | None = None
    blanks: int = 0


@dataclass(frozen=True)
class Sample:
    """A file's first records.

    Attributes:
        names: the names of the file's columns; None if it has no header.
        width: how many columns it has.
        records: the records, without blank rows.
        cut: whether the file goes on after the sample.
        failure: why no more could be read.
        text: for text formats, the sampled text in UTF-8 with line feeds. A reader makes the same of `text_of(n)` as an
            import does of these records.
        ends: where each record ends in `text`.
        closing: what closes `text`, such as the bracket of a JSON array.
        header: whether the file has a header; None if that is unclear.
        blanks: how many blank rows follow the last record.
        unreadable: positions of columns whose values can't be texts.
        footer: of CSV, the lines at the end that a database client added; they are not in `text`.
        dashes: of CSV, how many lines of dashes are below the header; they count as blank rows.
        unquoted: of CSV, whether quotes turned out to be part of the values.
        first_line: of sheets, the row where the table begins; None if the sheet is empty.
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
    footer: Footer = field(default_factory=Footer)
    dashes: int = 0
    unquoted: bool = False
    first_line: int | None = None

    def blanks_among(self, records: int) -> int:
        """How many blank rows are among the first `records`, or in the whole sample if there are no more records."""
        ended = records >= len(self.records) and not self.cut
        after = self.blanks + len(self.footer.lines) if ended else 0
        return self.dashes + sum(record.blanks for record in self.records[:records]) + after

    def text_of(self, records: int) -> str:
        """The text of the first `records`, valid for the reader of its format. It goes on to a record that is not
        empty, because readers ignore empty lines at a file's end."""
        if not self.ends:
            return self.text + self.closing
        last = min(records, len(self.ends)) - 1
        while last + 1 < len(self.ends) and ("\n" + self.text[: self.ends[last]]).endswith(("\n\n", "\n\r\n")):
            last += 1
        return self.text[: self.ends[last]] + self.closing
