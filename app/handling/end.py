"""End: what becomes of a handling whose attempt is over. Each move names the attempt's epoch, so it finds nothing when
the handling was taken over meanwhile."""

from collections.abc import Mapping
from typing import Any

import structlog

from app.config import Settings
from app.db.database import Database
from app.db.handlings import transitions
from app.domain.handling import Handling, HandlingState
from app.lifecycle.imports import requeue
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
        ended = whole and transitions.ledger.move(
            connection,
            now.number,
            {HandlingState.RUNNING},
            target,
            at_epoch=now.epoch,
            detail=told,
            error=error,
        )
        stopped = not ended and transitions.ledger.move(
            connection, now.number, {HandlingState.STOPPING}, HandlingState.STOPPED, at_epoch=now.epoch, detail=told
        )
    log.info("handling_ended" if ended or stopped else "attempt_lost", **told)


def _end_of(now: Handling) -> tuple[HandlingState, Mapping[str, Any] | None]:
    if now.orders_failed:
        message = f"{now.orders_failed} of {now.orders_total} orders failed: each says why, and can be retried"
        return HandlingState.FAILED, {"code": "orders_failed", "message": message}
    return (HandlingState.STOPPED if now.orders_pending else HandlingState.DONE), None


def release(database: Database, hints: Hints, handling: Handling) -> bool:
    """`give_back` a handling, and hint at it."""
    given = requeue.give_back(database, transitions.ledger, handling)
    if given:
        hint(hints, handling.id)
    return given


def wait_for_space(database: Database, handling: Handling, reason: str = requeue.WAITS_FOR_SPACE) -> bool:
    """`give_back_until_space` a handling: there is none for a packing slip, or another `reason`."""
    return requeue.give_back_until_space(database, transitions.ledger, handling, reason)


def try_again(
    database: Database, settings: Settings, handling: Handling, reason: str, *, only_expired: bool = False
) -> bool:
    """`queue_again` a handling; several attempts in a row that got nowhere end it."""
    error = None
    if handling.attempts >= settings.max_attempts:
        message = f"gave up after {handling.attempts} attempts without an order's end; the last one: {reason}"
        error = {"code": "gave_up", "message": message}
    return requeue.queue_again(database, transitions.ledger, handling, reason, error=error, only_expired=only_expired)


def hint(hints: Hints, id: str) -> bool:
    """Tell the handlings' workers that there is work."""
    return hints.publish(id, HANDLE_TASK, HANDLING_QUEUE)
