"""Resolve: a batch goes into its branch, and rows whose key is there already are treated as the client said."""

from collections.abc import Iterator
from datetime import datetime

from app.db import xa
from app.db.datasets import rows, upserts
from app.domain.dataset import Dataset
from app.domain.imports import Tally
from app.domain.requests.policy import OnConflict
from app.formats.batch import Batch
from app.formats.payload import read_payload

BATCH_ROWS = 1000  # how many rows one statement updates


def load_batch(
    branch: xa.Branch, dataset: Dataset, batch: Batch, on_conflict: OnConflict, stamp: datetime | None = None
) -> Tally:
    """Load a batch; what became of its rows. Those that it updates bear the `stamp`. Raises `RowsDiffer` and what the
    driver raises: the branch must be abandoned then."""
    number = branch.xid.number
    if on_conflict is OnConflict.FAIL:
        rows.load_payload(branch.connection, dataset, number, batch.payload, batch.rows)
        return Tally(inserted=batch.rows)
    if dataset.adopted:
        skipped = upserts.load_counted(branch.connection, dataset, number, batch.payload, batch.rows)
        return Tally(inserted=batch.rows - skipped, skipped=skipped)
    left_out = upserts.load_new(
        branch.connection, dataset, number, batch.payload, batch.first_row, batch.rows, batch.numbers
    )
    inserted = batch.rows - len(left_out)
    if on_conflict is OnConflict.SKIP:
        return Tally(inserted=inserted, skipped=len(left_out))
    for step in _values(batch, left_out):
        _update(branch, dataset, step, stamp)
    return Tally(inserted=inserted, updated=len(left_out))


def _values(batch: Batch, numbers: list[int]) -> Iterator[list[tuple[str | None, ...]]]:
    """The values of these rows of the batch, in the file's order, some at a time."""
    wanted, step = set(numbers), []
    for row, values in read_payload(batch.payload) if wanted else ():
        if row in wanted:
            step.append(values)
        if len(step) == BATCH_ROWS:
            yield step
            step = []
    if step:
        yield step


def _update(branch: xa.Branch, dataset: Dataset, values: list[tuple[str | None, ...]], stamp: datetime | None) -> None:
    positions = [dataset.column_names.index(name) for name in dataset.key]
    keys = [[row[position] for position in positions] for row in values]
    latest: dict[upserts.Place, tuple[str | None, ...]] = {}  # of a key that stands here twice, the last row holds
    for place, row in zip(upserts.find_places(branch.connection, dataset, keys), values, strict=True):
        if place is None:
            raise rows.RowsDiffer(len(values), 0, ["a row that was in the way is gone"])
        latest[place] = row
    number = branch.xid.number
    upserts.keep_before_images(branch.connection, dataset, number, [place for place in latest if place[0] != number])
    upserts.update_rows(branch.connection, dataset, list(latest), list(latest.values()), number, stamp)
