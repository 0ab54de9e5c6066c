"""Deletions of one import's rows: one at a time in a dataset, beside imports that run, and seen by those that wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.exc import OperationalError

from app.db.datasets.rows import is_lock_conflict
from app.db.imports import queries
from app.db.ledger import by_key
from app.db.schema import events, imports
from app.domain.imports import Import

DELETED = "rows_deleted"  # the event


class RowsInUse(Exception):
    """Another transaction holds rows that are to be deleted; this one must be abandoned."""


@contextmanager
def needing_rows() -> Iterator[None]:
    """Around statements that lock or delete rows. Raises `RowsInUse`."""
    try:
        yield
    except OperationalError as error:
        if error.orig is not None and isinstance(error.orig, Exception) and is_lock_conflict(error.orig):
            raise RowsInUse(str(error.orig.args[-1])) from error
        raise


def begin(connection: Connection, installation: str, dataset: str, seconds: float) -> bool:
    """Mark the dataset until this connection is closed; False where another deletion has it for longer than so many
    seconds. It is the connection's own lock, so a crash leaves no mark."""
    taken = select(func.get_lock(_name(installation, dataset), seconds))
    return connection.execute(taken).scalar() == 1


def is_running(connection: Connection, installation: str, dataset: str) -> bool:
    """Whether rows of an import of the dataset are just being deleted."""
    return connection.execute(select(func.is_used_lock(_name(installation, dataset)))).scalar() is not None


def ended_since(connection: Connection, dataset: str, since: datetime) -> bool:
    """Whether rows of an import of the dataset were deleted after an instant of the database's clock."""
    query = (
        select(events.c.sequence)
        .join(imports, imports.c.number == events.c.import_no)
        .where(imports.c.dataset == dataset, imports.c.updated_at >= since)
        .where(and_(events.c.kind == DELETED, events.c.at >= since))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def lock_import(connection: Connection, number: int) -> Import | None:
    """The import with this number, or None. No revert of it is accepted before this transaction ends."""
    connection.execute(by_key(select(imports.c.number), imports).where(imports.c.number == number).with_for_update())
    return queries.find_numbered(connection, number)


def _name(installation: str, dataset: str) -> str:
    return f"backout:delete:{installation}:{sha256(dataset.encode()).hexdigest()[:16]}"  # a lock's has 64 characters
