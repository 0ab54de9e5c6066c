"""Usage: what one client has in the ledger, for its quotas.

Both queries look at a part of the ledger that does not grow with the history: what is unfinished, and what has changed
within the last day or while files are kept.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from app.db.ledger import NOW, seconds_from_now
from app.db.schema import imports
from app.domain.requests.quota import DAY_SECONDS, Quota
from app.domain.requests.revert import Kind
from app.domain.states import FINAL, UNFINISHED


def measure_usage(connection: Connection, client: str, kept_seconds: float) -> dict[Quota, int]:
    """How much of each quota a client uses. `kept_seconds` is how long files are kept after the end of their import."""
    rows = func.coalesce(imports.c.rows_total, imports.c.generate_rows, imports.c.attempt_rows)
    recent = imports.c.created_at > seconds_from_now(-DAY_SECONDS)
    kept = and_(
        imports.c.spool_name.is_not(None),
        or_(imports.c.finished_at.is_(None), imports.c.finished_at > seconds_from_now(-kept_seconds)),
    )

    def total(condition: ColumnElement[bool], value: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(case((condition, value), else_=0)), 0)

    counted = select(
        func.count(),
        total(recent, rows),
        total(recent, imports.c.bytes_total),
        total(kept, imports.c.bytes_total),
    ).where(imports.c.client == client, imports.c.kind == Kind.IMPORT)
    since = imports.c.updated_at > func.least(seconds_from_now(-DAY_SECONDS), seconds_from_now(-kept_seconds), NOW)
    unfinished = connection.execute(counted.where(imports.c.state.in_(sorted(UNFINISHED)))).one()
    finished = connection.execute(counted.where(imports.c.state.in_(sorted(FINAL)), since)).one()
    return {
        Quota.IMPORTS: int(unfinished[0]),
        **{
            quota: int(unfinished[at] or 0) + int(finished[at] or 0)
            for at, quota in enumerate((Quota.ROWS, Quota.BYTES, Quota.SPOOL_BYTES), 1)
        },
    }
