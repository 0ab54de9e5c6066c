"""Overload: more waits than the workers can come to in good time, so no more is taken for now."""

from app.config import Settings
from app.db.database import Database
from app.db.imports import queries
from app.domain.errors import Overloaded


def is_overloaded(database: Database, settings: Settings) -> bool:
    """Whether as many imports wait as are allowed to."""
    with database.begin() as connection:
        return queries.count_queued(connection) >= settings.max_queued


def require_capacity(settings: Settings, waiting: int) -> None:
    """Raise `Overloaded` where so many wait that no more are allowed to."""
    if waiting >= settings.max_queued:
        raise Overloaded(f"{settings.max_queued:,} imports wait already: nothing was kept, send it again later")
