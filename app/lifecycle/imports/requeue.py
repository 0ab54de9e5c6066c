"""Requeue: what becomes of an import, or another ledger's row, whose attempt did not reach its decision.

Each move names the attempt's epoch, so it finds nothing when the import was stopped or taken over meanwhile.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from app.config import Settings
from app.db.database import Database
from app.db.imports import transitions
from app.db.ledger import Ledger
from app.domain.errors import ImportFailed, SpoolUnavailable
from app.domain.imports import Import
from app.domain.states import State
from app.queue import Hints

RETRY_SECONDS = 1.0  # doubled with every attempt
MAX_RETRY_SECONDS = 60.0
SPACE_SECONDS = 2.0  # doubled with every attempt, too
WAITS_FOR_SPACE = "waits for space in the spool folder: its disk is full"

log = structlog.get_logger(__name__)


class Attempted(Protocol):
    """A row of a ledger that an attempt had: an import, or a handling."""

    @property
    def number(self) -> int: ...

    @property
    def epoch(self) -> int: ...

    @property
    def attempts(self) -> int: ...


SHUT_DOWN, PAUSED = "the worker shut down", "it was paused"
WAITS_FOR_REVERT = "waits for a revert that holds the same rows"
WAITS_FOR_DELETION = "waits for a deletion that holds the same rows"


def give_back(
    database: Database, ledger: Ledger[Any], row: Attempted, reason: str = SHUT_DOWN, *, pause_seconds: float = 0
) -> bool:
    """Queue a row again, to be claimed after the pause; the attempt does not count. False when it was stopped or taken
    over."""
    with database.begin() as connection:
        told = {"reason": reason}
        given = ledger.requeue(connection, row.number, row.epoch, detail=told, attempts=-1, pause_seconds=pause_seconds)
    if given:
        log.info("handed_back", reason=reason)
    return given


def give_back_until_space(
    database: Database, ledger: Ledger[Any], row: Attempted, reason: str = WAITS_FOR_SPACE
) -> bool:
    """Queue a row again because the spool has no space for what its attempt writes, or another `reason`; the
    attempt does not count, and the pauses grow. False when it was stopped or taken over."""
    pause = min(SPACE_SECONDS * 2 ** min(row.epoch // 2, 10), MAX_RETRY_SECONDS)  # an attempt takes two epochs
    with database.begin() as connection:
        told = {"reason": reason}
        given = ledger.requeue(connection, row.number, row.epoch, detail=told, attempts=-1, pause_seconds=pause)
    if given:
        log.warning(
            "spool_full" if reason == WAITS_FOR_SPACE else "spool_unavailable", waits_seconds=pause, reason=reason
        )
    return given


def queue_again(
    database: Database,
    ledger: Ledger[Any],
    row: Attempted,
    reason: str,
    *,
    error: Mapping[str, Any] | None,
    only_expired: bool = False,
) -> bool:
    """Queue a row for another attempt after a pause; or, with an `error`, fail it for good. Whether this call won.

    `only_expired` acts only if the lease has run out, by the database's clock.
    """
    with database.begin() as connection:
        if error is not None:
            return ledger.fail_exhausted(connection, row.number, row.epoch, error, only_expired=only_expired)
        return ledger.requeue(
            connection,
            row.number,
            row.epoch,
            detail={"reason": reason, "attempt": row.attempts},
            pause_seconds=min(RETRY_SECONDS * 2 ** (row.attempts - 1), MAX_RETRY_SECONDS),
            only_expired=only_expired,
        )


def release(database: Database, hints: Hints, row: Import) -> bool:
    """`give_back` an import, and hint at it."""
    given = give_back(database, transitions.ledger, row)
    if given:
        hints.publish(row.id)
    return given


def wait_for_space(database: Database, row: Import) -> None:
    """`give_back_until_space` an import. An inline one fails: its client waits for the answer."""
    if row.inline:
        full = ImportFailed("spool_full", "the disk of the spool folder is full: free some space")
        return fail(database, row, full)
    give_back_until_space(database, transitions.ledger, row)
    return None


def wait_for_store(database: Database, row: Import, error: SpoolUnavailable) -> None:
    """`give_back_until_space` an import, until the object store answers. An inline one fails."""
    if row.inline:
        return fail(database, row, ImportFailed("spool_unavailable", error.detail))
    give_back_until_space(database, transitions.ledger, row, error.detail)
    return None


def fail(database: Database, row: Import, failure: ImportFailed, rejected: int = 0, blank: int = 0) -> None:
    """The import can't be loaded: decide that, with the reason, how many rows its report lists, and how many blank ones
    were passed over until then."""
    with database.begin() as connection:
        decided = transitions.ledger.move(
            connection,
            row.number,
            {State.RUNNING},
            State.FAILING,
            at_epoch=row.epoch,
            error=failure.as_dict(),
            rows_rejected=rejected,
            rows_blank=blank,
        )
    log.info("failing" if decided else "attempt_lost", code=failure.code, reason=str(failure))


def try_again(database: Database, settings: Settings, row: Import, reason: str, *, only_expired: bool = False) -> bool:
    """`queue_again` an import. An inline one is never tried again: its client is gone."""
    error = None
    if row.inline or row.attempts >= settings.max_attempts:
        ended = f"gave up after {row.attempts} attempt(s); the last one ended with: {reason}"
        error = ImportFailed("gave_up", ended).as_dict()
    moved = queue_again(database, transitions.ledger, row, reason, error=error, only_expired=only_expired)
    if moved:
        log.warning("gave_up" if error else "attempt_broken", import_id=row.id, attempt=row.attempts, reason=reason)
    elif not only_expired:
        log.info("attempt_lost", reason="the import was stopped or taken over", ended_with=reason)
    return moved
