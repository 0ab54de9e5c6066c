"""Accept: a handling is recorded with all of its orders first, and hinted at afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog

from app.config import Settings
from app.db.access import audit
from app.db.database import Database
from app.db.handlings import orders as held_orders, queries, transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import AlreadyRunning, DatabaseUnavailable, DatasetBeingCleared, InvalidContent, Overloaded
from app.domain.handling import Handling, HandlingState, Mode, OrderId
from app.handling import end
from app.handling.order_selection import OrderSelection
from app.handling.steps import read_pipeline
from app.lifecycle import freeze
from app.lifecycle.services import Services

MAX_ORDERS = 100_000
MAX_LISTED = 10_000
HANDLEABLE = ("pending", "paid")
CONTENDED_SECONDS = 20.0  # how long a request tries again while others take the same orders

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class HandlingRequest:
    """What a handling is asked to be."""

    selection: OrderSelection
    pipeline: Sequence[str] | None = None
    mode: Mode = Mode.ORDERED
    concurrency: int | None = None
    priority: int = 0


def accept_handling(services: Services, request: HandlingRequest, caller: Caller) -> Handling:
    """Accept a handling of orders that are in the table. Raises `InvalidContent`, `ImportNotFound`, `AlreadyRunning`
    with the handling that has one of the orders, `DatasetBeingCleared`, `Overloaded`, `LedgerFrozen`."""
    freeze.require_sweeping(services)
    _require_room(services.database, services.settings)
    pipeline = read_pipeline(request.pipeline)
    concurrency = _read_concurrency(services.settings, request)
    condition = None if request.selection.listed is not None else _find_condition(services.database, request.selection)
    if request.selection.listed is not None:
        _require_handleable(services.database, request.selection.listed)
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "client": caller.client or "local",
        "mode": request.mode,
        "concurrency": concurrency,
        "pipeline": list(pipeline),
        "priority": request.priority,
        "request_id": caller.request_id,
    }
    until = monotonic() + CONTENDED_SECONDS
    while True:
        try:
            handling = _record(services.database, values, request.selection.listed, condition)
            break
        except held_orders.OrdersHeld:
            require_free(services.database, request.selection.listed, condition)  # else it has ended meanwhile
        except held_orders.OrdersContended as error:
            if monotonic() > until:
                raise DatabaseUnavailable("others hold these orders: try again") from error
    log.info("handling_accepted", handling_id=handling.id, orders=handling.orders_total)
    # a crash here leaves `queued` without a hint: the sweeper publishes it
    end.hint(services.hints, handling.id)
    return handling


def _record(
    database: Database, values: Mapping[str, Any], listed: tuple[OrderId, ...] | None, condition: Any
) -> Handling:
    with database.begin_long() as connection:
        if not held_orders.keep_from_clearing(connection, ORDERS.name):
            raise DatasetBeingCleared("the orders are being deleted: wait until that has ended")
        number = transitions.insert_handling(connection, values)
        if listed is not None:
            orders = held_orders.hold_listed(connection, number, listed)
        else:
            orders = held_orders.hold_matching(connection, number, condition, MAX_ORDERS)
        if not orders:
            raise InvalidContent("no order matches: nothing was begun", errors=[{"field": "filter"}])
        if orders > MAX_ORDERS:
            raise InvalidContent(
                f"more than {MAX_ORDERS:,} orders match: a handling has at most so many", errors=[{"field": "filter"}]
            )
        transitions.begin_waiting(connection, number, orders)
        audit.record(connection, values["id"])
        found = transitions.find_numbered(connection, number)
    assert found is not None
    return found


def _require_room(database: Database, settings: Settings) -> None:
    with database.begin() as connection:
        waiting = transitions.count_states(connection).get(HandlingState.QUEUED, 0)
    if waiting >= settings.max_queued:
        raise Overloaded(f"{waiting:,} handlings wait already: nothing was begun, send it again later")


def require_free(database: Database, listed: Sequence[OrderId] | None, condition: Any) -> None:
    """Raise `AlreadyRunning` if an unfinished handling has one of these orders."""
    with database.begin() as connection:
        holder = queries.find_holder(connection, listed, condition)
    if holder is not None:
        id, order = holder
        raise AlreadyRunning(
            f"order {order} is in handling {id}, which has not ended: wait for it, or stop it",
            handling_id=id,
            order=str(order),
            running=f"/v1/handlings/{id}",
        )


def _read_concurrency(settings: Settings, request: HandlingRequest) -> int:
    most = settings.handling_concurrency
    if request.mode is Mode.ORDERED:
        if request.concurrency not in (None, 1):
            raise InvalidContent(
                "an ordered handling has one order in hand at a time: leave concurrency out, or say mode=parallel",
                errors=[{"field": "concurrency"}],
            )
        return 1
    asked = most if request.concurrency is None else request.concurrency
    if not 1 <= asked <= most:
        raise InvalidContent(
            f"concurrency must be from 1 to {most}", errors=[{"field": "concurrency", "minimum": 1, "maximum": most}]
        )
    return asked


def _find_condition(database: Database, selection: OrderSelection) -> Any:
    if selection.status not in HANDLEABLE:
        raise InvalidContent(
            f"orders that are {str(selection.status)[:40]} can't be handled: status is one of {', '.join(HANDLEABLE)}",
            errors=[{"field": "status"}],
        )
    return selection.find_condition(database)


def _require_handleable(database: Database, listed: tuple[OrderId, ...]) -> None:
    if not 1 <= len(listed) <= MAX_LISTED:
        raise InvalidContent(f"name 1 to {MAX_LISTED:,} orders, or use a filter", errors=[{"field": "orders"}])
    if len(set(listed)) != len(listed):
        raise InvalidContent("an order is named twice", errors=[{"field": "orders"}])
    with database.begin() as connection:
        statuses = queries.find_statuses(connection, listed)
    wrong = [
        {"field": "orders", "order": str(id), "reason": f"it is {statuses[id]}" if id in statuses else "no such order"}
        for id in listed
        if statuses.get(id) not in HANDLEABLE
    ]
    if wrong:
        first = wrong[0]
        raise InvalidContent(
            f"{len(wrong)} of the orders can't be handled; the first is {first['order']}: {first['reason']}",
            errors=wrong[:100],
        )
