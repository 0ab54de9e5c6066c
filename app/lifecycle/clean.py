"""Clean: removes what outlived its use, in small steps."""

import structlog

from app.db import leftovers
from app.lifecycle import define
from app.lifecycle.site import Site

ORPHAN_SECONDS = 3600.0  # an upload that nobody has written to for so long

log = structlog.get_logger(__name__)


def clean(site: Site) -> None:
    """One step each of old spool files, orphaned uploads, old history, stale keys and half-made datasets."""
    _delete_old_spools(site)
    _delete_orphans(site)
    define.mend_all(site)
    with site.database.begin() as connection:
        forgotten = leftovers.delete_old_history(connection, site.settings.history_keep_days)
        leftovers.delete_stale_keys(connection)
    if forgotten:
        log.info("history_forgotten", imports=forgotten)


def _delete_old_spools(site: Site) -> None:
    with site.database.begin() as connection:
        old = leftovers.list_old_spools(connection, site.settings.spool_keep_hours)
    for number, name in old:
        site.spool.delete(name)
        # a crash here leaves a name without a file: the next step forgets it
        with site.database.begin() as connection:
            leftovers.forget_spool(connection, number)


def _delete_orphans(site: Site) -> None:
    untouched = site.spool.list_untouched(ORPHAN_SECONDS)
    with site.database.begin() as connection:
        known = leftovers.known_spools(connection, untouched) if untouched else set()
    for name in untouched:
        if name not in known:
            site.spool.delete(name)
            log.info("orphan_deleted", spool_name=name)
