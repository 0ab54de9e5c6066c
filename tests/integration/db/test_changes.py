"""What a table says of changes after the commit: nothing of a load, something of every other change but a shipment."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from app.db import receipts
from app.db.handlings.orders import mark_shipped
from app.db.installation import next_stamp
from app.db.migrate import upgrade
from app.domain.dataset import ORDERS
from app.domain.handling import OrderId
from app.lifecycle.datasets import create
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import PARTS
from tests.invariants import converge
from tests.servers import DatabaseServer
from tests.uploads import accept_file

Send = Callable[..., int]


def line(number: int, customer: str = "first") -> str:
    return f"Bay,N-{number},{customer},j@x.de,Weg 1,S-1,2,1.50,EUR,paid,2026-01-02 03:04:05\n"


@pytest.fixture
def send(services: Services) -> Send:
    """Imports these lines; returns the import's number."""

    def send(*lines: str, **options: str) -> int:
        body = ",".join(ORDERS.column_names) + "\n" + "".join(lines)
        number = accept_file(services, ORDERS, body.encode(), **options).row.number
        converge(services, number)
        return number

    return send


def ask(services: Services, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with services.database.begin() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query, values)]


def changed_at(services: Services) -> dict[str, datetime | None]:
    return dict(ask(services, "SELECT order_number, import_changed_at FROM orders"))  # type: ignore[arg-type]


def stamp_of(services: Services, number: int) -> datetime | None:
    with services.database.begin() as connection:
        return receipts.find_stamp(connection, number)


def test_an_update_of_anyone_is_seen_and_a_load_is_not(services: Services, send: Send) -> None:
    send(line(1), line(2), line(3))
    (row,) = ask(services, "SELECT * FROM orders WHERE order_number = 'N-1'")
    assert len(row) == 2 + len(ORDERS.columns)  # whoever does not ask for the column does not see it
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET quantity = 9 WHERE order_number = 'N-2'")
        connection.exec_driver_sql("UPDATE orders SET quantity = quantity WHERE order_number = 'N-3'")
    found = changed_at(services)
    assert found["N-1"] is None and found["N-2"] is not None and found["N-3"] is None


def test_an_import_marks_what_it_updates_of_others(services: Services, send: Send) -> None:
    first = send(line(1), line(2), line(3))
    second = send(line(1, "second"), line(2), line(4), line(4, "again"), on_conflict="update")
    stamp = stamp_of(services, second)
    assert stamp is not None and stamp_of(services, first) is not None
    # equal values are marked as well; a key that stands in the file twice is no stranger's change
    assert changed_at(services) == {"N-1": stamp, "N-2": stamp, "N-3": None, "N-4": None}
    third = send(line(1, "third"), on_conflict="update")
    images = ask(
        services, "SELECT import_no, old_changed_at, consumed_by FROM before_images ORDER BY import_no, old_row_no"
    )
    assert images == [(second, None, None), (second, None, None), (third, stamp, None)]
    assert changed_at(services)["N-1"] == stamp_of(services, third) != stamp


def test_stamps_are_unique(services: Services) -> None:
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE installation SET last_stamp = NOW(6) + INTERVAL 1 SECOND")
        stamps = [next_stamp(connection) for _ in range(3)]
    assert len(set(stamps)) == 3 and stamps == sorted(stamps)


def test_a_shipment_is_no_change(services: Services, send: Send) -> None:
    number = send(line(1))
    with services.database.begin() as connection:
        mark_shipped(connection, OrderId(number, 1))
    assert ask(services, "SELECT status, import_changed_at FROM orders") == [("shipped", None)]


def test_tables_of_before_get_the_column(services: Services, database: DatabaseServer) -> None:
    create.create_dataset(services, PARTS)
    with database.root() as cursor:
        cursor.execute("ALTER TABLE orders DROP COLUMN import_changed_at")
        cursor.execute("ALTER TABLE parts DROP COLUMN import_changed_at")
        for _ in range(2):  # one that was cut off runs again
            cursor.execute("UPDATE alembic_version SET version_num = '0013'")
            upgrade(database.owner_url)
        query = (
            "SELECT table_name, extra FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND column_name = 'import_changed_at' ORDER BY table_name"
        )
        cursor.execute(query)
        found = cursor.fetchall()
    assert [name for name, _ in found] == ["orders", "parts"]
    assert all("invisible" in extra.lower() and "on update" in extra.lower() for _, extra in found)
