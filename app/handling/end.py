"""End: what becomes of a handling whose attempt is over. Each move names the attempt's epoch, so it finds nothing when
the handling was taken over meanwhile."""

from collections.abc import Mapping
from typing import Any

import structlog

from app.config import Settings
from app.db.database import Database
from app.db.handlings import transitions
from app.domain.handling import Handling, HandlingState
from app.lifecycle.imports.requeue import MAX_RETRY_SECONDS, RETRY_SECONDS, SPACE_SECONDS, WAITS_FOR_SPACE
from app.queue import HANDLE_TASK, HANDLING_QUEUE, Hints

log = structlog.get_logger(__name__)


def finish(database: Database, handling: Handling, *, whole: bool) -> None:
    """Record that a handling is at rest: `whole` when every order that was to be handled came to its end."""
    with database.begin() as connection:
        now = transitions.find_numbered(connection, handling.number)
        if now is None or now.epoch != handling.epoch:
            log.info("attempt_lost", reason="the handling was taken over")
            return
        told = {"done": now.orders_done, "failed": now.orders_failed, "pending": now.orders_pending}
        target, error = _end_of(now)
        ended = whole and transitions.move(
            connection,
            now.number,
            {HandlingState.RUNNING},
            target,
            at_epoch=now.epoch,
            detail=told,
            error=error,
        )
        stopped = not ended and transitions.move(
            connection, now.number, {HandlingState.STOPPING}, HandlingState.STOPPED, at_epoch=now.epoch, detail=told
        )
    log.info("handling_ended" if ended or stopped else "attempt_lost", **told)


def _end_of(now: Handling) -> tuple[HandlingState, Mapping[str, Any] | None]:
    if now.orders_failed:
        message = f"{now.orders_failed} of {now.orders_total} orders failed: each says why, and can be retried"
        return HandlingState.FAILED, {"code": "orders_failed", "message": message}
    return (HandlingState.STOPPED if now.orders_pending else HandlingState.DONE), None


def release(database: Database, hints: Hints, handling: Handling) -> bool:
    """Give a handling back, because this worker goes; the attempt does not count. False when it was stopped."""
    with database.begin() as connection:
        told = {"reason": "the worker was told to stop"}
        given = transitions.requeue(connection, handling.number, handling.epoch, detail=told, attempts=-1)
    if given:
        log.info("handed_back")
        hint(hints, handling.id)
    return given


def wait_for_space(database: Database, handling: Handling) -> bool:
    """Give a handling back because the spool folder's disk has no space for a packing slip; the attempt does not count,
    and the pauses grow. False when it was stopped."""
    pause = min(SPACE_SECONDS * 2 ** min(handling.epoch // 2, 10), MAX_RETRY_SECONDS)  # an attempt takes two epochs
    with database.begin() as connection:
        told = {"reason": WAITS_FOR_SPACE}
        given = transitions.requeue(
            connection, handling.number, handling.epoch, detail=told, attempts=-1, pause_seconds=pause
        )
    if given:
        log.warning("spool_full", waits_seconds=pause)
    return given


def try_again(
    database: Database, settings: Settings, handling: Handling, reason: str, *, only_expired: bool = False
) -> bool:
    """Queue a handling for another attempt after a pause, or end it when several in a row got nowhere; whether this
    call won. `only_expired` acts only if the lease has run out, by the database's clock."""
    last = handling.attempts >= settings.max_attempts
    pause = min(RETRY_SECONDS * 2 ** (handling.attempts - 1), MAX_RETRY_SECONDS)
    with database.begin() as connection:
        if last:
            message = f"gave up after {handling.attempts} attempts without an order's end; the last one: {reason}"
            error = {"code": "gave_up", "message": message}
            return transitions.fail_exhausted(
                connection, handling.number, handling.epoch, error, only_expired=only_expired
            )
        return transitions.requeue(
            connection,
            handling.number,
            handling.epoch,
            detail={"reason": reason, "attempt": handling.attempts},
            pause_seconds=pause,
            only_expired=only_expired,
        )


def hint(hints: Hints, id: str) -> bool:
    """Tell the handlings' workers that there is work."""
    return hints.publish(id, HANDLE_TASK, HANDLING_QUEUE)
