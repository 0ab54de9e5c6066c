"""Clean: removes what outlived its use, in small steps."""

from collections.abc import Callable
from time import monotonic

import structlog

from app.db.access import sessions, tokens
from app.db.database import Database
from app.db.imports import retention, totals
from app.lifecycle.datasets import create
from app.lifecycle.recovery import audit
from app.lifecycle.recovery.chores import do_each
from app.lifecycle.services import Services
from app.spool import Spool

STEP_SECONDS = 0.15  # then there is a pause: loads, and requests, wait for the same processors and disk
FOLDED = 200  # imports that a transaction adds to the totals
ORPHAN_SECONDS = 3600.0  # an upload without a write for so long

log = structlog.get_logger(__name__)


def clean(services: Services, run: Callable[[str, Callable[[], object]], object] = lambda name, chore: chore()) -> None:
    """One step each of totals, old spool files, orphaned uploads, temporary files, half-made datasets, old history,
    stale keys, tokens and sessions that ended, and the audit; each by `run`, which is given its name. A step that
    returns True has more to do."""
    database, spool = services.database, services.spool
    run("fold_totals", lambda: _fold_totals(database))
    run("delete_old_spools", lambda: _delete_old_spools(services))
    run("delete_orphans", lambda: _delete_orphans(database, spool))
    run("delete_temporary", lambda: _delete_temporary(spool))
    run("repair_datasets", lambda: create.repair_all(database, services.installation))
    run("forget_history", lambda: _forget_history(database, services.settings.history_retention_days))
    run("forget_keys", lambda: _forget_keys(database))
    run("forget_access", lambda: _forget_access(database, services.settings.history_retention_days))
    if services.settings.asks_who:
        run("forget_audit", lambda: audit.forget_old(services))


def _until_slow(step: Callable[[], bool]) -> bool:
    """Take steps, each a short transaction, while there are more and it is not `STEP_SECONDS` later; returns whether
    there may be more."""
    until, has_more = monotonic() + STEP_SECONDS, True
    while has_more:
        has_more = step()
        if monotonic() >= until:
            break
    return has_more


def _fold_totals(database: Database) -> bool:
    def step() -> bool:
        with database.begin() as connection:
            return totals.fold(connection, FOLDED) == FOLDED

    return _until_slow(step)


def _forget_history(database: Database, keep_days: float) -> bool:
    forgotten = 0

    def step() -> bool:
        nonlocal forgotten
        with database.begin() as connection:
            some, has_more = retention.delete_old_history(connection, keep_days)
        forgotten += some
        return has_more

    has_more = _until_slow(step)
    if forgotten:
        log.info("history_forgotten", imports=forgotten)
    return has_more


def _forget_keys(database: Database) -> bool:
    with database.begin() as connection:
        return retention.delete_stale_keys(connection)


def _forget_access(database: Database, keep_days: float) -> bool:
    with database.begin() as connection:
        some = sessions.delete_old(connection), tokens.delete_old(connection, keep_days)
    return any(some)


def _delete_old_spools(services: Services) -> bool:
    def step() -> bool:
        with services.database.begin() as connection:
            old = retention.list_old_spools(connection, services.settings.spool_retention_hours)
        gone: list[int] = []

        def delete(one: tuple[int, str | None]) -> None:
            number, name = one
            if name is not None:
                services.spool.delete(name)
            gone.append(number)

        try:
            do_each(old, delete)
        finally:
            # a crash here leaves names without a file: the next step forgets them
            if gone:
                with services.database.begin() as connection:
                    retention.forget_spools(connection, gone)
        return len(old) == retention.BATCH_SIZE

    return _until_slow(step)


def _delete_orphans(database: Database, spool: Spool) -> None:
    untouched = spool.list_untouched(ORPHAN_SECONDS)
    with database.begin() as connection:
        known = retention.known_spools(connection, untouched) if untouched else set()

    def delete(name: str) -> None:
        spool.delete(name)
        log.info("orphan_deleted", spool_name=name)

    do_each([name for name in untouched if name not in known], delete)


def _delete_temporary(spool: Spool) -> None:
    for name in spool.delete_temporary(ORPHAN_SECONDS):
        log.info("temporary_file_deleted", spool_name=name)
