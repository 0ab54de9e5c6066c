"""The chain of updates over one row: what a row goes back to, or who has changed it since.

Neither numbers nor commit times order the updates of a row: import 11 may update it and commit before import 10 does.
The later of two imports is the one whose image holds the other's stamp.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.requests.revert import FORCED, Obstacle, OnChanged


@dataclass(frozen=True)
class Update:
    """An import's update of the row, by the image that it has kept: who, and what the row said of changes before."""

    import_no: int
    old_changed_at: datetime | None
    is_erased: bool = False  # the values are not there any more


@dataclass(frozen=True)
class Verdict:
    """What becomes of a row.

    Attributes:
        back_to: the number of the import whose image the row gets, the earliest of those that are reverted and not
            erased; None where none of them has updated it.
        obstacle: what stands in the way; None: nothing.
        others: the imports that have updated it later and are not reverted.
    """

    back_to: int | None
    obstacle: Obstacle | None = None
    others: tuple[int, ...] = ()


class Judge:
    """Judges the rows of one revert.

    Attributes:
        dependents: the imports met so far that have updated rows later and are not reverted.
        forces: whether rows that another program changed are reverted, too.
    """

    def __init__(self, stamps: Mapping[int, datetime], on_changed: OnChanged) -> None:
        self._stamps = stamps
        self.forces = on_changed is OnChanged.FORCE
        self.dependents: set[int] = set()

    def judge(
        self, changed_at: datetime | None, made: Sequence[tuple[int, datetime | None, bool]], *, is_own: bool
    ) -> Verdict:
        """What becomes of a row: see the function `judge`. `made` has a number, an image's `old_changed_at` and
        whether it is erased, for each update."""
        verdict = judge(changed_at, (Update(*one) for one in made), self._stamps, is_own=is_own)
        self.dependents.update(verdict.others)
        return verdict

    def is_forced(self, obstacle: Obstacle) -> bool:
        """Whether the row is reverted all the same."""
        return self.forces and obstacle in FORCED


def judge(
    changed_at: datetime | None, updates: Iterable[Update], stamps: Mapping[int, datetime], *, is_own: bool
) -> Verdict:
    """Walk back from what a row says of changes now.

    `updates` are all that are not taken back yet, in any order; `stamps` are those of the imports that are reverted.
    `is_own` says that one of these has brought the row, so that it goes as a whole.
    """
    all_updates = list(updates)
    mine = {stamps[one.import_no]: one for one in all_updates if one.import_no in stamps}
    left, now = dict(mine), changed_at
    while now is not None and now in left:
        now = left.pop(now).old_changed_at
    back_to = _find_earliest({stamp: one for stamp, one in mine.items() if not one.is_erased})
    # an own row was brought before all updates; any other may have been updated before the first of these
    since = None if is_own else min(mine, default=None)
    others = [one for one in all_updates if one.import_no not in stamps and (is_own or _is_since(one, since))]
    if not left and (now is None or not is_own) and not (is_own and others):
        return Verdict(back_to)
    if others:
        return Verdict(back_to, Obstacle.UPDATED_BY_IMPORT, tuple(sorted(one.import_no for one in others)))
    return Verdict(back_to, Obstacle.CHANGED)


def _is_since(update: Update, since: datetime | None) -> bool:
    return since is not None and update.old_changed_at is not None and update.old_changed_at >= since


def _find_earliest(mine: Mapping[datetime, Update]) -> int | None:
    """Of the reverted imports' images the one that none of them has made: it holds no stamp of theirs. An edit between
    two of them makes two such images; the clock says which is earlier."""
    first = [one for one in mine.values() if one.old_changed_at not in mine]
    if not first:
        return None
    return min(first, key=lambda one: one.old_changed_at or datetime.min).import_no
