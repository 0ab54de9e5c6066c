"""Requeue: what becomes of an import whose attempt did not reach its decision.

Each move names the attempt's epoch, so it finds nothing when the import was stopped or taken over meanwhile.
"""

import structlog

from app.config import Settings
from app.db.database import Database
from app.db.imports import transitions
from app.domain.errors import ImportFailed
from app.domain.imports import Import
from app.domain.states import State
from app.queue import Hints

RETRY_SECONDS = 1.0  # doubled with every attempt
MAX_RETRY_SECONDS = 60.0
SPACE_SECONDS = 2.0  # doubled with every attempt, too
WAITS_FOR_SPACE = "waits for space in the spool folder: its disk is full"

log = structlog.get_logger(__name__)


def release(database: Database, hints: Hints, row: Import) -> bool:
    """Give an import back unfinished, because this worker goes; the attempt does not count. False when it was
    stopped or taken over."""
    with database.begin() as connection:
        told = {"reason": "the worker was told to stop"}
        given = transitions.requeue(connection, row.number, row.epoch, detail=told, attempts=-1)
    if given:
        log.info("handed_back")
        hints.publish(row.id)
    return given


def wait_for_space(database: Database, row: Import) -> None:
    """Give an import back because the spool folder's disk has no space for what its attempt writes; the attempt does
    not count, and the pauses grow. An inline import fails: whoever waited for it is told."""
    if row.inline:
        return fail(database, row, ImportFailed("spool_full", "the disk of the spool folder is full: free some space"))
    pause = min(SPACE_SECONDS * 2 ** min(row.epoch // 2, 10), MAX_RETRY_SECONDS)  # an attempt takes two epochs
    with database.begin() as connection:
        told = {"reason": WAITS_FOR_SPACE}
        given = transitions.requeue(connection, row.number, row.epoch, detail=told, attempts=-1, pause_seconds=pause)
    if given:
        log.warning("spool_full", waits_seconds=pause)
    return None


def fail(database: Database, row: Import, failure: ImportFailed, rejected: int = 0, blank: int = 0) -> None:
    """The import can't be loaded: decide that, with the reason, how many rows its report lists, and how many blank ones
    were passed over until then."""
    with database.begin() as connection:
        decided = transitions.move(
            connection,
            row.number,
            {State.RUNNING},
            State.FAILING,
            at_epoch=row.epoch,
            decided_at=transitions.NOW,
            phase="undoing",
            error=failure.as_dict(),
            rows_rejected=rejected,
            rows_blank=blank,
        )
    log.info("failing" if decided else "attempt_lost", code=failure.code, reason=str(failure))


def try_again(database: Database, settings: Settings, row: Import, reason: str, *, only_expired: bool = False) -> bool:
    """Queue the import for another attempt after a pause, or fail it when it had its last; whether this call won.

    An inline import is never tried again: whoever waited for it is gone. `only_expired` acts only if the lease has run
    out, by the database's clock.
    """
    last = row.inline or row.attempts >= settings.max_attempts
    pause = min(RETRY_SECONDS * 2 ** (row.attempts - 1), MAX_RETRY_SECONDS)
    with database.begin() as connection:
        if last:
            ended = f"gave up after {row.attempts} attempt(s); the last one ended with: {reason}"
            failure = ImportFailed("gave_up", ended)
            moved = transitions.fail_exhausted(
                connection, row.number, row.epoch, failure.as_dict(), only_expired=only_expired
            )
        else:
            moved = transitions.requeue(
                connection,
                row.number,
                row.epoch,
                detail={"reason": reason, "attempt": row.attempts},
                pause_seconds=pause,
                only_expired=only_expired,
            )
    if moved:
        log.warning("gave_up" if last else "attempt_broken", import_id=row.id, attempt=row.attempts, reason=reason)
    elif not only_expired:
        log.info("attempt_lost", reason="the import was stopped or taken over", ended_with=reason)
    return moved
