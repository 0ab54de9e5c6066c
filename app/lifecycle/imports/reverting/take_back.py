"""Take back: the rows that imports brought are deleted, and those that they updated get their old values."""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.db.driver import DriverConnection
from app.db.reverts import deleted, images, rows
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import ImportFailed
from app.domain.imports import Tally
from app.domain.requests.revert import Obstacle, Revert
from app.lifecycle.imports.reverting.chain import Judge
from app.lifecycle.imports.reverting.findings import Findings
from app.lifecycle.imports.reverting.put_back import PutBack

STEP = 10_000  # how many row numbers one statement looks at, or deletes

CheckIn = Callable[[str, Tally], None]


@dataclass(frozen=True)
class Target:
    """An import that is reverted: what its updates bear, and how many rows of it no one of us has deleted."""

    number: int
    stamp: datetime
    rows_expected: int


@dataclass(frozen=True)
class Step:
    """What is deleted by one statement."""

    number: int
    first: int
    last: int
    wanted: int
    left: "array[int]"
    keeps: bool  # whether rows of it are not as the file has them


class TakeBack:
    """Takes the rows of these imports in one branch: `look`, and then `apply`."""

    def __init__(
        self,
        connection: DriverConnection,
        dataset: Dataset,
        revert: Revert,
        number: int,
        targets: Mapping[int, Target],
        findings: Findings,
        check_in: CheckIn,
    ) -> None:
        self._connection, self._dataset, self._revert, self._number = connection, dataset, revert, number
        self._targets, self._findings, self._check_in = targets, findings, check_in
        stamps = {number: target.stamp for number, target in targets.items()}
        self._judge = Judge(stamps, revert.on_changed)
        self._steps: list[Step] = []
        self._put_back = PutBack(connection, dataset, revert, number, stamps, findings, check_in, self._judge)

    @property
    def dependents(self) -> set[int]:
        """The imports that have updated the rows later."""
        return self._judge.dependents

    def look(self) -> None:
        """Lock every row, and find those that stand in the way."""
        for target in self._targets.values():
            there = 0
            last = rows.find_last_row(self._connection, self._dataset, target.number)
            for first, until in list_steps(last):
                there += self._look_at_own(target.number, first, until)
                self._check_in("locking", Tally())
            # what went through us is known; the rest that is not there was deleted by another program
            missing = target.rows_expected - there
            if missing > 0 and self._revert.rows is None:
                self._findings.by_target[target.number].missing = missing
                self._findings.total.missing += missing
                if not self._judge.is_forced(Obstacle.MISSING):
                    self._findings.refuse(Obstacle.MISSING, [target.number], None, missing)
        self._put_back.look()

    def apply(self) -> Tally:
        """Do it; returns what was done. Raises `ImportFailed` and `RowsDiffer`."""
        done = Tally()
        for step in self._steps:
            self._delete(step)
            done += Tally(inserted=step.wanted)
            self._check_in("reverting", done)
        return self._put_back.apply(done)

    def _look_at_own(self, number: int, first: int, until: int) -> int:
        """Returns how many rows there are."""
        connection, dataset, found = self._connection, self._dataset, self._findings
        count = rows.lock_rows(connection, dataset, number, first, until)
        changed = rows.list_changed(connection, dataset, number, first, until)
        of_rows = images.list_updates_of(connection, dataset, number, first, until)
        updates = {place[1]: made for place, made in of_rows.items()}
        asked = self._revert.rows
        unasked = set(rows.list_unasked(connection, dataset, number, first, until, asked)) if asked else set()
        obstacles: dict[int, tuple[Obstacle, tuple[int, ...]]] = {}
        for row in sorted({*changed, *updates} - unasked):
            verdict = self._judge.judge(changed.get(row), updates.get(row, ()), is_own=True)
            if verdict.obstacle is None:
                continue
            if self._judge.is_forced(verdict.obstacle):
                found.mark("forced", row, str(changed.get(row)))  # an edit after a dry run is another
            else:
                obstacles[row] = verdict.obstacle, verdict.others
        if dataset == ORDERS:
            for row, active in rows.list_handled(connection, number, first, until).items():
                if row not in unasked:
                    obstacles[row] = Obstacle.IN_HANDLING if active else Obstacle.HANDLED, ()
        for place, values in rows.read_values(connection, dataset, [(number, row) for row in sorted(obstacles)]):
            obstacle, others = obstacles[place[1]]
            found.refuse(obstacle, [number], place, others=others, values=values)
        left = array("Q", sorted(unasked | set(obstacles)))
        wanted = count - len(left)
        found.total.deleted += wanted
        found.by_target[number].deleted += wanted
        found.mark(number, first, until, count, left.tobytes())
        self._steps.append(Step(number, first, until, wanted, left, bool(set(changed) - set(left))))
        return count

    def _delete(self, step: Step) -> None:
        connection, dataset = self._connection, self._dataset
        span = step.number, step.first, step.last
        if self._revert.keep_images or step.keeps:
            only_changed = not self._revert.keep_images  # retrying the import brings the others back
            deleted.keep_rows(connection, dataset, *span, self._number, step.left, only_changed=only_changed)
        try:
            rows.delete_rows(connection, dataset, *span, step.left, step.wanted)
        except rows.Referenced as error:
            raise ImportFailed("referenced", f"another table refers to a row: {error}") from error
        deleted.consume_of_deleted(connection, step.number, self._number, step.first, step.last, step.left)


def list_steps(last: int) -> Iterator[tuple[int, int]]:
    """The first row number and the last of each statement, for all up to the last one."""
    for first in range(1, last + 1, STEP):
        yield first, min(first + STEP - 1, last)
