"""A batch: some thousand validated rows, ready for the server, that still know where they came from."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.domain.errors import ImportFailed

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Reject:
    """A row that was not accepted: why, and what stands in the file.

    `row` is its number among the file's rows. `values` are its fields in the dataset's order, each None where there is
    no value, and None as a whole where it could not be taken apart; `text` is the row as it was sent (of formats
    without text, as JSON).
    """

    line: int
    row: int
    code: str
    reason: str
    column: str | None
    value: str | None
    text: str
    values: tuple[str | None, ...] | None

    def as_failure(self) -> ImportFailed:
        """The reject as what ends an import."""
        return ImportFailed(self.code, self.reason, self.line, self.row, self.column, self.value)


@dataclass(frozen=True)
class Batch:
    """Rows that were accepted exactly as they were sent.

    `payload` holds one line a row for LOAD DATA: the row number, then the dataset's columns in the dataset's order,
    `FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n'`, every value quoted,
    NULL not, UTF-8. `keys` and `lines` are indexed by position in the batch; `lines` is None where rows have no lines
    (generated). `source_bytes` is how far the source file, as it was sent (compressed), had been read when the batch
    was cut. `rejects` are the rows between its rows that were not accepted, in the file's order.

    Rows are numbered as the file has them, from 1: rejected ones too, but not the `blank` ones, which are passed over.
    `first_row` is the number of the batch's first row, accepted or not. `numbers` are those of its accepted rows where
    they don't count up from there: rejects stand between them, or it is a part of a batch (`dealing`). `key_columns`
    are the columns of the key in the dataset's order, where the batch was made of columns.
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
        """The number of the row that follows the batch in the file; not of a part of one."""
        return self.first_row + self.rows + len(self.rejects)

    @property
    def row_numbers(self) -> Sequence[int]:
        """The numbers of its accepted rows."""
        return range(self.first_row, self.first_row + self.rows) if self.numbers is None else self.numbers

    def line_of(self, row: int) -> int | None:
        """The line in the original file at which the row of this number begins; None where it is not one of these."""
        position = self.position_of(row)
        return None if self.lines is None or position is None else self.lines[position]

    def row_at(self, position: int) -> int:
        """The number of the row at this position."""
        return self.first_row + position if self.numbers is None else int(self.numbers[position])

    def position_of(self, row: int) -> int | None:
        """The position of the row with this number; None where it is not one of these rows."""
        position = row - self.first_row if self.numbers is None else bisect_left(self.numbers, row)
        return position if 0 <= position < self.rows and self.row_at(position) == row else None

    @property
    def last_row(self) -> int:
        """The number of the last one."""
        return self.row_at(self.rows - 1)


Batches = Iterator[Batch]
