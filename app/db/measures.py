"""Measures: figures about all imports that the ledger still knows, for those who draw curves."""

from dataclasses import dataclass

from sqlalchemy import Connection, Integer, func, select, text

from app.db.imports.transitions import NOW
from app.db.schema import imports
from app.domain.requests.revert import Kind
from app.domain.states import State

DURATIONS = (1, 5, 15, 60, 300, 900, 3600, 14400)  # seconds, the upper bounds of a histogram's classes
_MILLION = 1_000_000


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
    """The figures of every state, in one pass over the history."""
    micros = func.timestampdiff(text("MICROSECOND"), imports.c.created_at, imports.c.finished_at)
    query = select(
        imports.c.state,
        func.count(),
        func.sum(imports.c.rows_done),
        func.sum(imports.c.rows_rejected),
        func.coalesce(func.sum(micros), 0),
        *(func.coalesce(func.sum(micros <= bound * _MILLION, type_=Integer), 0) for bound in DURATIONS),
    )
    query = query.where(imports.c.kind == Kind.IMPORT).group_by(imports.c.state)
    found = dict.fromkeys(State, StateFigures())
    for state, count, rows, rejected, elapsed, *within in connection.execute(query):
        found[State(state)] = StateFigures(
            int(count), int(rows), int(rejected), float(elapsed) / _MILLION, tuple(int(number) for number in within)
        )
    return found


def measure_age(connection: Connection) -> float | None:
    """For how many seconds the oldest queued import has waited; None where none does."""
    oldest = func.min(imports.c.created_at)
    waited = func.timestampdiff(text("MICROSECOND"), oldest, NOW)
    micros = connection.execute(select(waited).where(imports.c.state == State.QUEUED)).scalar_one()
    return None if micros is None else max(float(micros), 0.0) / _MILLION
