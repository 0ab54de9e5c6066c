"""Queries about orders and their handlings. Nothing here changes anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from app.db.datasets.rows import committed_only
from app.db.schema import handled_orders, handling_steps, handlings, orders
from app.domain.dataset import ORDERS
from app.domain.handling import HandledOrder, OrderId, OrderState, StepRecord, StepState

BATCH_SIZE = 500


def matching(
    *,
    import_no: int | None = None,
    status: str | None = None,
    marketplace: str | None = None,
    search: str | None = None,
) -> ColumnElement[bool]:
    """The orders that a reader may see, of an import, in a status, of a marketplace, and with a text in their number or
    the customer's name."""
    where: list[ColumnElement[bool]] = [committed_only(ORDERS)]
    if import_no is not None:
        where.append(orders.c.import_no == import_no)
    if status is not None:
        where.append(orders.c.status == status)
    if marketplace is not None:
        where.append(orders.c.marketplace == marketplace)
    if search:
        where.append(
            or_(
                orders.c.order_number.contains(search, autoescape=True),
                orders.c.customer.contains(search, autoescape=True),
            )
        )
    return and_(*where)


def list_pending(connection: Connection, number: int) -> list[tuple[int, OrderId, int]]:
    """(position, order, next step) of what a handling still has to do, in its order."""
    query = (
        select(handled_orders.c.position, handled_orders.c.import_no, handled_orders.c.row_no, handled_orders.c.step)
        .where(
            handled_orders.c.handling_no == number,
            handled_orders.c.active == 1,
            handled_orders.c.state.in_([OrderState.PENDING, OrderState.RUNNING]),
        )
        .order_by(handled_orders.c.position)
    )
    return [
        (int(position), OrderId(int(no), int(row)), int(step)) for position, no, row, step in connection.execute(query)
    ]


def find_order(connection: Connection, order: OrderId) -> dict[str, Any] | None:
    """The order's row, or None where no reader may see one."""
    query = select(orders).where(
        orders.c.import_no == order.import_no, orders.c.row_no == order.row_no, committed_only(ORDERS)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


@dataclass(frozen=True)
class Listed:
    """An order's row, and where it is in its unfinished handling, or was in its latest one."""

    id: OrderId
    row: dict[str, Any]
    handling: tuple[str, HandledOrder] | None


def list_orders(
    connection: Connection, condition: ColumnElement[bool], *, after: OrderId | None, limit: int
) -> list[Listed]:
    """Orders that match, by import and row; `after` is the one that the page before ended with."""
    query = select(orders).where(condition)
    if after is not None:
        query = query.where(tuple_(orders.c.import_no, orders.c.row_no) > (after.import_no, after.row_no))
    found = connection.execute(query.order_by(orders.c.import_no, orders.c.row_no).limit(limit)).mappings().all()
    ids = [OrderId(int(row["import_no"]), int(row["row_no"])) for row in found]
    latest: dict[OrderId, tuple[str, HandledOrder]] = {}
    if ids:
        of_these = tuple_(handled_orders.c.import_no, handled_orders.c.row_no).in_(
            [(id.import_no, id.row_no) for id in ids]
        )
        handled = (
            select(handled_orders, handlings.c.id)
            .join(handlings, handlings.c.number == handled_orders.c.handling_no)
            .where(of_these)
            .order_by(handled_orders.c.active, handled_orders.c.handling_no)  # NULL first: the unfinished one wins
        )
        for row in connection.execute(handled):
            latest[OrderId(int(row.import_no), int(row.row_no))] = str(row.id), _handled(row)
    return [Listed(id, dict(row), latest.get(id)) for id, row in zip(ids, found, strict=True)]


def count_orders(connection: Connection, condition: ColumnElement[bool]) -> int:
    """How many orders match."""
    return int(connection.execute(select(func.count()).select_from(orders).where(condition)).scalar_one())


def count_active(connection: Connection, condition: ColumnElement[bool]) -> int:
    """How many of the orders that match are in a handling that has not ended."""
    same = and_(orders.c.import_no == handled_orders.c.import_no, orders.c.row_no == handled_orders.c.row_no)
    query = select(func.count()).select_from(handled_orders.join(orders, same))
    return int(connection.execute(query.where(handled_orders.c.active == 1, condition)).scalar_one())


def find_statuses(connection: Connection, ids: Sequence[OrderId]) -> dict[OrderId, str]:
    """The status of each of these orders that is there."""
    found: dict[OrderId, str] = {}
    key = orders.c.import_no, orders.c.row_no
    for start in range(0, len(ids), BATCH_SIZE):
        some = [(id.import_no, id.row_no) for id in ids[start : start + BATCH_SIZE]]
        query = select(*key, orders.c.status).where(tuple_(*key).in_(some), committed_only(ORDERS))
        found |= {OrderId(int(no), int(row)): str(status) for no, row, status in connection.execute(query)}
    return found


def list_answers(connection: Connection, order: OrderId) -> dict[str, dict[str, Any]]:
    """What each step of an order that is done was answered, by the step's name: in whichever handling that was."""
    query = select(handling_steps.c.name, handling_steps.c.response).where(
        handling_steps.c.import_no == order.import_no,
        handling_steps.c.row_no == order.row_no,
        handling_steps.c.state == StepState.DONE,
    )
    return {str(name): dict(answer or {}) for name, answer in connection.execute(query)}


def find_holder(
    connection: Connection, ids: Sequence[OrderId] | None, condition: ColumnElement[bool] | None
) -> tuple[str, OrderId] | None:
    """An unfinished handling that has one of these orders, by its id, and the order; None where there is none now."""
    query = select(handlings.c.id, handled_orders.c.import_no, handled_orders.c.row_no).join(
        handlings, handlings.c.number == handled_orders.c.handling_no
    )
    key = handled_orders.c.import_no, handled_orders.c.row_no
    active = handled_orders.c.active == 1
    looks = (
        [
            query.where(active, tuple_(*key).in_([(id.import_no, id.row_no) for id in ids[start : start + BATCH_SIZE]]))
            for start in range(0, len(ids), BATCH_SIZE)
        ]
        if ids is not None
        else [
            query.join(orders, and_(orders.c.import_no == key[0], orders.c.row_no == key[1])).where(active, condition)
            if condition is not None
            else query.where(active)
        ]
    )
    for look in looks:
        found = connection.execute(look.order_by(*key).limit(1)).first()
        if found is not None:
            return str(found.id), OrderId(int(found.import_no), int(found.row_no))
    return None


def list_handled(
    connection: Connection, number: int, *, states: Iterable[OrderState] = (), after: int = 0, limit: int = 100
) -> list[HandledOrder]:
    """A handling's orders, in its order; `after` is the position that the page before ended with."""
    query = select(handled_orders).where(handled_orders.c.handling_no == number, handled_orders.c.position > after)
    if wanted := list(states):
        query = query.where(handled_orders.c.state.in_(wanted))
    return [_handled(row) for row in connection.execute(query.order_by(handled_orders.c.position).limit(limit))]


def list_slips(connection: Connection, number: int, step: str) -> list[tuple[OrderId, dict[str, Any]]]:
    """Each order of a handling whose step of this name is done, with the answer, in the handling's order."""
    query = (
        select(handled_orders.c.import_no, handled_orders.c.row_no, handling_steps.c.response)
        .join(
            handling_steps,
            and_(
                handling_steps.c.handling_no == handled_orders.c.handling_no,
                handling_steps.c.import_no == handled_orders.c.import_no,
                handling_steps.c.row_no == handled_orders.c.row_no,
            ),
        )
        .where(
            handled_orders.c.handling_no == number,
            handling_steps.c.name == step,
            handling_steps.c.state == StepState.DONE,
        )
        .order_by(handled_orders.c.position)
    )
    return [(OrderId(int(no), int(row)), dict(answer or {})) for no, row, answer in connection.execute(query)]


def list_steps(connection: Connection, order: OrderId) -> list[StepRecord]:
    """Every step of an order that was begun, in any handling, oldest first."""
    query = (
        select(handling_steps, handlings.c.id.label("handling_id"), handlings.c.client)
        .join(handlings, handlings.c.number == handling_steps.c.handling_no)
        .where(handling_steps.c.import_no == order.import_no, handling_steps.c.row_no == order.row_no)
        .order_by(handling_steps.c.handling_no, handling_steps.c.step)
    )
    return [
        StepRecord(
            handling_id=row.handling_id,
            client=row.client,
            order=order,
            step=row.step,
            name=row.name,
            state=StepState(row.state),
            tries=row.tries,
            answer=row.response,
            error=row.error,
            started_at=row.started_at,
            ended_at=row.ended_at,
        )
        for row in connection.execute(query)
    ]


def find_latest(connection: Connection, order: OrderId) -> tuple[str, HandledOrder] | None:
    """The latest handling of an order, by its id, and where the order is in it; None where it was never handled."""
    query = (
        select(handled_orders, handlings.c.id)
        .join(handlings, handlings.c.number == handled_orders.c.handling_no)
        .where(handled_orders.c.import_no == order.import_no, handled_orders.c.row_no == order.row_no)
        .order_by(handled_orders.c.handling_no.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (str(row.id), _handled(row))


def list_kept(connection: Connection, import_no: int | None, limit: int) -> tuple[int, list[tuple[OrderId, str]]]:
    """How many orders may not be deleted, since they are being handled or were shipped, and the first of them with the
    reason; of one import, or of all."""
    kept = or_(handled_orders.c.active == 1, handled_orders.c.shipped_at.is_not(None))
    # where there is no such row any more, nothing is left to keep
    query = (
        select(handled_orders.c.import_no, handled_orders.c.row_no, func.max(handled_orders.c.active).label("active"))
        .join(
            orders,
            and_(orders.c.import_no == handled_orders.c.import_no, orders.c.row_no == handled_orders.c.row_no),
        )
        .where(kept)
        .group_by(handled_orders.c.import_no, handled_orders.c.row_no)
    )
    if import_no is not None:
        query = query.where(handled_orders.c.import_no == import_no)
    count = int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())
    first = connection.execute(query.order_by(handled_orders.c.import_no, handled_orders.c.row_no).limit(limit))
    return count, [
        (OrderId(int(row.import_no), int(row.row_no)), "being handled" if row.active else "shipped") for row in first
    ]


def _handled(row: Row[Any]) -> HandledOrder:
    return HandledOrder(
        handling_no=row.handling_no,
        position=row.position,
        order=OrderId(int(row.import_no), int(row.row_no)),
        state=OrderState(row.state),
        step=row.step,
        error=row.error,
        is_active=row.active is not None,
        shipped_at=row.shipped_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
