"""The backlog: what waits and what was measured, for an estimate of how long a new import takes."""

from dataclasses import dataclass

from sqlalchemy import Connection, Integer, case, func, select, text

from app.db.ledger import NOW
from app.db.schema import imports
from app.domain.requests.revert import Kind
from app.domain.states import State

LOOKED_AT = 1000  # how many of the latest committed imports are looked at
RATE_SAMPLE = 20  # on how many of them, which are large enough, the estimate rests


@dataclass(frozen=True)
class Backlog:
    """What is waiting and what was measured, for an estimate of how long a new import takes.

    `oldest_seconds` is for how long the oldest of those that wait has waited; None where none does.
    """

    waiting: int
    running: int
    waiting_rows: int
    waiting_bytes: int
    oldest_seconds: float | None
    rows_per_second: float | None
    bytes_per_second: float | None


def measure_backlog(connection: Connection) -> Backlog:
    """How much lies before a new import, and how fast the latest ones went."""
    waiting, running, rows, source_bytes, micros = connection.execute(_AHEAD).one()
    row_rate, byte_rate = connection.execute(_RATES).one()
    return Backlog(
        waiting=int(waiting),
        running=int(running),
        waiting_rows=int(rows),
        waiting_bytes=int(source_bytes),
        oldest_seconds=None if micros is None else max(float(micros), 0.0) / 1_000_000,
        rows_per_second=None if row_rate is None else float(row_rate),
        bytes_per_second=None if byte_rate is None else float(byte_rate),
    )


_AHEAD = select(
    # without a type the sum of truths would be a truth itself
    func.coalesce(func.sum(imports.c.state == State.QUEUED, type_=Integer), 0),
    func.coalesce(func.sum(imports.c.state == State.RUNNING, type_=Integer), 0),
    func.coalesce(func.sum(func.greatest(imports.c.generate_rows, imports.c.attempt_rows) - imports.c.attempt_rows), 0),
    func.coalesce(func.sum(func.greatest(imports.c.bytes_total, imports.c.attempt_bytes) - imports.c.attempt_bytes), 0),
    func.timestampdiff(
        text("MICROSECOND"), func.min(case((imports.c.state == State.QUEUED, imports.c.created_at))), NOW
    ),
).where(imports.c.state.in_([State.QUEUED, State.RUNNING]))
_RATED = ("attempt_started_at", "finished_at", "rows_done", "bytes_total")
_LOOKED_AT = (
    select(*(imports.c[name] for name in ("number", "kind", *_RATED)))
    .with_hint(imports, "FORCE INDEX (imports_of_state)")
    .where(imports.c.state == State.COMMITTED)
    .order_by(imports.c.number.desc())
    .limit(LOOKED_AT)
    .subquery()
)
_LATEST = (
    select(*(_LOOKED_AT.c[name] for name in _RATED))
    .where(_LOOKED_AT.c.rows_done >= 1000, _LOOKED_AT.c.kind == Kind.IMPORT)
    .order_by(_LOOKED_AT.c.number.desc())
    .limit(RATE_SAMPLE)
    .subquery()
)
_MICROS = func.timestampdiff(text("MICROSECOND"), _LATEST.c.attempt_started_at, _LATEST.c.finished_at)
_RATES = select(
    # a DECIMAL keeps four digits of a quotient: a few rows a second would be 0 if it were divided first
    func.sum(_LATEST.c.rows_done) * 1_000_000 / func.nullif(func.sum(_MICROS), 0),
    func.sum(_LATEST.c.bytes_total)
    * 1_000_000
    / func.nullif(func.sum(case((_LATEST.c.bytes_total.is_not(None), _MICROS), else_=0)), 0),
)
