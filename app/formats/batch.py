"""A batch: some thousand validated rows, ready for the server, that still know where they came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Batch:
    """Rows that were accepted exactly as they were sent.

    `payload` holds one line a row for LOAD DATA: the row number, then the dataset's columns in the dataset's order,
    `FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '' LINES TERMINATED BY '\\n'`, every text quoted,
    UTF-8. `keys` and `lines` are indexed by position in the batch; `lines` is None where rows have no lines
    (generated). `source_bytes` is how far the source file, as it was sent (compressed), had been read when the batch
    was cut.
    """

    first_row: int
    rows: int
    payload: bytes
    source_bytes: int
    keys: Sequence[tuple[str, ...]] = field(repr=False)
    lines: Sequence[int] | None = field(default=None, repr=False)

    def line_of(self, row: int) -> int | None:
        """The line in the original file at which this row (its number in the import) begins."""
        return None if self.lines is None else self.lines[row - self.first_row]


Batches = Iterator[Batch]
