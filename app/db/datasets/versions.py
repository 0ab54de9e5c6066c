"""Versions: which imports are in an export, and whether their rows are still those that they were."""

from sqlalchemy import Connection, func, or_, select

from app.db.datasets.deletions import DELETED
from app.db.datasets.tables import table_of
from app.db.ledger import NOW
from app.db.schema import events, imports
from app.domain.dataset import Dataset
from app.domain.requests.export import Version
from app.domain.requests.revert import Kind
from app.domain.states import State


def read_version(connection: Connection, dataset: Dataset) -> Version:
    """The version of the rows that `connection`, a snapshot, begins to see with this."""
    at = connection.execute(select(NOW)).scalar_one()  # first: what changes in between counts as later
    committing = select(imports.c.number).where(imports.c.state == State.COMMITTING).order_by(imports.c.number)
    unseen = tuple(connection.scalars(committing))
    newest = connection.execute(select(func.max(table_of(dataset).c.import_no))).scalar()
    return Version(int(newest or 0), at, unseen)


def has_changed(connection: Connection, dataset: Dataset, version: Version) -> bool:
    """Whether rows of these imports were deleted, erased, reverted or updated since, through us."""
    later = imports.c.dataset == dataset.name, imports.c.updated_at >= version.at
    changing = or_(imports.c.kind == Kind.REVERT, imports.c.rows_updated > 0)
    ended = select(imports.c.number).where(*later, changing, imports.c.state == State.COMMITTED)
    if connection.execute(ended.where(imports.c.finished_at >= version.at).limit(1)).first() is not None:
        return True
    deleted = select(events.c.sequence).join(imports, imports.c.number == events.c.import_no)
    deleted = deleted.where(*later, imports.c.number <= version.newest)
    deleted = deleted.where(events.c.kind == DELETED, events.c.at >= version.at)
    return connection.execute(deleted.limit(1)).first() is not None


def list_later(connection: Connection, dataset: Dataset, version: Version) -> list[int]:
    """The imports up to the newest that had not committed then: their rows may be there now."""
    later = imports.c.dataset == dataset.name, imports.c.updated_at >= version.at
    query = select(imports.c.number).where(*later, imports.c.number <= version.newest)
    query = query.where(imports.c.finished_at >= version.at, imports.c.state == State.COMMITTED)
    return sorted({*connection.scalars(query), *version.committing})
