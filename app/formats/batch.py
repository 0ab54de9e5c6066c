"""Batches: some thousand validated rows each, ready for the server, with their numbers and lines in the file."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.errors import ImportFailed

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Reject:
    """An invalid row: why it was refused, and what the file has there.

    `line` is where it begins in the file, `row` its number among the file's rows, both from 1. `column` and `value` are
    of the first bad value. `values` are the row's fields in the dataset's order (None: no value); None as a whole if
    the row can't be parsed. `text` is the row as the file has it (as JSON if the format is not text).
    """

    line: int
    row: int
    code: str
    reason: str
    column: str | None
    value: str | None
    text: str
    values: tuple[str | None, ...] | None

    def as_failure(self, *, aborted: bool = False) -> ImportFailed:
        """The error of an import that this row ends. If the policy `abort` has `aborted` it, the error names the other
        policy."""
        reason = f"{self.reason}; set on_error=reject to load the other rows" if aborted else self.reason
        return ImportFailed(self.code, reason, self.line, self.row, self.column, self.value)


@dataclass(frozen=True)
class Batch:
    """Rows that are valid exactly as they were sent.

    `payload` holds one line a row for LOAD DATA: the row number, then the dataset's columns in the dataset's order,
    `FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n'`, every value quoted,
    NULL not, UTF-8. `keys` and `lines` are indexed by position in the batch; `lines` is None for generated rows, which
    have none. `source_bytes` is how many bytes of the file as it was sent (compressed) had been read for this batch and
    all before it. `rejects` are the invalid rows between its rows, in the file's order.

    Rows are numbered in the file's order from 1. Invalid rows have numbers, `blank` rows (a count) have none.
    `first_row` is the number of the batch's first row, valid or not. `numbers` are those of its valid rows if they have
    gaps: there are rejects, or this is a part of a batch (see `partition`). `key_columns` are the columns of the key in
    the dataset's order, if the batch was made from columns.
    """

    first_row: int
    rows: int
    payload: bytes
    source_bytes: int
    keys: Sequence[tuple[str, ...]] = field(repr=False)
    lines: Sequence[int] | None = field(default=None, repr=False)
    rejects: Sequence[Reject] = ()
    numbers: Sequence[int] | None = field(default=None, repr=False)
    key_columns: "pl.DataFrame | None" = field(default=None, repr=False)
    blank: int = 0

    @property
    def next_row(self) -> int:
        """The number of the row that follows the batch in the file. Wrong for a part of a batch."""
        return self.first_row + self.rows + len(self.rejects)

    @property
    def row_numbers(self) -> Sequence[int]:
        """The numbers of its valid rows."""
        return range(self.first_row, self.first_row + self.rows) if self.numbers is None else self.numbers

    def line_of(self, row: int) -> int | None:
        """The line in the file where the row with this number begins; None if the row is not in the batch."""
        position = self.position_of(row)
        return None if self.lines is None or position is None else self.lines[position]

    def row_at(self, position: int) -> int:
        """The number of the row at this position."""
        return self.first_row + position if self.numbers is None else int(self.numbers[position])

    def position_of(self, row: int) -> int | None:
        """The position of the row with this number; None if the row is not in the batch."""
        position = row - self.first_row if self.numbers is None else bisect_left(self.numbers, row)
        return position if 0 <= position < self.rows and self.row_at(position) == row else None

    @property
    def last_row(self) -> int:
        """The number of its last valid row."""
        return self.row_at(self.rows - 1)


Batches = Iterator[Batch]
