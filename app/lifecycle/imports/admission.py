"""Overload: more waits than the workers can come to in good time, so no more is taken for now."""

from app.db.imports import queries
from app.domain.errors import Overloaded
from app.lifecycle.services import Services


def is_overloaded(services: Services) -> bool:
    """Whether as many imports wait as are allowed to."""
    with services.database.begin() as connection:
        return queries.count_queued(connection) >= services.settings.max_queued


def require_capacity(services: Services, waiting: int) -> None:
    """Raise `Overloaded` where so many wait that no more are allowed to."""
    if waiting >= services.settings.max_queued:
        raise Overloaded(
            f"{services.settings.max_queued:,} imports wait already: nothing was kept, send it again later"
        )
