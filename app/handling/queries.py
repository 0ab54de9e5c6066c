"""Queries: what clients read of handlings and orders. Nothing here changes anything."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.db.database import Database
from app.db.handlings import queries as handling_queries, transitions
from app.db.imports import queries as import_queries
from app.db.imports.queries import Event
from app.domain.errors import HandlingNotFound, OrderNotFound
from app.domain.handling import LEASED, HandledOrder, Handling, HandlingState, OrderId, OrderState, StepRecord
from app.handling.order_selection import OrderSelection
from app.queue import HANDLING_QUEUE, Hints
from app.spool import Spool

SHIPMENT = "create_shipment"


@dataclass(frozen=True)
class HandlingQueue:
    """How busy those are who handle orders; None for what the broker does not answer."""

    depth: int
    running: int
    workers: int | None
    hints: int | None


def measure_queue(database: Database, hints: Hints) -> HandlingQueue:
    """How many handlings wait and run, by the ledger; and by the broker, who takes them. Raises
    `DatabaseUnavailable`."""
    with database.begin() as connection:
        states = transitions.count_states(connection)
    found = hints.queue_stats(HANDLING_QUEUE)
    return HandlingQueue(
        depth=states.get(HandlingState.QUEUED, 0),
        running=sum(states.get(state, 0) for state in LEASED),
        workers=None if found is None else found.workers,
        hints=None if found is None else found.hints,
    )


def find_handling(database: Database, id: str) -> tuple[Handling, list[Event]]:
    """A handling and its timeline; raises `HandlingNotFound`."""
    with database.begin() as connection:
        row = transitions.find_handling(connection, id)
        if row is None:
            raise HandlingNotFound(f"there is no handling {id}", handling_id=id)
        return row, import_queries.list_events(connection, row.number)


def list_handlings(
    database: Database, *, states: Iterable[HandlingState], before: int | None, limit: int, client: str | None = None
) -> list[Handling]:
    """Handlings, of one client if it is named, newest first."""
    with database.begin() as connection:
        return transitions.list_handlings(connection, states=states, before=before, limit=limit, client=client)


def list_orders(
    database: Database, id: str, *, states: Iterable[OrderState], after: int, limit: int
) -> tuple[Handling, list[HandledOrder]]:
    """A handling and its orders after a position, in its order; raises `HandlingNotFound`."""
    row, _ = find_handling(database, id)
    with database.begin() as connection:
        return row, handling_queries.list_handled(connection, row.number, states=states, after=after, limit=limit)


def search_orders(
    database: Database, selection: OrderSelection, *, after: OrderId | None, limit: int
) -> tuple[int, int, list[handling_queries.Listed]]:
    """How many orders match, how many of them are in an unfinished handling, and those after one, by import and row,
    each with its latest handling."""
    condition = selection.find_condition(database)
    with database.snapshot() as connection:
        found = handling_queries.list_orders(connection, condition, after=after, limit=limit)
        return (
            handling_queries.count_orders(connection, condition),
            handling_queries.count_active(connection, condition),
            found,
        )


def find_order(database: Database, id: OrderId) -> dict[str, Any]:
    """An order's row; raises `OrderNotFound`."""
    with database.begin() as connection:
        order = handling_queries.find_order(connection, id)
    if order is None:
        raise OrderNotFound(f"there is no order {id}", order=str(id))
    return order


def list_history(database: Database, id: OrderId) -> list[StepRecord]:
    """Every step of an order that was begun; raises `OrderNotFound` where there is neither a step nor an order."""
    with database.begin() as connection:
        steps = handling_queries.list_steps(connection, id)
    if not steps:
        find_order(database, id)
    return steps


def find_latest(database: Database, id: OrderId) -> tuple[str, HandledOrder] | None:
    """The latest handling of an order, by its id, and where the order is in it."""
    with database.begin() as connection:
        return handling_queries.find_latest(connection, id)


def find_slip(database: Database, spool: Spool, id: OrderId) -> bytes:
    """An order's packing slip as a PDF; raises `OrderNotFound` where it has none yet."""
    from app.handling import packing_slips  # noqa: PLC0415 — its packages are installed where orders are handled

    order = find_order(database, id)
    with database.begin() as connection:
        answer = handling_queries.list_answers(connection, id).get(SHIPMENT)
    if answer is None:
        raise OrderNotFound(f"order {id} has no packing slip: its shipment was not created yet", order=str(id))
    return packing_slips.find(spool, id, order, str(answer["tracking"]))


def merge_slips(database: Database, spool: Spool, id: str) -> tuple[Handling, bytes]:
    """A handling and the packing slips that its orders have by now, as one PDF in its order; raises `HandlingNotFound`,
    and `OrderNotFound` where there is none yet."""
    from app.handling import packing_slips  # noqa: PLC0415

    row, _ = find_handling(database, id)
    slips = []
    with database.snapshot() as connection:
        for order_id, answer in handling_queries.list_slips(connection, row.number, SHIPMENT):
            order = handling_queries.find_order(connection, order_id)
            if order is not None:
                slips.append(packing_slips.find(spool, order_id, order, str(answer["tracking"])))
    if not slips:
        raise OrderNotFound("no order of this handling has a packing slip yet", handling_id=id)
    return row, packing_slips.merge(slips)
