"""Counts: how many rows of a committed import were in the table when they were last counted.

What goes through us is in `rows_deleted` at once. A count finds what other programs deleted.
"""

from sqlalchemy import Connection, and_, or_, select, update

from app.db.ledger import NOW, by_key, seconds_from_now
from app.db.schema import imports
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import State

_COMMITTED = and_(imports.c.state == State.COMMITTED, imports.c.kind == Kind.IMPORT)
_KNOWN_GONE = and_(imports.c.rows_counted.is_not(None), imports.c.rows_counted == 0)


def claim(connection: Connection, number: int, seconds: float) -> bool:
    """Take it on to count an import's rows; False where somebody did so less than so many seconds ago."""
    asked = imports.c.count_asked_at
    claimed = connection.execute(
        by_key(update(imports), imports)
        .where(imports.c.number == number, _COMMITTED, or_(asked.is_(None), asked <= seconds_from_now(-seconds)))
        .values(count_asked_at=NOW)
    )
    return claimed.rowcount == 1


def record(connection: Connection, row: Import, rows: int) -> bool:
    """Keep how many rows were in the table when `row` was read, in the same snapshot. False where rows were deleted
    through us since, or counted: then it says nothing any more."""
    counted_at = imports.c.rows_counted_at
    recorded = connection.execute(
        by_key(update(imports), imports)
        .where(
            imports.c.number == row.number,
            _COMMITTED,
            imports.c.rows_deleted == row.rows_deleted,
            or_(counted_at.is_(None), counted_at < row.read_at),
        )
        .values(rows_counted=rows, rows_counted_at=row.read_at, sequence=imports.c.sequence + 1)
    )
    return recorded.rowcount == 1


def record_none(connection: Connection, dataset: str, number: int | None = None) -> None:
    """Keep that no row is left of the dataset's imports, or of the one with this number. What was deleted through us is
    recorded by then: the rest was deleted by other programs."""
    left = _COMMITTED, imports.c.rows_done > imports.c.rows_deleted, ~_KNOWN_GONE
    found = select(imports.c.number).where(imports.c.dataset == dataset, *left)
    if number is not None:
        found = found.where(imports.c.number == number)
    for one in connection.scalars(found).all():
        connection.execute(
            by_key(update(imports), imports)
            .where(imports.c.number == one, *left)
            .values(rows_counted=0, rows_counted_at=NOW, sequence=imports.c.sequence + 1)
        )
