"""What outlived its use: old spool files, old ledger rows. Removed in small steps."""

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    TextClause,
    and_,
    bindparam,
    case,
    delete,
    exists,
    or_,
    select,
    text,
    tuple_,
    update,
)

from app.db.imports.totals import Settled
from app.db.imports.transitions import seconds_from_now
from app.db.ledger import by_key
from app.db.schema import before_images, events, idempotency_keys, imports, receipts, reverted_imports
from app.domain.imports import reject_name
from app.domain.states import FINAL

BATCH_SIZE = 100
ROWS = 2000  # a step deletes at most so many of each kind, whatever the imports have kept


def list_old_spools(connection: Connection, keep_hours: float) -> list[tuple[int, str | None]]:
    """(import number, spool name) of files whose import ended longer ago than that; None where the name is forgotten
    already."""
    query = select(imports.c.number, imports.c.spool_name).where(
        imports.c.settled == Settled.KEEPS_FILE, imports.c.finished_at <= seconds_from_now(-keep_hours * 3600)
    )
    found = connection.execute(query.order_by(imports.c.finished_at).limit(BATCH_SIZE))
    return [(int(number), name) for number, name in found]


def forget_spools(connection: Connection, numbers: list[int]) -> None:
    """The files of these imports, which have ended, are gone."""
    done = case((imports.c.settled == Settled.KEEPS_FILE, int(Settled.YES)), else_=imports.c.settled)
    gone = by_key(update(imports), imports).where(imports.c.number.in_(numbers))
    connection.execute(gone.values(spool_name=None, settled=done))


def known_spools(connection: Connection, names: list[str]) -> set[str]:
    """Which of these spool names, each with an import's id before the first dot, some import still needs: its upload,
    or what its latest attempt rejected. One that has ended without a reject needs no file of an attempt that died."""
    ids = {name.partition(".")[0] for name in names}
    query = select(imports.c.spool_name)
    known = set(connection.scalars(query.where(imports.c.id.in_(ids), imports.c.spool_name.in_(names))))
    latest = connection.execute(
        select(imports.c.id, imports.c.epoch).where(
            imports.c.id.in_(ids), or_(imports.c.rows_rejected > 0, imports.c.state.not_in(list(FINAL)))
        )
    )
    known |= {reject_name(id, epoch) for id, epoch in latest}
    return known


def delete_old_history(connection: Connection, keep_days: float) -> tuple[int, bool]:
    """Forget a step of imports that ended longer ago than that and have no spool file: what belongs to them first, the
    imports once nothing is left. Returns how many imports, and whether there may be more to do."""
    query = (
        select(imports.c.number)
        .where(
            imports.c.settled == Settled.YES,
            imports.c.finished_at <= seconds_from_now(-keep_days * 86400),
            ~exists().where(
                reverted_imports.c.import_no == imports.c.number,
                reverted_imports.c.active == 1,
                reverted_imports.c.reverted_at.is_(None),
            ),
        )
        .order_by(imports.c.finished_at)
        .limit(BATCH_SIZE)
    )
    numbers = sorted(connection.scalars(query))
    if numbers:
        # a crash between two steps leaves imports with less of their history, which the next step takes up
        for table in (before_images, events, receipts, reverted_imports):
            if connection.execute(_DELETE[table.name], {"numbers": numbers, "rows": ROWS}).rowcount == ROWS:
                return 0, True
        _delete_keys(connection, idempotency_keys.c.import_no.in_(numbers))
        connection.execute(delete(imports).where(imports.c.number.in_(numbers)))
    return len(numbers), len(numbers) == BATCH_SIZE


def delete_stale_keys(connection: Connection) -> bool:
    """Forget claims on keys whose request never came to an end; returns whether there may be more."""
    claimed_until = idempotency_keys.c.claimed_until
    return _delete_keys(
        connection, and_(idempotency_keys.c.import_no.is_(None), claimed_until <= seconds_from_now(-3600))
    )


def _delete_keys(connection: Connection, condition: ColumnElement[bool]) -> bool:
    """Found first and then locked by their primary key, as a request does that claims one."""
    key = idempotency_keys.c.client, idempotency_keys.c.key
    query = select(*key).with_hint(idempotency_keys, "FORCE INDEX (idempotency_import)")
    found = sorted(tuple(row) for row in connection.execute(query.where(condition).limit(ROWS)))
    if found:
        connection.execute(delete(idempotency_keys).where(tuple_(*key).in_(found), condition))
    return len(found) == ROWS


def _delete(table: Table) -> TextClause:
    # in an order, so that a log of statements says the same
    order = ", ".join(column.name for column in table.primary_key)
    statement = f"DELETE FROM {table.name} WHERE import_no IN :numbers ORDER BY {order} LIMIT :rows"
    return text(statement).bindparams(bindparam("numbers", expanding=True))


_DELETE = {table.name: _delete(table) for table in (before_images, events, receipts, reverted_imports)}
