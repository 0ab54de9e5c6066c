"""Overload: more waits than the workers can come to in good time, so no more is taken for now."""

from app.db.imports import queries
from app.domain.errors import Overloaded
from app.lifecycle.services import Site


def is_overloaded(site: Site) -> bool:
    """Whether as many imports wait as are allowed to."""
    with site.database.begin() as connection:
        return queries.count_queued(connection) >= site.settings.overload_queued


def require_room(site: Site, waiting: int) -> None:
    """Raise `Overloaded` where so many wait that no more are allowed to."""
    if waiting >= site.settings.overload_queued:
        raise Overloaded(
            f"{site.settings.overload_queued:,} imports wait already: nothing was kept, send it again later"
        )
