"""Resolve: a batch goes into its branch, and rows whose key is there already are treated as the client said."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import islice

from app.db import xa
from app.db.datasets import rows, upserts
from app.db.datasets.assignments import Place
from app.domain.dataset import Dataset
from app.domain.imports import Tally
from app.domain.requests.policy import OnConflict
from app.formats.batch import Batch
from app.formats.payload import Line, read_lines

STEP_ROWS = 1000  # how many rows one statement updates
PROBE_ROWS = 100  # how many rows of a batch are looked up to guess where the others are


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
    if on_conflict is OnConflict.UPDATE:
        assert stamp is not None
        return _Update(branch, dataset, stamp).load(batch)
    left_out = upserts.load_new(branch.connection, dataset, number, batch.payload, batch.row_numbers)
    return Tally(inserted=batch.rows - len(left_out), skipped=len(left_out))


class _Update:
    """Loads the new rows of a batch, and updates the rows that have the keys of the others."""

    def __init__(self, branch: xa.Branch, dataset: Dataset, stamp: datetime) -> None:
        self._connection, self._number = branch.connection, branch.xid.number
        self._dataset, self._stamp = dataset, stamp

    def load(self, batch: Batch) -> Tally:
        # to load a row whose key is there already takes the server longer than to find that out
        probe = list(islice(self._read(batch), PROBE_ROWS))
        if self._find(probe).count(None) * 2 < len(probe):
            return self._update_and_load(batch)
        left_out = self._load(batch.payload, batch.row_numbers)
        if left_out:
            self._update_all(line for line in self._read(batch) if line.number in left_out)
        return Tally(inserted=batch.rows - len(left_out), updated=len(left_out))

    def _update_and_load(self, batch: Batch) -> Tally:
        new = self._update(self._read(batch))
        left_out = self._load(b"".join(line.encode() for line in new), [line.number for line in new])
        again = [line for line in new if line.number in left_out]  # their keys stand in the batch twice
        if any(place is not None and place[0] != self._number for place in self._find(again)):
            # or another import has just brought them; then a later row of the same key may have been updated before
            again = [line for line in self._read(batch) if line.number >= again[0].number]
        self._update_all(again)
        inserted = len(new) - len(left_out)
        return Tally(inserted=inserted, updated=batch.rows - inserted)

    def _read(self, batch: Batch) -> Iterator[Line]:
        return read_lines(batch.payload, self._dataset)

    def _load(self, payload: bytes, numbers: Sequence[int]) -> set[int]:
        """Load new rows; the numbers of those that were left out."""
        if not payload:
            return set()
        return set(upserts.load_new(self._connection, self._dataset, self._number, payload, numbers))

    def _update_all(self, lines: Iterable[Line]) -> None:
        if gone := self._update(lines):
            raise rows.RowsDiffer(len(gone), 0, ["a row that was in the way is gone"])

    def _update(self, lines: Iterable[Line]) -> list[Line]:
        """Update the rows that have these keys, in the file's order; returns the lines whose keys no row has."""
        new, rest = [], iter(lines)
        with ThreadPoolExecutor(1, thread_name_prefix="update") as server:
            # the next lines are read while the server updates the last ones
            updated: Future[None] | None = None
            while step := list(islice(rest, STEP_ROWS)):
                if updated is not None:
                    updated.result()
                latest: dict[Place, str] = {}  # of a key that stands here twice, the last row holds
                for line, place in zip(step, self._find(step), strict=True):
                    if place is None:
                        new.append(line)
                    else:
                        latest[place] = line.rest
                updated = server.submit(self._put, latest)
            if updated is not None:
                updated.result()
        return new

    def _put(self, latest: Mapping[Place, str]) -> None:
        others = [place for place in latest if place[0] != self._number]
        upserts.keep_before_images(self._connection, self._dataset, self._number, others)
        upserts.update_rows(self._connection, self._dataset, latest, self._number, self._stamp)

    def _find(self, lines: Sequence[Line]) -> list[Place | None]:
        return upserts.find_places(self._connection, self._dataset, [line.key for line in lines])
