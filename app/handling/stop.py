"""Stop and retry: what a person decides about a handling."""

from typing import Any

import structlog

from app.db.access import audit
from app.db.database import Database
from app.db.handlings import orders, queries, transitions
from app.domain.audit.actor import name_actor
from app.domain.errors import AlreadyRunning, HandlingNotFound, NothingFailed, NotRunning
from app.domain.handling import Handling, HandlingState, OrderState
from app.handling import end
from app.lifecycle import freeze
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


def stop_handling(database: Database, id: str, by: str) -> Handling:
    """Stop a handling: the steps in hand are ended, no other is begun. What was done stays done.

    Returns it as `stopping`, or `stopped` where nothing was in hand; the same when asked again. Raises
    `HandlingNotFound`, `NotRunning`.
    """
    with database.begin() as connection:
        row = transitions.find_handling(connection, id)
        if row is None:
            raise HandlingNotFound(f"there is no handling {id}", handling_id=id)
        told: dict[str, Any] = {"detail": {"by": by}, "stopped_by": name_actor()}
        won = transitions.ledger.move(
            connection, row.number, {HandlingState.RUNNING}, HandlingState.STOPPING, **told
        ) or transitions.ledger.move(connection, row.number, {HandlingState.QUEUED}, HandlingState.STOPPED, **told)
        row = transitions.find_numbered(connection, row.number) or row
        if won:
            audit.record(connection, id)
    if row.state not in (HandlingState.STOPPING, HandlingState.STOPPED):
        raise NotRunning(f"nothing to stop: the handling is {row.state}", handling_id=id, state=row.state)
    if won:
        log.info(row.state, handling_id=id)
    return row


def retry_handling(services: Services, id: str, by: str, *, pending: bool = False) -> Handling:
    """Take up again what failed, each order from its failed step; with `pending` also what a stop left.

    Raises `HandlingNotFound`, `NothingFailed`, `AlreadyRunning` where another handling has one of the orders by now.
    """
    freeze.require_sweeping(services)
    states = [OrderState.FAILED, OrderState.PENDING] if pending else [OrderState.FAILED]
    try:
        with services.database.begin_long() as connection:
            row = transitions.find_handling(connection, id)
            if row is None:
                raise HandlingNotFound(f"there is no handling {id}", handling_id=id)
            won = transitions.ledger.move(
                connection,
                row.number,
                {HandlingState.FAILED, HandlingState.STOPPED},
                HandlingState.QUEUED,
                detail={"by": by, "pending": pending},
                attempts=0,
                orders_failed=0,
                error=None,
                stopped_by=None,
            )
            if not won or not orders.hold_again(connection, row.number, states):
                raise NothingFailed(_explain(row), handling_id=id, state=row.state)
            row = transitions.find_numbered(connection, row.number) or row
            audit.record(connection, id)
    except (orders.OrdersHeld, orders.OrdersContended) as error:
        raise _find_other(services.database, id) from error
    log.info("retried", handling_id=id)
    end.hint(services.hints, id)
    return row


def _explain(row: Handling) -> str:
    if row.state in (HandlingState.FAILED, HandlingState.STOPPED):
        return "no order of it failed; to go on with what a stop left, say pending"
    return f"nothing to retry: the handling is {row.state}"


def _find_other(database: Database, id: str) -> AlreadyRunning:
    with database.begin() as connection:
        row = transitions.find_handling(connection, id)
        mine = queries.list_handled(connection, row.number, limit=100_000) if row else []
        left = [one.order for one in mine if one.state is not OrderState.DONE]
        holder = queries.find_holder(connection, left, None) if left else None
    if holder is None:
        return AlreadyRunning("another request is taking up the same orders: try again", handling_id=id)
    other, order = holder
    return AlreadyRunning(
        f"order {order} is in handling {other} by now, which has not ended",
        handling_id=other,
        order=str(order),
        running=f"/v1/handlings/{other}",
    )
