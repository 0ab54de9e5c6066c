"""Rollback: what a stop, a failure or an older attempt leaves is undone, and its end recorded when nothing is left."""

from time import monotonic, sleep

import structlog

from app.db import xa
from app.db.database import Database
from app.db.datasets import rows
from app.db.imports import queries, transitions
from app.db.installation import is_frozen
from app.db.reverts import claims
from app.domain.errors import AttemptLost
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.domain.states import UNDOING
from app.domain.xid import Xid, name_branches, parse_xid
from app.lifecycle.datasets.catalog import find_dataset_of
from app.lifecycle.imports.loading.shutdown import GracefulShutdown

POLL_SECONDS = 0.1
MAX_BRANCHES = 16  # the setting may have been higher in an earlier attempt

log = structlog.get_logger(__name__)


def finish_rollback(database: Database, installation: str, number: int) -> bool:
    """Push a `stopping` or `failing` import towards its end; True when nothing is left to do.

    Kills the owners of its branches, rolls back the prepared ones, and moves it to `stopped` or `failed` once no owner
    lock, no branch and no row or receipt of it is left. After a crash anywhere in here, another call finishes the work.
    While sweeping is frozen nothing is touched.
    """
    with database.begin() as connection:
        row = queries.find_numbered(connection, number)
        frozen = is_frozen(connection)
    if row is None or row.state not in UNDOING:
        return True
    if frozen:
        return False
    if not _nothing_left(database, installation, row, range(1, row.epoch + 1)):
        return False
    with database.begin() as connection:
        ended = transitions.ledger.move(connection, number, {row.state}, UNDOING[row.state])
        if ended and row.kind is Kind.REVERT:
            claims.release(connection, number, UNDOING[row.state])
    if ended:
        log.info("rolled_back", import_id=row.id, state=UNDOING[row.state])
    return True


def finish_rollback_within(database: Database, installation: str, number: int, seconds: float) -> bool:
    """`finish_rollback` again and again for so long; what is left then is the sweeper's."""
    until = monotonic() + seconds
    while not finish_rollback(database, installation, number):
        if monotonic() >= until:
            return False
        sleep(POLL_SECONDS)
    return True


def await_older_attempts(database: Database, installation: str, row: Import, shutdown: GracefulShutdown) -> None:
    """Wait until nothing is left of the attempts before this one: else the new load would stall on their locks.

    Raises `AttemptLost` when the import was stopped or taken over meanwhile: what is there may be a later attempt's.
    Raises `Released` when the worker is to go before that.
    """
    while row.epoch > 1 and not _nothing_left(database, installation, row, range(1, row.epoch)):
        with database.begin() as connection:
            if not transitions.ledger.holds(connection, row.number, row.epoch):
                raise AttemptLost("the import was stopped or taken over while an older attempt was undone")
        shutdown.check()
        sleep(POLL_SECONDS)


def _nothing_left(database: Database, installation: str, row: Import, epochs: range) -> bool:
    """Undo what these attempts left; True when no lock, branch, row or receipt of the import is there any more.

    In this order: an owner's lock is freed when its undo is over or its branch is prepared and detached, so a branch
    that was being prepared is listed by then.
    """
    xids = name_branches(installation, row.number, epochs, max(row.branches, MAX_BRANCHES))
    if xids:
        with database.control() as session:
            if xa.kill_owners(session, xids):
                return False
        if undo_prepared(database, installation, set(xids)):
            return False
    dataset = find_dataset_of(database, row)
    with database.uncommitted() as connection:
        return not rows.anything_left(connection, dataset, row.number)


def undo_prepared(database: Database, installation: str, xids: set[Xid]) -> bool:
    """Roll back those of these branches that are prepared; whether there were any."""
    with database.session() as session:
        listed = [parse_xid(raw, installation) for raw in xa.list_prepared(session)]
        prepared = [xid for xid in listed if xid in xids and xid is not None]
        for xid in xa.release(session, prepared):
            xa.roll_back_prepared(session, xid)
    return bool(prepared)
