"""Take back: the rows that imports brought are deleted, and those that they updated get their old values."""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.db.driver import DriverConnection
from app.db.reverts import deleted, images, rows
from app.db.reverts.images import Image, Spot
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import ImportFailed
from app.domain.imports import Tally
from app.domain.requests.revert import FORCED, Act, Obstacle, OnChanged, Revert
from app.lifecycle.imports.reverting.chain import Update, Verdict, judge
from app.lifecycle.imports.reverting.findings import Findings

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
        self._stamps = {number: target.stamp for number, target in targets.items()}
        self._steps: list[Step] = []
        self.dependents: set[int] = set()  # imports that have updated the rows later

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
                if not self._is_forced(Obstacle.MISSING):
                    self._findings.refuse(Obstacle.MISSING, [target.number], None, missing)
        for target in self._targets.values():
            for spots in self._read_spots(target.number):
                self._look_at_updated(target.number, spots)
                self._check_in("locking", Tally())

    def apply(self) -> Tally:
        """Do it; returns what was done. Raises `ImportFailed` and `RowsDiffer`."""
        done = Tally()
        for step in self._steps:
            self._delete(step)
            done += Tally(inserted=step.wanted)
            self._check_in("reverting", done)
        for target in self._targets.values():
            for spots in self._read_spots(target.number):
                decided = self._take_all(target.number, spots) if self._is_plain else self._decide(target.number, spots)
                done += Tally(updated=self._put_back(decided))
                self._check_in("reverting", done)
        return done

    @property
    def _is_plain(self) -> bool:
        """Whether `look` has found that every row of the one import goes: then none is judged once more."""
        revert, found = self._revert, self._findings.total
        return len(self._targets) == 1 and not found.left and revert.rows is None and not self._forces

    def _take_all(self, target: int, spots: Sequence[Spot]) -> Iterator[tuple[Spot, Verdict, list[int]]]:
        return ((spot, Verdict(target), [target]) for spot in spots if spot.place[0] != target)

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
            verdict = self._judge(changed.get(row), updates.get(row, ()), is_own=True)
            if verdict.obstacle is None:
                continue
            if self._is_forced(verdict.obstacle):
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

    def _look_at_updated(self, target: int, spots: Sequence[Spot]) -> None:
        found = self._findings
        restored = []
        for spot, verdict, keepers in self._decide(target, spots):
            if verdict.obstacle is None or self._is_forced(verdict.obstacle):
                if not spot.is_there:
                    continue  # nothing is left to put back
                restored.append((*spot.place, str(spot.changed_at)))
                for one in (found.total, *(found.by_target[number] for number in keepers)):
                    one.restored += 1
                continue
            image = None
            if verdict.obstacle is Obstacle.MISSING:
                (image,) = images.read_images(self._connection, [(keepers[0], spot.place)])
            values = tuple(image.values[name] for name in self._dataset.column_names) if image is not None else None
            found.refuse(verdict.obstacle, keepers, spot.place, others=verdict.others, values=values)
        found.mark("restored", restored)

    def _read_spots(self, target: int) -> Iterator[list[Spot]]:
        place = (0, 0)
        while spots := images.lock_spots(self._connection, self._dataset, target, Act.UPDATED, place):
            place = spots[-1].place
            yield spots

    def _decide(self, target: int, spots: Sequence[Spot]) -> Iterator[tuple[Spot, Verdict, list[int]]]:
        """What becomes of each row that this target has updated, and which of the targets have. A row that several of
        them updated is met once, with the first; one that a target brought goes with that target's rows."""
        places = [spot.place for spot in spots if spot.place[0] not in self._targets]
        updates = images.list_updates(self._connection, places) if places else {}
        asked = self._revert.rows
        if asked is not None:
            places = sorted(rows.list_asked(self._connection, self._dataset, places, asked))
        handled = rows.list_handled_places(self._connection, places) if self._dataset == ORDERS else {}
        wanted = set(places)
        for spot in spots:
            if spot.place not in wanted:
                continue
            made = updates[spot.place]
            keepers = sorted(number for number, _ in made if number in self._targets)
            if keepers[0] != target:
                continue
            if not spot.is_there:
                verdict = Verdict(None, Obstacle.MISSING)
            elif spot.place in handled:
                verdict = Verdict(None, Obstacle.IN_HANDLING if handled[spot.place] else Obstacle.HANDLED)
            else:
                verdict = self._judge(spot.changed_at, made, is_own=False)
            yield spot, verdict, keepers

    def _judge(
        self, changed_at: datetime | None, made: Sequence[tuple[int, datetime | None]], *, is_own: bool
    ) -> Verdict:
        verdict = judge(changed_at, (Update(*one) for one in made), self._stamps, is_own=is_own)
        self.dependents.update(verdict.others)
        return verdict

    def _is_forced(self, obstacle: Obstacle) -> bool:
        return self._forces and obstacle in FORCED

    @property
    def _forces(self) -> bool:
        return self._revert.on_changed is OnChanged.FORCE

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

    def _put_back(self, decided: Iterator[tuple[Spot, Verdict, list[int]]]) -> int:
        """Returns how many rows have their old values again."""
        wanted: list[tuple[int, Any]] = []
        forced: set[Any] = set()
        used = list[Any]()
        for spot, verdict, _ in decided:
            if verdict.obstacle is not None and not self._is_forced(verdict.obstacle):
                continue
            used.append(spot.place)
            if verdict.back_to is None:
                continue  # it is gone
            wanted.append((verdict.back_to, spot.place))
            if verdict.obstacle is not None:
                forced.add(spot.place)
        connection, dataset = self._connection, self._dataset
        found: list[Image] = images.read_images(connection, wanted) if wanted else []
        kept = found if self._revert.keep_images else [image for image in found if image.place in forced]
        if kept:
            images.keep_updated(connection, dataset, self._number, kept)
        if found:
            try:
                images.put_back(connection, dataset, found)
            except rows.KeyTaken as error:
                raise ImportFailed("key_taken", f"another row has a key that a row would get back: {error}") from error
        if used:
            images.consume(connection, list(self._targets), self._number, used)
        return len(found)


def list_steps(last: int) -> Iterator[tuple[int, int]]:
    """The first row number and the last of each statement, for all up to the last one."""
    for first in range(1, last + 1, STEP):
        yield first, min(first + STEP - 1, last)
