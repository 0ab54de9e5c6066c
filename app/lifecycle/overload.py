"""Overload: more waits than the workers can come to in good time, so no more is taken for now."""

from typing import Any

from app.db import history
from app.domain.errors import Overloaded
from app.lifecycle.site import Site


def is_overloaded(site: Site) -> bool:
    """Whether as many imports wait as are allowed to."""
    with site.database.begin() as connection:
        return _is_full(site, connection)


def require_room(site: Site, connection: Any) -> None:
    """Raise `Overloaded` while too much waits, as this transaction sees it."""
    if _is_full(site, connection):
        raise Overloaded(
            f"{site.settings.overload_queued:,} imports wait already: nothing was kept, send it again later"
        )


def _is_full(site: Site, connection: Any) -> bool:
    return history.count_queued(connection) >= site.settings.overload_queued
