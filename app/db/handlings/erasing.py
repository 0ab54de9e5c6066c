"""What handlings keep of orders that are erased, and what they say in texts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, tuple_, update

from app.db.erasures.history import Told
from app.db.ledger import by_key
from app.db.schema import handled_orders, handling_steps, handlings, orders
from app.domain.handling import OrderId


def list_in_hand(connection: Connection, ids: Sequence[OrderId]) -> dict[OrderId, str]:
    """Which of these locked orders are being handled, and by which handling. A locking read: one that is just being
    recorded is waited for."""
    table = handled_orders
    query = select(table.c.import_no, table.c.row_no, table.c.handling_no).where(_at(table, ids), table.c.active == 1)
    found = {
        OrderId(int(no), int(row)): int(by) for no, row, by in connection.execute(query.with_for_update(read=True))
    }
    named = select(handlings.c.number, handlings.c.id).where(handlings.c.number.in_(set(found.values())))
    names = {int(number): str(id) for number, id in connection.execute(named)} if found else {}
    return {id: names.get(by, str(by)) for id, by in found.items()}


def count_handled(connection: Connection, ids: Sequence[OrderId]) -> int:
    """How many of these orders were handled."""
    places = select(handled_orders.c.import_no, handled_orders.c.row_no).where(_at(handled_orders, ids)).distinct()
    return int(connection.execute(select(func.count()).select_from(places.subquery())).scalar_one())


def forget_steps(connection: Connection, ids: Sequence[OrderId]) -> None:
    """Delete what handlings have recorded of these orders' steps, with the answers of services. That the orders were
    handled stays, without the reason of a failure."""
    connection.execute(delete(handling_steps).where(_at(handling_steps, ids)))
    table = handled_orders
    for handling, position in connection.execute(select(table.c.handling_no, table.c.position).where(_at(table, ids))):
        mine = table.c.handling_no == handling, table.c.position == position
        connection.execute(by_key(update(table), table).where(*mine).values(error=None))


def list_gone(connection: Connection, ids: Sequence[OrderId]) -> list[OrderId]:
    """Which of these orders are not in the table any more."""
    query = select(orders.c.import_no, orders.c.row_no).where(_at(orders, ids))
    there = {OrderId(int(no), int(row)) for no, row in connection.execute(query)}
    return [id for id in ids if id not in there]


def list_told(connection: Connection, after: int, limit: int) -> list[Told]:
    """What handlings say beyond that number, in order."""
    names = ("error", "request_id")
    query = select(handlings.c.number, *(handlings.c[name] for name in names)).where(handlings.c.number > after)
    rows = connection.execute(query.order_by(handlings.c.number).limit(limit)).mappings()
    return [Told(int(row["number"]), {name: row[name] for name in names}) for row in rows]


def set_texts(connection: Connection, number: int, **values: Any) -> None:
    """Give a handling other texts."""
    changed = {"sequence": handlings.c.sequence + 1, **values}
    connection.execute(by_key(update(handlings), handlings).where(handlings.c.number == number).values(**changed))


def _at(table: Table, ids: Sequence[OrderId]) -> ColumnElement[bool]:
    return tuple_(table.c.import_no, table.c.row_no).in_([(id.import_no, id.row_no) for id in ids])
