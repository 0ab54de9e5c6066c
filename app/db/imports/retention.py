"""What outlived its use: old spool files, old ledger rows. Removed in small steps."""

from sqlalchemy import Connection, and_, bindparam, delete, exists, or_, select, text, update

from app.db.imports.transitions import seconds_from_now
from app.db.schema import events, idempotency_keys, imports, receipts, reverted_imports
from app.domain.imports import reject_name
from app.domain.states import FINAL

BATCH_SIZE = 200
_DELETE_IMAGES = text(  # in an order, so that a log of statements says the same
    "DELETE FROM before_images WHERE import_no IN :numbers ORDER BY import_no, old_import_no, old_row_no LIMIT :images"
).bindparams(bindparam("numbers", expanding=True))
IMAGES = 20_000  # a step deletes at most so many, whatever the imports have updated


def list_old_spools(connection: Connection, keep_hours: float) -> list[tuple[int, str]]:
    """(import number, spool name) of files whose import ended longer ago than that."""
    query = select(imports.c.number, imports.c.spool_name).where(
        imports.c.state.in_(list(FINAL)),
        imports.c.spool_name.is_not(None),
        imports.c.finished_at <= seconds_from_now(-keep_hours * 3600),
    )
    return [(int(number), str(name)) for number, name in connection.execute(query.limit(BATCH_SIZE))]


def forget_spool(connection: Connection, number: int) -> None:
    """The import's file is gone."""
    connection.execute(update(imports).where(imports.c.number == number).values(spool_name=None))


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
    """Forget a step of imports that ended longer ago than that and have no spool file: their images first, the imports
    once none is left. Returns how many imports, and whether there may be more to do."""
    query = (
        select(imports.c.number)
        .where(
            imports.c.state.in_(list(FINAL)),
            imports.c.spool_name.is_(None),
            imports.c.finished_at <= seconds_from_now(-keep_days * 86400),
            ~exists().where(
                reverted_imports.c.import_no == imports.c.number,
                reverted_imports.c.active == 1,
                reverted_imports.c.reverted_at.is_(None),
            ),
        )
        .order_by(imports.c.number)
        .limit(BATCH_SIZE)
    )
    numbers = list(connection.scalars(query))
    if numbers:
        if connection.execute(_DELETE_IMAGES, {"numbers": numbers, "images": IMAGES}).rowcount == IMAGES:
            return 0, True
        for table in (events, receipts, idempotency_keys, reverted_imports):
            connection.execute(delete(table).where(table.c.import_no.in_(numbers)))
        connection.execute(delete(imports).where(imports.c.number.in_(numbers)))
    return len(numbers), len(numbers) == BATCH_SIZE


def delete_stale_keys(connection: Connection) -> int:
    """Forget claims on keys whose request never came to an end."""
    stale = and_(idempotency_keys.c.import_no.is_(None), idempotency_keys.c.claimed_until <= seconds_from_now(-3600))
    return connection.execute(delete(idempotency_keys).where(stale)).rowcount
