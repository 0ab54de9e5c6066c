"""A model in memory of what the table and the answers must be after any sequence of imports, edits and reverts.

Each row is a pile of versions. An import that updates the row, and an edit, put one on top; a revert takes those of its
imports away, and must find them on top.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

Place = tuple[int, int]  # the number of the import that brought the row, its row number there


@dataclass(frozen=True, eq=False)
class Version:
    """What a row was: `by` is the number of the import that made it, or None for an edit."""

    customer: str
    by: int | None


@dataclass
class Row:
    """A row of the table, the version with which it was brought first."""

    place: Place
    order: int  # its key
    pile: list[Version]

    @property
    def customer(self) -> str:
        return self.pile[-1].customer


@dataclass
class Loaded:
    """An import: how many rows it brought, how many of them are said to be gone, and how many to be there."""

    rows_done: int
    rows_deleted: int = 0
    rows_kept: int = 0
    reverted_by: int | None = None
    updated: list[Row] = field(default_factory=list)  # the rows of others, those that are gone included


@dataclass
class Taken:
    """A row that a revert took: the versions it had, and the one that was left on top (None: the row is gone)."""

    row: Row
    pile: list[Version]
    left: Version | None
    gone_with: int | None = None  # a later revert that has deleted the row


@dataclass
class Reverted:
    """A revert that has committed."""

    targets: list[int]
    taken: list[Taken] | None  # None: it kept no images
    reverted: bool = False
    of_revert: bool = False


@dataclass
class Plan:
    """What a revert does: rows that go, rows and how many versions are left of them, and how many are in the way."""

    targets: list[int]
    gone: list[Row] = field(default_factory=list)
    lowered: list[tuple[Row, int]] = field(default_factory=list)
    missing: dict[int, int] = field(default_factory=dict)  # of the targets' own rows
    used: list[tuple[int, Row]] = field(default_factory=list)  # rows that are gone, and whose update is forgotten
    obstacles: int = 0
    left: dict[int, int] = field(default_factory=dict)  # by target, rows in the way that are there


class Model:
    """What the application must come to."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.imports: dict[int, Loaded] = {}
        self.reverts: dict[int, Reverted] = {}

    @property
    def table(self) -> dict[int, str]:
        return {order: row.customer for order, row in self.rows.items()}

    def load(self, import_no: int, orders: list[int], customer: str, mode: str) -> bool:
        """Whether it commits."""
        if mode == "fail" and (len(set(orders)) < len(orders) or set(orders) & set(self.rows)):
            return False
        loaded = Loaded(0)
        for row_no, order in enumerate(orders, 1):
            row, version = self.rows.get(order), Version(customer, import_no)
            if row is None:
                self.rows[order] = Row((import_no, row_no), order, [version])
                loaded.rows_done += 1
            elif mode == "update":
                if row.pile[-1].by == import_no:
                    row.pile[-1] = version
                    continue
                row.pile.append(version)
                loaded.updated.append(row)
        loaded.rows_kept = loaded.rows_done
        self.imports[import_no] = loaded
        return True

    def edit(self, order: int, customer: str) -> None:
        if order in self.rows and self.rows[order].customer != customer:
            self.rows[order].pile.append(Version(customer, None))

    def delete(self, order: int) -> None:
        self.rows.pop(order, None)

    def delete_rows(self, import_no: int) -> None:
        mine = [order for order, row in self.rows.items() if row.place[0] == import_no]
        for order in mine:
            del self.rows[order]
        self.imports[import_no].rows_deleted += len(mine)
        self.imports[import_no].rows_kept = 0
        for loaded in self.imports.values():
            loaded.updated = [row for row in loaded.updated if row.place[0] != import_no]
        for revert in self.reverts.values():
            lowered = [one for one in revert.taken or [] if one.left is not None and one.row.place[0] == import_no]
            if revert.taken is not None:
                revert.taken = [one for one in revert.taken if not any(one is other for other in lowered)]

    def count(self, import_no: int) -> None:
        """What another program deleted is known from here on."""
        self.imports[import_no].rows_kept = sum(row.place[0] == import_no for row in self.rows.values())

    def plan(self, targets: Collection[int], how: "How") -> Plan:
        """What a revert of imports would do."""
        closed = set(targets)
        while how.cascade and (more := {one for row in self._rows_of(closed) for one in _later(row, closed)} - closed):
            closed |= more
        plan = Plan(sorted(closed))
        for target in plan.targets:
            own = [row for row in self.rows.values() if row.place[0] == target]
            missing = self.imports[target].rows_done - self.imports[target].rows_deleted - len(own)
            if how.rows is None and missing:
                plan.missing[target] = missing
                plan.obstacles += 0 if how.force else missing
        for row in self._rows_of(closed):
            if how.asks(row, is_own=row.place[0] in closed):
                self._plan_row(plan, row, how)
        for row in {id(row): row for target in closed for row in self.imports[target].updated}.values():
            if self.rows.get(row.order) is not row and row.place[0] not in closed and how.rows is None:
                plan.obstacles += 0 if how.force else 1
                plan.used += [(target, row) for target in closed] if how.force else []
        return plan

    def _plan_row(self, plan: Plan, row: Row, how: "How") -> None:
        closed = set(plan.targets)
        lowest = min(at for at, version in enumerate(row.pile) if version.by in closed)
        above = row.pile[lowest:]
        if any(version.by is not None and version.by not in closed for version in above):
            free = False
        else:
            free = how.force or all(version.by in closed for version in above)
        if not free:
            plan.obstacles += 1
            for target in _targets_of(row, closed):
                plan.left[target] = plan.left.get(target, 0) + 1
        elif lowest == 0:
            plan.gone.append(row)
        else:
            plan.lowered.append((row, lowest))

    def _rows_of(self, targets: Collection[int]) -> Iterator[Row]:
        """The rows that they brought or updated."""
        for row in list(self.rows.values()):
            if any(version.by in targets for version in row.pile):
                yield row

    def revert(self, number: int, plan: Plan, how: "How") -> None:
        taken = []
        for row in plan.gone:
            for other in self._list_taken():
                if other.row is row and other.gone_with is None:
                    other.gone_with = number
            taken.append(Taken(row, list(row.pile), None))
            del self.rows[row.order]
        for row, height in plan.lowered:
            taken.append(Taken(row, list(row.pile), row.pile[height - 1]))
            del row.pile[height:]
        for target, row in plan.used:
            loaded = self.imports[target]
            loaded.updated = [one for one in loaded.updated if one is not row]
        for target in plan.targets:
            loaded = self.imports[target]
            loaded.rows_deleted += sum(row.place[0] == target for row in plan.gone) + plan.missing.get(target, 0)
            loaded.rows_kept = loaded.rows_done - loaded.rows_deleted
            touched = [*plan.gone, *(row for row, _ in plan.lowered)]
            loaded.updated = [row for row in loaded.updated if not any(row is one for one in touched)]
            if not plan.left.get(target) and how.rows is None:
                loaded.reverted_by = number
        self.reverts[number] = Reverted(plan.targets, taken if how.keep_images else None)

    def _list_taken(self) -> list[Taken]:
        return [one for revert in self.reverts.values() for one in revert.taken or []]

    def plan_return(self, number: int) -> tuple[list[Taken], int, int]:
        """What a revert of a revert brings back, how many rows are in the way, and how many of these are there."""
        free, obstacles, there = [], 0, 0
        for one in self.reverts[number].taken or []:
            now = self.rows.get(one.row.order)
            if one.gone_with is not None:
                continue
            if now is None if one.left is None else now is one.row and now.pile[-1] is one.left:
                free.append(one)
                continue
            obstacles += 1
            there += one.left is None or now is one.row
        return free, obstacles, there

    def bring_back(self, number: int, again: int, free: list[Taken], there: int) -> None:
        revert = self.reverts[number]
        for one in free:
            one.row.pile = list(one.pile)
            self.rows[one.row.order] = one.row
            for target in revert.targets:
                if target != one.row.place[0] and any(version.by == target for version in one.pile):
                    self.imports[target].updated.append(one.row)
            if one.left is None:
                self.imports[one.row.place[0]].rows_deleted -= 1
                for other in self._list_taken():
                    if other.row is one.row and other.gone_with == number:
                        other.gone_with = None
        revert.taken = [one for one in revert.taken or [] if not any(one is other for other in free)]
        revert.reverted = not there
        for loaded in (self.imports[target] for target in revert.targets):
            loaded.reverted_by = None
            loaded.rows_kept = loaded.rows_done - loaded.rows_deleted
        self.reverts[again] = Reverted([], None, of_revert=True)


@dataclass(frozen=True)
class How:
    """How imports are reverted."""

    on_changed: str = "fail"
    cascade: bool = False
    keep_images: bool = False
    rows: dict[str, Any] | None = None  # as in a request: a filter by customer, or one range

    @property
    def force(self) -> bool:
        return self.on_changed == "force"

    def asks(self, row: Row, *, is_own: bool) -> bool:
        if self.rows is None:
            return True
        if "filter" in self.rows and row.customer != self.rows["filter"]["customer"]:
            return False
        if "ranges" not in self.rows:
            return True
        first, last = (int(part) for part in self.rows["ranges"][0].split("-"))
        return is_own and first <= row.place[1] <= last


def _later(row: Row, closed: Collection[int]) -> set[int]:
    """The imports that have updated a row above the lowest version of these."""
    lowest = min(at for at, version in enumerate(row.pile) if version.by in closed)
    return {version.by for version in row.pile[lowest:] if version.by is not None and version.by not in closed}


def _targets_of(row: Row, closed: Collection[int]) -> set[int]:
    """The targets that a row in the way counts for: the one that brought it, else all that have updated it."""
    if row.place[0] in closed:
        return {row.place[0]}
    return {version.by for version in row.pile if version.by is not None and version.by in closed}
