"""Column sums: adds up columns of the rows that are loaded, for the control totals."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.domain.dataset import Dataset
from app.domain.requests.control_totals import add_exactly
from app.formats.batch import Batch
from app.formats.payload import read_column


class ColumnSums:
    """Exact sums of columns of numbers over an attempt's batches. Without columns it reads no batch."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.sums = dict.fromkeys(columns, Decimal(0))

    def add_batches(self, batches: Iterator[Batch], dataset: Dataset) -> Iterator[Batch]:
        """The same batches; their rows are in `sums` when they have passed. A NULL counts as 0."""
        for batch in batches:
            for column, sum in self.sums.items() if batch.rows else ():
                numbers = read_column(batch.payload, dataset.column_names.index(column))
                self.sums[column] = add_exactly(numbers, sum)
            yield batch
