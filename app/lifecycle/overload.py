"""Overload: more waits than the workers can come to in good time, so no more is taken for now."""

from app.db import history
from app.domain.errors import Overloaded
from app.lifecycle.site import Site


def is_overloaded(site: Site) -> bool:
    """Whether as many imports wait as are allowed to."""
    with site.database.begin() as connection:
        return history.count_queued(connection) >= site.settings.overload_queued


def require_room(site: Site) -> None:
    """Raise `Overloaded` while too much waits."""
    if is_overloaded(site):
        raise Overloaded(
            f"{site.settings.overload_queued:,} imports wait already: nothing was kept, send it again later"
        )
