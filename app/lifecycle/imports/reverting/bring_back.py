"""Bring back: what a revert took is there again: rows that it deleted, and values that it replaced."""

from collections.abc import Iterator, Sequence

from app.db.datasets.upserts import find_places
from app.db.driver import DriverConnection
from app.db.reverts import images, rows
from app.db.reverts.images import DELETED, Spot
from app.db.reverts.rows import Place
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import ImportFailed
from app.domain.imports import Tally
from app.domain.requests.revert import Obstacle
from app.lifecycle.imports.reverting.findings import Findings
from app.lifecycle.imports.reverting.take_back import CheckIn


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

    def look(self) -> None:
        """Lock every row that is there, and find those that stand in the way."""
        found = self._findings
        for spots in self._read_spots():
            free = []
            for spot, obstacle, others in self._decide(spots):
                if obstacle is not None:
                    (image,) = images.read_images(self._connection, [(self._target, spot.place)])
                    values = tuple(image.values[name] for name in self._dataset.column_names)
                    found.refuse(obstacle, [self._target], spot.place, others=others, values=values)
                    continue
                free.append(spot.place)
                for one in (found.total, found.by_target[self._target]):
                    if spot.act == DELETED:
                        one.returned += 1
                    else:
                        one.restored += 1
                if spot.act == DELETED:
                    found.returned[spot.place[0]] = found.returned.get(spot.place[0], 0) + 1
            found.mark("brought back", free)
            self._check_in("locking", Tally())

    def apply(self) -> Tally:
        """Do it; returns what was done. Raises `ImportFailed` and `RowsDiffer`."""
        done = Tally()
        for spots in self._read_spots():
            free = [spot for spot, obstacle, _ in self._decide(spots) if obstacle is None]
            gone = self._read([spot for spot in free if spot.act == DELETED])
            changed = self._read([spot for spot in free if spot.act != DELETED])
            try:
                if gone:
                    images.bring_back(self._connection, self._dataset, gone)
                if changed:
                    images.put_back(self._connection, self._dataset, changed)
            except rows.KeyTaken as error:
                raise ImportFailed(
                    "key_taken", f"another row has the key of a row that would come back: {error}"
                ) from error
            except rows.Referenced as error:
                raise ImportFailed("referenced", f"a row that would come back refers to no row: {error}") from error
            places = [spot.place for spot in free]
            if places:
                # first what the revert had consumed: its own images are consumed by this one
                images.restore_images(self._connection, self._target, places)
                images.consume(self._connection, [self._target], self._number, places)
            done += Tally(inserted=len(gone), updated=len(changed))
            self._check_in("reverting", done)
        return done

    def _read(self, spots: Sequence[Spot]) -> list[images.Image]:
        return images.read_images(self._connection, [(self._target, spot.place) for spot in spots]) if spots else []

    def _read_spots(self) -> Iterator[list[Spot]]:
        place = (0, 0)
        while spots := images.lock_spots(self._connection, self._dataset, self._target, place):
            place = spots[-1].place
            yield spots

    def _decide(self, spots: Sequence[Spot]) -> Iterator[tuple[Spot, Obstacle | None, tuple[int, ...]]]:
        taken = self._find_taken([spot.place for spot in spots if spot.act == DELETED and not spot.is_there])
        put_back = [spot.place for spot in spots if spot.act != DELETED]
        updates = images.list_updates(self._connection, put_back) if put_back else {}
        handled = rows.list_handled_places(self._connection, put_back) if self._dataset == ORDERS else {}
        for spot in spots:
            if spot.act == DELETED:
                yield spot, Obstacle.KEY_TAKEN if spot.is_there or spot.place in taken else None, ()
            elif not spot.is_there:
                yield spot, Obstacle.MISSING, ()
            elif spot.place in handled:
                yield spot, Obstacle.IN_HANDLING if handled[spot.place] else Obstacle.HANDLED, ()
            elif spot.changed_at == spot.left_changed_at:
                yield spot, None, ()
            else:
                made = updates.get(spot.place, ())
                others = tuple(number for number, before in made if before == spot.left_changed_at)
                yield spot, Obstacle.UPDATED_BY_IMPORT if others else Obstacle.CHANGED, others

    def _find_taken(self, places: Sequence[Place]) -> set[Place]:
        """Of these rows, which are gone, those whose key another row has by now."""
        if not places or not self._dataset.key:
            return set()
        found = images.read_images(self._connection, [(self._target, place) for place in places])
        keys = [[image.values[name] for name in self._dataset.key] for image in found]
        there = find_places(self._connection, self._dataset, keys)
        return {image.place for image, place in zip(found, there, strict=True) if place is not None}
