"""The orders of a handling: held for it alone, taken in hand, and moved from step to step.

Every write names the epoch under which the order was taken in hand, so a worker that lost its lease can record nothing
any more once the next one has taken the order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pymysql.constants import ER
from sqlalchemy import Connection, exists, func, insert, literal, select, text, tuple_, update
from sqlalchemy.dialects.mysql import insert as upsert
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.sql.elements import ColumnElement

from app.db.ledger import NOW, by_key
from app.db.schema import datasets, handled_orders, handling_steps, handlings, orders
from app.domain.changes import CHANGED_AT
from app.domain.errors import InvalidContent
from app.domain.handling import HandlingState, OrderId, OrderState, StepState

BATCH_SIZE = 1000


class OrdersHeld(Exception):
    """Another unfinished handling has one of these orders; the transaction must be abandoned."""


class OrdersContended(Exception):
    """Others are writing to the same orders right now; the transaction must be abandoned, and may be tried again."""


@dataclass(frozen=True)
class OrderStep:
    """A step of an order, as one attempt of its handling comes to it.

    Attributes:
        number: the handling's number.
        epoch: the attempt's epoch.
        position: where the order stands in the handling, from 1.
        order: the order's id.
        step: which step of the pipeline, from 0.
    """

    number: int
    epoch: int
    position: int
    order: OrderId
    step: int


@contextmanager
def _one_holder() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if error.orig is not None and error.orig.args[0] == ER.DUP_ENTRY:
            raise OrdersHeld from error
        raise
    except OperationalError as error:
        if error.orig is not None and error.orig.args[0] in (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT):
            raise OrdersContended from error
        raise


def keep_from_clearing(connection: Connection, dataset: str) -> bool:
    """Prevent a clearing of the dataset until this transaction ends; False if one is under way."""
    free = connection.execute(
        select(datasets.c.delete_lease_until.is_(None) | (datasets.c.delete_lease_until <= NOW))
        .where(datasets.c.name == dataset)
        .with_for_update(read=True)
    ).scalar()
    return bool(free)


def hold_listed(connection: Connection, number: int, ids: Sequence[OrderId]) -> int:
    """Record these orders as the handling's, in this order; returns how many.

    Raises `OrdersHeld`, `OrdersContended`, and `InvalidContent` where one is no longer there.
    """
    with _one_holder():
        for start in range(0, len(ids), BATCH_SIZE):
            _keep_from_revert(connection, ids[start : start + BATCH_SIZE])
            connection.execute(
                insert(handled_orders),
                [
                    {
                        "handling_no": number,
                        "position": position,
                        "import_no": id.import_no,
                        "row_no": id.row_no,
                        "active": 1,
                        "state": OrderState.PENDING,
                    }
                    for position, id in enumerate(ids[start : start + BATCH_SIZE], start + 1)
                ],
            )
    return len(ids)


def hold_matching(connection: Connection, number: int, condition: ColumnElement[bool], limit: int) -> int:
    """Record the orders that match as the handling's, in the order of their import and row; returns how many, at most
    one more than `limit`. Raises `OrdersHeld`, `OrdersContended`."""
    key = orders.c.import_no, orders.c.row_no
    # locked, as in `_keep_from_revert`, at every isolation level
    chosen = select(*key).where(condition).order_by(*key).limit(limit + 1).with_for_update(read=True).subquery()
    line = select(
        literal(number),
        func.row_number().over(order_by=(chosen.c.import_no, chosen.c.row_no)),
        chosen.c.import_no,
        chosen.c.row_no,
        literal(1),
        literal(str(OrderState.PENDING)),
    )
    columns = ["handling_no", "position", "import_no", "row_no", "active", "state"]
    with _one_holder():
        return connection.execute(insert(handled_orders).from_select(columns, line)).rowcount


def hold_again(connection: Connection, number: int, states: Iterable[OrderState]) -> int:
    """Take the handling's orders in these states up again, each at the step where it is; returns how many.

    Raises `OrdersHeld`, `OrdersContended`, and `InvalidContent` where one is no longer there."""
    wanted = handled_orders.c.handling_no == number, handled_orders.c.state.in_(list(states))
    with _one_holder():
        found = connection.execute(select(handled_orders.c.import_no, handled_orders.c.row_no).where(*wanted)).all()
        for start in range(0, len(found), BATCH_SIZE):
            _keep_from_revert(connection, [OrderId(*row) for row in found[start : start + BATCH_SIZE]])
        return connection.execute(
            update(handled_orders)
            .where(*wanted)
            .values(state=OrderState.PENDING, active=1, error=None, finished_at=None)
        ).rowcount


def _keep_from_revert(connection: Connection, ids: Sequence[OrderId]) -> None:
    """Prevent a revert of these orders until this transaction ends: it locks the orders first and then looks who
    handles them. Raises `InvalidContent` where one is no longer there."""
    places = tuple_(orders.c.import_no, orders.c.row_no)
    query = select(orders.c.import_no, orders.c.row_no).where(places.in_([(id.import_no, id.row_no) for id in ids]))
    there = {OrderId(*row) for row in connection.execute(query.with_for_update(read=True))}
    if gone := [id for id in ids if id not in there]:
        reason = f"order {gone[0]} is no longer there: its import was reverted, or its rows were deleted"
        raise InvalidContent(reason, errors=[{"field": "orders", "order": str(gone[0]), "reason": reason}])


def take_in_hand(connection: Connection, number: int, epoch: int, position: int) -> bool:
    """Begin or go on with an order, if its handling is running at this epoch and the order has not ended."""
    taken = {
        "state": OrderState.RUNNING,
        "epoch": epoch,
        "started_at": func.coalesce(handled_orders.c.started_at, NOW),
    }
    return _touch(connection, number, epoch, position, taken)


def begin_step(connection: Connection, at: OrderStep, name: str) -> bool:
    """Record that a step begins; False when the handling was stopped or is no longer this attempt's."""
    if not _touch(connection, at.number, at.epoch, at.position, {"step": at.step}, at_epoch=at.epoch):
        return False
    key = {"import_no": at.order.import_no, "row_no": at.order.row_no, "handling_no": at.number, "step": at.step}
    record = {"state": StepState.RUNNING, "started_at": NOW, "ended_at": None, "error": None, "response": None}
    connection.execute(
        upsert(handling_steps)
        .values(**key, name=name, tries=0, **record)
        .on_duplicate_key_update(state=record["state"], ended_at=None, error=None)
    )
    return True


def end_step(
    connection: Connection, at: OrderStep, *, tries: int, answer: Mapping[str, Any], last: bool, shipped: bool
) -> bool:
    """Record that a step is done, and with the last one the order; False when this attempt was fenced meanwhile."""
    values: dict[str, Any] = {"step": at.step + 1}
    if shipped:
        values["shipped_at"] = func.coalesce(handled_orders.c.shipped_at, NOW)
    if last:
        values |= {"state": OrderState.DONE, "finished_at": NOW}
    if not _end(connection, at, values):
        return False
    _record(connection, at, StepState.DONE, tries, response=dict(answer))
    if last:
        _count(connection, at.number, orders_done=handlings.c.orders_done + 1)
    return True


def fail_step(connection: Connection, at: OrderStep, *, tries: int, error: str) -> bool:
    """Record that a step, and so its order, failed for good; False when this attempt was fenced meanwhile."""
    values = {"state": OrderState.FAILED, "error": error[:1000], "finished_at": NOW}
    if not _end(connection, at, values):
        return False
    _record(connection, at, StepState.FAILED, tries, error=error[:1000])
    _count(connection, at.number, orders_failed=handlings.c.orders_failed + 1)
    return True


def mark_shipped(connection: Connection, order: OrderId) -> None:
    """Write into the table of orders that this one was shipped."""
    connection.execute(_SHIP, {"number": order.import_no, "row": order.row_no})


# no stranger's change: the column that says so is assigned what it is, which keeps the server from setting it
_SHIP = text(
    f"UPDATE orders SET status = 'shipped', {CHANGED_AT} = {CHANGED_AT} WHERE import_no = :number AND row_no = :row"
)


def _touch(
    connection: Connection,
    number: int,
    epoch: int,
    position: int,
    values: dict[str, Any],
    *,
    at_epoch: int | None = None,
) -> bool:
    """Change an order that has not ended, while its handling is running at `epoch`."""
    where = [
        handled_orders.c.handling_no == number,
        handled_orders.c.position == position,
        handled_orders.c.active == 1,
        handled_orders.c.state.in_([OrderState.PENDING, OrderState.RUNNING]),
        exists().where(
            handlings.c.number == number, handlings.c.epoch == epoch, handlings.c.state == HandlingState.RUNNING
        ),
    ]
    if at_epoch is not None:
        where.append(handled_orders.c.epoch == at_epoch)
    return (
        connection.execute(by_key(update(handled_orders), handled_orders).where(*where).values(**values)).rowcount == 1
    )


def _end(connection: Connection, at: OrderStep, values: dict[str, Any]) -> bool:
    ended = connection.execute(
        by_key(update(handled_orders), handled_orders)
        .where(
            handled_orders.c.handling_no == at.number,
            handled_orders.c.position == at.position,
            handled_orders.c.epoch == at.epoch,
            handled_orders.c.state == OrderState.RUNNING,
        )
        .values(**values)
    )
    return ended.rowcount == 1


def _record(connection: Connection, at: OrderStep, state: StepState, tries: int, **values: Any) -> None:
    connection.execute(
        update(handling_steps)
        .where(
            handling_steps.c.import_no == at.order.import_no,
            handling_steps.c.row_no == at.order.row_no,
            handling_steps.c.handling_no == at.number,
            handling_steps.c.step == at.step,
        )
        .values(state=state, tries=handling_steps.c.tries + tries, ended_at=NOW, **values)
    )


def _count(connection: Connection, number: int, **values: Any) -> None:
    """An order has ended: the attempt is getting somewhere, so earlier ones that broke no longer count against it."""
    changed = {"sequence": handlings.c.sequence + 1, "attempts": func.least(handlings.c.attempts, 1), **values}
    connection.execute(update(handlings).where(handlings.c.number == number).values(**changed))
