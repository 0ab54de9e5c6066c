"""Freeze: a ledger that may not be the latest is neither swept nor loaded into until a person has looked.

A restored backup looks like any other database. Two things reveal it: the generation, which the sweeper counts up
in the ledger and then copies to the spool folder, where no restored database changes it; and branches that only a later
ledger can have begun.
"""

from collections.abc import Callable

import structlog

from app.db import installation, xa
from app.db.access import audit
from app.db.database import Connection, Database
from app.db.imports import queries
from app.domain.errors import LedgerFrozen, NotAllowed, SpoolFull, SpoolUnavailable
from app.domain.generation import Generation, Installation, why_stale
from app.domain.imports import Import, proves_older_ledger
from app.domain.xid import Xid, parse_xid
from app.lifecycle.services import Services
from app.spool import Spool

WHAT_TO_DO = "`python -m app.cli branches`, then `python -m app.cli sweeping resume` (docs/how-to/recovery.md)"

log = structlog.get_logger(__name__)


def require_sweeping(services: Services, also: Callable[[Connection], None] | None = None) -> Installation:
    """Look whether this is the ledger that was known, and freeze sweeping where it is not. `also` may look at more in
    the same transaction, and raise what it wants.

    Raises `LedgerFrozen` then, and until a person lets sweeping go on; `DatabaseUnavailable`.
    """
    kept = services.spool.read_generation(services.installation)  # first: see `why_stale`
    with services.database.begin() as connection:
        found = _read(connection, kept)
        if also is not None:
            also(connection)
    return _judge(services.database, services.installation, kept, *found)


def require_sweeping_in(
    database: Database, installation_id: str, connection: Connection, kept: Generation | None
) -> Installation:
    """`require_sweeping` in the caller's transaction, in which nothing was read yet; the caller read `kept` before it.
    What this raises undoes a transaction that goes on to write."""
    return _judge(database, installation_id, kept, *_read(connection, kept))


def _read(connection: Connection, kept: Generation | None) -> tuple[Installation, int]:
    return installation.read_installation(connection), 0 if kept else installation.count_unfinished(connection)


def _judge(
    database: Database, installation_id: str, kept: Generation | None, here: Installation, unfinished: int
) -> Installation:
    if here.frozen_reason is not None:
        raise _frozen(here.frozen_reason)
    if here.id != installation_id:
        raise _frozen("the installation was given a new id while this process ran: start it again")
    if reason := why_stale(here, kept, unfinished):
        raise freeze(database, reason, kept)
    return here


def require_explained(database: Database, found: list[tuple[Xid, Import | None]]) -> None:
    """Freeze sweeping and raise `LedgerFrozen` if one of these branches shows that the ledger is older than it is.

    Their imports must have been read after they were listed.
    """
    if late := _list_late(database, found):
        raise freeze(
            database,
            f"prepared branch {late[0].lock_name()} is of an import or an attempt that the ledger does not know yet: an"
            " older backup was restored",
        )


def freeze(database: Database, reason: str, kept: Generation | None = None, *, by_person: bool = False) -> LedgerFrozen:
    """Freeze sweeping, durably; returns the error that says so."""
    with database.begin() as connection:
        won = installation.freeze(connection, reason, kept)
        if won and by_person:  # else a request has found the reason, and did not do it
            audit.record(connection, reason=reason)
    if won:
        log.critical("sweeping_frozen", reason=reason, what_to_do=WHAT_TO_DO)
    return _frozen(reason)


def advance_generation(database: Database, spool: Spool, here: Installation) -> None:
    """Count the ledger's generation up, then copy it to the spool: in this order the ledger is never behind its copy.

    Raises OSError and `SpoolFull` where it can't be written.
    """
    with database.begin() as connection:
        generation = installation.advance_generation(connection, here)
    # a crash here leaves an older copy in the spool: the ledger may be ahead of it
    try:
        spool.write_generation(here.id, generation)
    except (OSError, SpoolFull, SpoolUnavailable) as error:
        log.warning("generation_not_written", error=str(error))
        raise


def resume(database: Database) -> Installation:
    """Let sweeping go on with the ledger as it is; returns what it was.

    No import number that is known of anywhere is given out again. A copy gets an id of its own. Raises `NotAllowed`
    when nothing is frozen, or while a branch of a later ledger is prepared: an import of now would be judged by it.
    """
    with database.session() as session, database.begin() as connection:
        here = installation.read_installation(connection)
        listed = [xid for raw in xa.list_prepared(session) if (xid := parse_xid(raw, here.id)) is not None]
    if here.frozen_reason is None:
        raise NotAllowed("sweeping is not frozen")
    if not here.is_copy:
        with database.begin() as connection:
            found = [(xid, queries.find_numbered(connection, xid.number)) for xid in listed]
        if late := _list_late(database, found):
            names = ", ".join(xid.lock_name() for xid in late)
            raise NotAllowed(
                f"{len(late)} prepared branch(es) come from a later ledger than this one: {names}. Either restore that"
                " ledger, or roll them back first: `python -m app.cli resolve <branch> rollback`"
            )
    with database.begin() as connection:
        installation.skip_numbers(connection, max(here.last_number, installation.highest_number(connection)))
        installation.thaw(connection, here, new_id=here.is_copy)
        audit.record(connection, reason=here.frozen_reason)
    log.warning("sweeping_resumed", was_frozen=here.frozen_reason)
    return here


def _list_late(database: Database, found: list[tuple[Xid, Import | None]]) -> list[Xid]:
    if all(row is not None and xid.epoch <= row.epoch for xid, row in found):
        return []
    with database.begin() as connection:
        highest = installation.highest_number(connection)
    return [xid for xid, row in found if proves_older_ledger(xid, row, highest)]


def _frozen(reason: str) -> LedgerFrozen:
    return LedgerFrozen(
        f"sweeping is frozen, and nothing is accepted or loaded: {reason}. A person must look: {WHAT_TO_DO}"
    )
