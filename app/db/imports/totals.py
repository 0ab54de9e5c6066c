"""Totals: what all imports that have ended amount to, also those that the ledger has forgotten.

The cleaner adds each import that has ended once, and marks it in the same transaction. What is not marked yet is read
beside the totals, so that figures are never late. Only a marked import is forgotten.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, case, func, select, text, union_all, update
from sqlalchemy.dialects.mysql import BIGINT, insert

from app.db.ledger import by_key
from app.db.schema import OPTIONS, imports, metadata
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, State

DURATIONS = (1, 5, 15, 60, 300, 900, 3600, 14400)  # seconds, the upper bounds of a histogram's classes
_MILLION = 1_000_000
_SUMS = ("imports", "rows_done", "rows_rejected", "micros", *(f"within_{bound}" for bound in DURATIONS))

totals = Table(
    "backout_totals",
    metadata,
    Column("state", String(16), primary_key=True),
    *(Column(name, BIGINT(unsigned=True), nullable=False, server_default="0") for name in _SUMS),
    **OPTIONS,
)


class Settled(IntEnum):
    """What the cleaner has still to do about an import."""

    NO = 0
    """It has not ended, or is not in the totals yet."""

    KEEPS_FILE = 1
    """It is in the totals; its upload is kept."""

    YES = 2
    """Its upload is gone, too: it is forgotten when its time has come."""


@dataclass(frozen=True)
class StateFigures:
    """What the imports of one state amount to; times in seconds, from acceptance to the end.

    `within` says how many took no longer than each of `DURATIONS`.
    """

    imports: int = 0
    rows: int = 0
    rejected: int = 0
    seconds: float = 0.0
    within: tuple[int, ...] = (0,) * len(DURATIONS)


def measure_states(connection: Connection) -> dict[State, StateFigures]:
    """The figures of every state: of all that ever ended in it, or are in it now."""
    found = dict.fromkeys(State, StateFigures())
    for state, count, rows, rejected, micros, *within in connection.execute(_ALL):
        found[State(state)] = StateFigures(
            int(count), int(rows), int(rejected), float(micros) / _MILLION, tuple(int(number) for number in within)
        )
    return found


def fold(connection: Connection, limit: int) -> int:
    """Add at most so many imports that have ended to the totals; returns how many were found.

    Two at once add nothing twice: the second waits for the rows, and finds them marked.
    """
    found = list(
        connection.scalars(
            select(imports.c.number)
            .where(
                imports.c.settled == Settled.NO, imports.c.finished_at.is_not(None), imports.c.state.in_(list(FINAL))
            )
            .order_by(imports.c.finished_at)
            .limit(limit)
        )
    )
    if not found:
        return 0
    unmarked = imports.c.number.in_(found), imports.c.settled == Settled.NO
    columns = imports.c.number, imports.c.kind, imports.c.state, *_of_import()
    locked = by_key(select(*columns), imports).where(*unmarked).order_by(imports.c.number).with_for_update()
    sums: dict[str, list[int]] = {}
    mine = []
    for number, kind, state, *values in connection.execute(locked):
        mine.append(number)
        if kind == Kind.IMPORT:
            so_far = sums.setdefault(state, [0] * len(_SUMS))
            sums[state] = [one + int(other or 0) for one, other in zip(so_far, values, strict=True)]
    if mine:
        # the same instant again: for those who follow, nothing has changed
        mark = {
            "settled": case((imports.c.spool_name.is_(None), int(Settled.YES)), else_=int(Settled.KEEPS_FILE)),
            "updated_at": imports.c.updated_at,
        }
        connection.execute(by_key(update(imports), imports).where(imports.c.number.in_(mine)).values(**mark))
    for state, values in sorted(sums.items()):  # in an order, so that no two wait for each other
        added = insert(totals).values(state=state, **dict(zip(_SUMS, values, strict=True)))
        more = {name: totals.c[name] + value for name, value in zip(_SUMS, values, strict=True)}
        connection.execute(added.on_duplicate_key_update(**more))
    return len(found)


def _of_import() -> list[Any]:
    micros = func.timestampdiff(text("MICROSECOND"), imports.c.created_at, imports.c.finished_at)
    within = (func.coalesce(micros <= bound * _MILLION, 0, type_=Integer) for bound in DURATIONS)
    # a clock that was set back must not make a sum smaller
    return [1, imports.c.rows_done, imports.c.rows_rejected, func.greatest(func.coalesce(micros, 0), 0), *within]


_UNMARKED = (
    select(imports.c.state, *(func.sum(value) for value in _of_import()))
    .where(imports.c.settled == Settled.NO, imports.c.kind == Kind.IMPORT)
    .group_by(imports.c.state)
)
# one statement, so that all of it is read at one instant: an import is in one of the two
_BOTH = union_all(_UNMARKED, select(totals)).subquery()
_ALL = select(_BOTH.c[0], *(func.sum(column) for column in list(_BOTH.c)[1:])).group_by(_BOTH.c[0])
