"""Bring back: what a revert took is there again: rows that it deleted, and values that it replaced."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.db.driver import DriverConnection
from app.db.reverts import deleted, images, rows, spans
from app.db.reverts.spans import Spot
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import ImportFailed
from app.domain.imports import Tally
from app.domain.requests.revert import Act, Obstacle
from app.lifecycle.imports.reverting.findings import Findings
from app.lifecycle.imports.reverting.take_back import CheckIn, list_steps


@dataclass(frozen=True)
class Step:
    """What is inserted by one statement."""

    number: int
    first: int
    last: int
    wanted: int
    left: "array[int]"


class BringBack:
    """Brings back in one branch what a revert took, by its images: `look`, and then `apply`."""

    def __init__(
        self,
        connection: DriverConnection,
        dataset: Dataset,
        number: int,
        target: int,
        findings: Findings,
        check_in: CheckIn,
    ) -> None:
        self._connection, self._dataset, self._number, self._target = connection, dataset, number, target
        self._findings, self._check_in = findings, check_in
        self._steps: list[Step] = []

    def look(self) -> None:
        """Lock every row that is there, and find those that stand in the way."""
        for number in deleted.list_imports(self._connection, self._target):
            for first, until in list_steps(deleted.find_last_row(self._connection, self._target, number)):
                self._look_at_deleted(number, first, until)
                self._check_in("locking", Tally())
        for spots in self._read_spots():
            self._look_at_replaced(spots)
            self._check_in("locking", Tally())

    def apply(self) -> Tally:
        """Do it; returns what was done. Raises `ImportFailed` and `RowsDiffer`."""
        done = Tally()
        try:
            for step in self._steps:
                span = self._target, step.number, step.first, step.last
                deleted.bring_back(self._connection, self._dataset, span, step.left, step.wanted, self._number)
                done += Tally(inserted=step.wanted)
                self._check_in("reverting", done)
            for spots in self._read_spots():
                done += Tally(updated=self._put_back(spots))
                self._check_in("reverting", done)
        except rows.KeyTaken as error:
            raise ImportFailed("key_taken", f"another row has the key of one that would return: {error}") from error
        except rows.Referenced as error:
            raise ImportFailed("referenced", f"a row that would come back refers to no row: {error}") from error
        return done

    def _look_at_deleted(self, number: int, first: int, until: int) -> None:
        found = self._findings
        count = deleted.count_deleted(self._connection, self._target, number, first, until)
        taken = deleted.list_taken(self._connection, self._dataset, self._target, number, first, until)
        for row, values in sorted(taken.items()):
            found.refuse(Obstacle.KEY_TAKEN, [self._target], (number, row), values=values)
        left = array("Q", sorted(taken))
        wanted = count - len(left)
        found.total.returned += wanted
        found.by_target[self._target].returned += wanted
        found.returned[number] = found.returned.get(number, 0) + wanted
        found.mark("returned", number, first, until, count, left.tobytes())
        if wanted:
            self._steps.append(Step(number, first, until, wanted, left))

    def _look_at_replaced(self, spots: Sequence[Spot]) -> None:
        found, free = self._findings, []
        for spot, obstacle, others in self._decide(spots):
            if obstacle is not None:
                (image,) = images.read_images(self._connection, [(self._target, spot.place)])
                values = tuple(image.values[name] for name in self._dataset.column_names)
                found.refuse(obstacle, [self._target], spot.place, others=others, values=values)
                continue
            free.append(spot.place)
            found.total.restored += 1
            found.by_target[self._target].restored += 1
        found.mark("replaced", free)

    def _put_back(self, spots: Sequence[Spot]) -> int:
        """Returns how many rows have the values again that the revert had replaced."""
        places = [spot.place for spot, obstacle, _ in self._decide(spots) if obstacle is None]
        if places:
            found = images.read_images(self._connection, [(self._target, place) for place in places])
            images.put_back(self._connection, self._dataset, found)
            # first what the revert had consumed: its own images are consumed by this one
            images.restore_images(self._connection, self._target, places)
            images.consume(self._connection, [self._target], self._number, places)
        return len(places)

    def _read_spots(self) -> Iterator[list[Spot]]:
        for span in spans.list_spans(self._connection, self._target, Act.PUT_BACK):
            yield spans.lock_spots(self._connection, self._dataset, span)

    def _decide(self, spots: Sequence[Spot]) -> Iterator[tuple[Spot, Obstacle | None, tuple[int, ...]]]:
        places = [spot.place for spot in spots]
        updates = images.list_updates(self._connection, places)
        handled = rows.list_handled_places(self._connection, places) if self._dataset == ORDERS else {}
        for spot in spots:
            if not spot.is_there:
                yield spot, Obstacle.MISSING, ()
            elif spot.place in handled:
                yield spot, Obstacle.IN_HANDLING if handled[spot.place] else Obstacle.HANDLED, ()
            elif spot.changed_at == spot.left_changed_at:
                yield spot, None, ()
            else:
                made = updates.get(spot.place, ())
                others = tuple(number for number, before, _ in made if before == spot.left_changed_at)
                yield spot, Obstacle.UPDATED_BY_IMPORT if others else Obstacle.CHANGED, others
