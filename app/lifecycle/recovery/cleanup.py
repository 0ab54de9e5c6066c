"""Clean: removes what outlived its use, in small steps."""

from collections.abc import Callable
from functools import partial

import structlog

from app.db.imports import retention
from app.lifecycle.datasets import create
from app.lifecycle.recovery.chores import do_each
from app.lifecycle.services import Services

ORPHAN_SECONDS = 3600.0  # an upload that nobody has written to for so long

log = structlog.get_logger(__name__)


def clean(site: Services, run: Callable[[str, Callable[[], object]], object] = lambda name, chore: chore()) -> None:
    """One step each of old spool files, orphaned uploads, temporary files, half-made datasets, old history and stale
    keys; each by `run`, which is given its name."""
    for chore in (
        _delete_old_spools,
        _delete_orphans,
        _delete_temporary,
        _mend_datasets,
        _forget_history,
        _forget_keys,
    ):
        run(chore.__name__.removeprefix("_"), partial(chore, site))


def _mend_datasets(site: Services) -> None:
    create.mend_all(site)


def _forget_history(site: Services) -> None:
    with site.database.begin() as connection:
        forgotten = retention.delete_old_history(connection, site.settings.history_retention_days)
    if forgotten:
        log.info("history_forgotten", imports=forgotten)


def _forget_keys(site: Services) -> None:
    with site.database.begin() as connection:
        retention.delete_stale_keys(connection)


def _delete_old_spools(site: Services) -> None:
    with site.database.begin() as connection:
        old = retention.list_old_spools(connection, site.settings.spool_retention_hours)

    def delete(one: tuple[int, str]) -> None:
        number, name = one
        site.spool.delete(name)
        # a crash here leaves a name without a file: the next step forgets it
        with site.database.begin() as connection:
            retention.forget_spool(connection, number)

    do_each(old, delete)


def _delete_orphans(site: Services) -> None:
    untouched = site.spool.list_untouched(ORPHAN_SECONDS)
    with site.database.begin() as connection:
        known = retention.known_spools(connection, untouched) if untouched else set()

    def delete(name: str) -> None:
        site.spool.delete(name)
        log.info("orphan_deleted", spool_name=name)

    do_each([name for name in untouched if name not in known], delete)


def _delete_temporary(site: Services) -> None:
    for name in site.spool.delete_temporary(ORPHAN_SECONDS):
        log.info("temporary_file_deleted", spool_name=name)
