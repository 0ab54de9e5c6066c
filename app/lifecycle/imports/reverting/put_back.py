"""Put back: the rows of others that the reverted imports updated get their old values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.db.driver import DriverConnection
from app.db.reverts import images, rows, spans
from app.db.reverts.images import Image
from app.db.reverts.spans import Span, Spot
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import ImportFailed
from app.domain.imports import Tally
from app.domain.requests.revert import Act, Obstacle, Revert
from app.lifecycle.imports.reverting.chain import Judge, Verdict
from app.lifecycle.imports.reverting.findings import Findings

CheckIn = Callable[[str, Tally], None]


@dataclass(frozen=True)
class _Found:
    span: Span
    plain: int  # how many images; 0: the rows must be judged one by one


class PutBack:
    """Puts rows back in one branch: `look`, and then `apply`."""

    def __init__(
        self,
        connection: DriverConnection,
        dataset: Dataset,
        revert: Revert,
        number: int,
        stamps: Mapping[int, datetime],
        findings: Findings,
        check_in: CheckIn,
        judge: Judge,
    ) -> None:
        self._connection, self._dataset, self._revert, self._number = connection, dataset, revert, number
        self._stamps, self._findings, self._check_in, self._judge = stamps, findings, check_in, judge
        self._spans: list[_Found] = []
        self._erased: dict[int, int] = {}

    def look(self) -> None:
        """Lock every row, and find those that stand in the way."""
        for target in self._stamps:
            for span in spans.list_spans(self._connection, target, Act.UPDATED):
                self._spans.append(_Found(span, self._count_plain(span)))
                if self._spans[-1].plain == 0:
                    self._look_at(target, spans.lock_spots(self._connection, self._dataset, span))
                self._check_in("locking", Tally())
            self._count_erased(target)

    def apply(self, done: Tally) -> Tally:
        """Do it; returns what was done, with what was `done` before. Raises `ImportFailed` and `RowsDiffer`."""
        for found in self._spans:
            try:
                put_back = self._put_span_back(found) if found.plain else self._put_spots_back(found.span)
            except rows.KeyTaken as error:
                raise ImportFailed("key_taken", f"another row has a key that a row would get back: {error}") from error
            done += Tally(updated=put_back)
            self._check_in("reverting", done)
        for target, count in self._erased.items():
            if count:
                images.settle_erased(self._connection, self._dataset, target, self._stamps[target], self._number)
        return done

    def _count_erased(self, target: int) -> None:
        """Rows whose old values were erased stay as they are; a partial revert does not know which rows those were."""
        count = images.count_erased(self._connection, target) if self._revert.rows is None else 0
        self._erased[target] = count
        if count:
            for found in (self._findings.total, self._findings.by_target[target]):
                found.erased += count
            self._findings.mark("erased", target, count)

    def _count_plain(self, span: Span) -> int:
        """How many rows go back without being judged: all of the span, or none. Only a row that another import or
        program has changed since needs to be, and a row of which several reverted imports may have images."""
        if len(self._stamps) > 1 or self._revert.rows is not None:
            return 0
        count, plain = spans.lock_span(self._connection, self._dataset, span, self._stamps[span.number])
        if plain < count:
            return 0
        for found in (self._findings.total, self._findings.by_target[span.number]):
            found.restored += count
        self._findings.mark("span", span, count)
        return count

    def _look_at(self, target: int, spots: Sequence[Spot]) -> None:
        found = self._findings
        restored = []
        for spot, verdict, keepers in self._decide(target, spots):
            if verdict.obstacle is None or self._judge.is_forced(verdict.obstacle):
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

    def _decide(self, target: int, spots: Sequence[Spot]) -> Iterator[tuple[Spot, Verdict, list[int]]]:
        """What becomes of each row that this target has updated, and which of the targets have. A row that several of
        them updated is met once, with the first; one that a target brought goes with that target's rows."""
        places = [spot.place for spot in spots if spot.place[0] not in self._stamps]
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
            keepers = sorted(number for number, _, erased in made if number in self._stamps and not erased)
            if keepers[0] != target:
                continue
            if not spot.is_there:
                verdict = Verdict(None, Obstacle.MISSING)
            elif spot.place in handled:
                verdict = Verdict(None, Obstacle.IN_HANDLING if handled[spot.place] else Obstacle.HANDLED)
            else:
                verdict = self._judge.judge(spot.changed_at, made, is_own=False)
            yield spot, verdict, keepers

    def _put_span_back(self, found: _Found) -> int:
        """Returns how many rows have their old values again."""
        kept = spans.read_span(self._connection, found.span)
        self._write(kept, kept if self._revert.keep_images else [])
        spans.consume_span(self._connection, found.span, self._number, found.plain)
        return len(kept)

    def _put_spots_back(self, span: Span) -> int:
        """Returns how many rows have their old values again."""
        wanted: list[tuple[int, Any]] = []
        forced: set[Any] = set()
        used = list[Any]()
        spots = spans.lock_spots(self._connection, self._dataset, span)
        for spot, verdict, _ in self._decide(span.number, spots):
            if verdict.obstacle is not None and not self._judge.is_forced(verdict.obstacle):
                continue
            used.append(spot.place)
            if verdict.back_to is None:
                continue  # it is gone
            wanted.append((verdict.back_to, spot.place))
            if verdict.obstacle is not None:
                forced.add(spot.place)
        found: list[Image] = images.read_images(self._connection, wanted) if wanted else []
        self._write(found, found if self._revert.keep_images else [one for one in found if one.place in forced])
        if used:
            images.consume(self._connection, list(self._stamps), self._number, used)
        return len(found)

    def _write(self, found: Sequence[Image], kept: Sequence[Image]) -> None:
        if kept:
            images.keep_updated(self._connection, self._dataset, self._number, kept)
        if found:
            images.put_back(self._connection, self._dataset, found)
