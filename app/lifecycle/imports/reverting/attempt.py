"""An attempt at a revert: one branch in which rows are locked and looked at, and then deleted or put back."""

from array import array
from collections.abc import Iterator
from datetime import datetime
from time import monotonic

from app.db import receipts, xa
from app.db.database import Connection, Database
from app.db.imports import queries, transitions
from app.db.reverts import claims, rows
from app.db.reverts.hindrances import find_hindrance
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import AttemptLost, ImportFailed
from app.domain.imports import Import, Tally
from app.domain.requests.revert import Found, Obstacle, OnChanged, Revert
from app.domain.xid import name_branches
from app.formats.batch import Reject
from app.formats.reject_file import RejectWriter
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.reverting.eligibility import find_dataset

STEP = 10_000  # how many row numbers one statement looks at, or deletes
LOOK_SECONDS = 0.2


class RevertAttempt:
    """Reverts one import in one branch."""

    def __init__(
        self, database: Database, installation: str, row: Import, shutdown: GracefulShutdown, writer: RejectWriter
    ) -> None:
        assert row.revert is not None
        self._database, self._row, self._shutdown, self._writer = database, row, shutdown, writer
        self._revert: Revert = row.revert
        (self._xid,) = name_branches(installation, row.number, range(row.epoch, row.epoch + 1), 1)
        self._branch: xa.Branch | None = None
        self._looked_at = 0.0
        self.found = Found()  # what stands in the way is listed in the reject file
        self._steps: list[tuple[int, int, int]] = []  # first and last row number, and how many rows of these go

    @property
    def branches(self) -> list[xa.Branch]:
        """The one, if it was opened."""
        return [self._branch] if self._branch is not None else []

    @property
    def tally(self) -> Tally:
        """Rows deleted, put back, and left where they are, as an import counts its rows."""
        return Tally(self.found.deleted, self.found.restored, self.found.kept, self.found.left)

    def cut(self) -> None:
        """End the statement from another thread."""
        if self._branch is not None:
            self._branch.cut()

    def abandon(self) -> None:
        """Drop the connection: what is open is undone by the server, what is prepared waits for the sweeper."""
        if self._branch is not None:
            self._branch.abandon()

    def record_counts(self, connection: Connection) -> None:
        """Keep what was found, in the transaction of the decision."""
        claims.record_counts(connection, self._row.number, self.found)

    def record_obstacles(self) -> None:
        """Keep what stands in the way of a revert that fails for it, unless another attempt has it by now."""
        with self._database.begin() as connection:
            if transitions.ledger.holds(connection, self._row.number, self._row.epoch):
                claims.record_obstacles(connection, self._row.number, self.found)

    def run(self) -> None:
        """Revert the import and end the branch; a dry run only looks. Raises `ImportFailed` where rows stand in the
        way and `on_changed` is fail, `AttemptLost`, `Released`, or what the driver raised: the branch must be abandoned
        then."""
        target, dataset, stamp = self._find_target()
        branch = self._branch = xa.Branch(self._database.connect_branch(), self._xid)
        branch.hold_owner_lock()
        if not transitions.holds_still(branch.connection, self._xid.number, self._xid.epoch):
            raise AttemptLost("the revert was stopped or taken over before it began")
        rows.read_committed(branch.connection)
        branch.start()
        receipts.write_receipt(branch.connection, self._xid, kind=receipts.REVERT)
        last = rows.find_last_row(branch.connection, dataset, target.number)
        left = self._look(branch, target, dataset, stamp, last)
        self._writer.close()
        if self.found.left and self._revert.on_changed is OnChanged.FAIL and not self._row.policy.dry_run:
            raise ImportFailed("rows_in_the_way", f"nothing was reverted: {self.found}")
        if not self._row.policy.dry_run:
            self._apply(branch, target, dataset, stamp, left)
        if not receipts.seal_receipt(
            branch.connection, self._xid, self.found.deleted + self.found.restored, receipts.REVERT
        ):
            raise AttemptLost("the receipt is not in the branch that is about to end")
        branch.end()

    def _find_target(self) -> tuple[Import, Dataset, datetime]:
        with self._database.begin() as connection:
            target = queries.find_numbered(connection, self._revert.target)
            dataset = find_dataset(connection, target) if target is not None else None
            stamp = receipts.find_stamp(connection, self._revert.target)
            hindrance = find_hindrance(connection, dataset.name) if dataset is not None else None
        if target is None or dataset is None or stamp is None:
            raise ImportFailed("import_gone", "the import, or the dataset that it was loaded into, is gone")
        if hindrance is not None:
            raise ImportFailed("not_revertible", hindrance)
        return target, dataset, stamp

    def _look(self, branch: xa.Branch, target: Import, dataset: Dataset, stamp: datetime, last: int) -> "array[int]":
        """Lock every row, and find those that stand in the way; returns which of the import's own are left."""
        left, there = array("Q"), 0
        for first, until in _steps(last):
            count = rows.lock_rows(branch.connection, dataset, target.number, first, until)
            obstacles = self._list_obstacles(branch, dataset, target.number, first, until)
            there += count
            left.extend(sorted(obstacles))
            self.found.deleted += count - len(obstacles)
            self._steps.append((first, until, count - len(obstacles)))
            self._check_in("locking")
        # what went through us is known; the rest that is not there was deleted by another program
        expected = target.rows_done - target.rows_deleted
        if expected > there:
            self.found.missing = expected - there
            self._refuse(Obstacle.MISSING, None, self.found.missing)
        for images in self._read_images(branch, target, dataset):
            for image in images:
                obstacle, other = self._judge(branch, image, target, stamp)
                if obstacle is None:
                    self.found.restored += 1
                else:
                    values = rows.values_of(dataset, image) if obstacle is Obstacle.MISSING else None
                    self._refuse(obstacle, image.place, other=other, values=values)
            self._check_in("locking")
        return left

    def _list_obstacles(
        self, branch: xa.Branch, dataset: Dataset, number: int, first: int, until: int
    ) -> dict[int, Obstacle]:
        connection = branch.connection
        found = dict.fromkeys(rows.list_changed(connection, dataset, number, first, until), Obstacle.CHANGED)
        updaters = rows.list_updaters(connection, number, first, until)
        found |= dict.fromkeys(updaters, Obstacle.UPDATED_BY_IMPORT)
        if dataset == ORDERS:
            for row, active in rows.list_handled(connection, number, first, until).items():
                found[row] = Obstacle.IN_HANDLING if active else Obstacle.HANDLED
        for row, values in rows.read_values(connection, dataset, number, sorted(found)):
            self._refuse(found[row], (number, row), other=updaters.get(row), values=values)
        return found

    def _judge(
        self, branch: xa.Branch, image: rows.Image, target: Import, stamp: datetime
    ) -> tuple[Obstacle | None, int | None]:
        """What stands in the way of putting a row back: nothing if the import was the last to change it."""
        if not image.is_there:
            return Obstacle.MISSING, None
        if image.changed_at == stamp:
            return None, None
        other = rows.find_later_updater(branch.connection, image.place, target.number, stamp)
        return (Obstacle.CHANGED, None) if other is None else (Obstacle.UPDATED_BY_IMPORT, other)

    def _read_images(self, branch: xa.Branch, target: Import, dataset: Dataset) -> Iterator[list[rows.Image]]:
        place = (0, 0)
        while images := rows.lock_images(branch.connection, dataset, target.number, place):
            place = images[-1].place
            yield images

    def _refuse(
        self,
        obstacle: Obstacle,
        place: rows.Place | None,
        count: int = 1,
        *,
        other: int | None = None,
        values: tuple[str | None, ...] | None = None,
    ) -> None:
        self.found.count(obstacle, count)
        where = f"row {place[1]} of import number {place[0]}" if place else f"{count:,} row{'s' * (count > 1)}"
        reason = f"{where}: {_REASONS[obstacle]}" + (f" (number {other})" if other is not None else "")
        self._writer.write([Reject(0, place[1] if place else 0, obstacle, reason, None, None, "", values)])

    def _apply(self, branch: xa.Branch, target: Import, dataset: Dataset, stamp: datetime, left: "array[int]") -> None:
        done, at = Tally(), 0
        for first, until, wanted in self._steps:
            here = at
            while at < len(left) and left[at] <= until:
                at += 1
            try:
                rows.delete_unchanged(branch.connection, dataset, target.number, first, until, left[here:at], wanted)
            except rows.Referenced as error:
                raise ImportFailed("referenced", f"another table refers to a row: {error}") from error
            done += Tally(inserted=wanted)
            self._check_in("reverting", done)
        for images in self._read_images(branch, target, dataset):
            mine = [image for image in images if image.is_there and image.changed_at == stamp]
            try:
                rows.put_back(branch.connection, dataset, target.number, self._row.number, mine)
            except rows.KeyTaken as error:
                raise ImportFailed("key_taken", f"another row has a key that a row would get back: {error}") from error
            done += Tally(updated=len(mine))
            self._check_in("reverting", done)
        self._check_in("reverting", done, always=True)

    def _check_in(self, phase: str, done: Tally | None = None, *, always: bool = False) -> None:
        """Whether the attempt still has the revert, some times a second; and what it has done is recorded."""
        if not always and monotonic() < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        self._shutdown.check()
        with self._database.begin() as connection:
            held = transitions.record_progress(
                connection,
                self._row.number,
                self._row.epoch,
                phase=phase,
                tally=done or Tally(),
                source_bytes=0,
            )
        if not held:
            raise AttemptLost("the revert was stopped or taken over")


def _steps(last: int) -> Iterator[tuple[int, int]]:
    for first in range(1, last + 1, STEP):
        yield first, min(first + STEP - 1, last)


_REASONS = {
    Obstacle.CHANGED: "changed by another program since",
    Obstacle.UPDATED_BY_IMPORT: "updated by a later import",
    Obstacle.IN_HANDLING: "being handled",
    Obstacle.HANDLED: "shipped",
    Obstacle.MISSING: "deleted by another program",
}
