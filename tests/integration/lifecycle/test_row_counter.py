"""Counts of what is left of an import: once for all who look, of one instant, and never of rows that are just going."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.db import receipts
from app.db.imports import counts
from app.domain.dataset import ORDERS
from app.domain.imports import Import
from app.domain.states import State
from app.lifecycle.datasets import adopt, create, drop
from app.lifecycle.datasets.delete_rows import delete_rows
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.row_counter import count_rows
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import HEADER, PARTS, line, send
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find
from tests.servers import DatabaseServer
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn


@pytest.fixture
def nights(services: Services) -> Nights:
    return Nights(services)


def count(nights: Nights, row: Import) -> bool:
    return count_rows(nights.services.database, row.number)


def look(nights: Nights, row: Import) -> tuple[int, int | None, int, int]:
    """Rows deleted through us, counted, missing, kept."""
    found = find(nights.services, row.number)
    return found.rows_deleted, found.rows_counted, found.rows_missing, found.rows_kept


def delete(nights: Nights, *numbers: int) -> None:
    """As another program."""
    for number in numbers:
        nights.do("DELETE FROM orders WHERE order_number = %s", f"N-{number}")


def age(nights: Nights, row: Import, seconds: int = 61) -> None:
    """Let the import's commit, its last count and the last request for one be so many seconds older."""
    names = ("finished_at", "rows_counted_at", "count_asked_at")
    changes = ", ".join(f"{name} = {name} - INTERVAL {seconds} SECOND" for name in names)
    nights.do(f"UPDATE imports SET {changes} WHERE number = %s", row.number)


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[tuple[Event, Event]]:
    """While this lasts, a call waits before it begins: (it has come there, it may go on)."""
    come, go = Event(), Event()
    right = getattr(module, name)

    def waiting(*arguments: Any, **named: Any) -> Any:
        come.set()
        assert go.wait(patience())
        return right(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, waiting)
        try:
            yield come, go
        finally:
            go.set()


def test_a_count_tells_what_another_program_deleted(nights: Nights) -> None:
    row = nights.load(1, 2, 3, 4, 5)
    assert look(nights, row) == (0, None, 0, 5)
    delete(nights, 1, 2)
    assert look(nights, row) == (0, None, 0, 5)  # nobody has looked
    assert count(nights, row)
    assert look(nights, row) == (0, 3, 2, 3)
    found = find(nights.services, row.number)
    assert found.sequence == row.sequence + 1 and found.rows_counted_at is not None
    assert found.state is State.COMMITTED and found.percent == 100
    delete(nights, 3)
    age(nights, row)
    assert count(nights, row) and look(nights, row) == (0, 2, 3, 2)


def test_of_all_who_look_one_counts(nights: Nights) -> None:
    row = nights.load(1, 2)
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: count(nights, row), range(8))) == [False] * 7 + [True]
    assert not count(nights, row)
    assert find(nights.services, row.number).sequence == row.sequence + 1


def test_a_request_that_was_lost_is_made_again(nights: Nights) -> None:
    row = nights.load(1, 2)
    with nights.services.database.begin() as connection:
        assert counts.claim(connection, row.number, 60)  # and then its process dies
    assert not count(nights, row)
    age(nights, row)
    assert count(nights, row) and look(nights, row) == (0, 2, 0, 2)


@pytest.mark.parametrize("delete_through_us", [True, False])
def test_a_deletion_during_a_count_is_no_other_programs(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, delete_through_us: bool
) -> None:
    row = nights.load(1, 2, 3)
    with ThreadPoolExecutor(1) as aside, held(monkeypatch, counts, "record") as (come, go):
        counting = aside.submit(count, nights, row)
        assert come.wait(patience())  # three were counted
        if delete_through_us:
            assert delete_rows(nights.services, ORDERS, row.number) == 3
        else:
            assert nights.revert(row).state is State.COMMITTED
        go.set()
        assert not counting.result()
    assert look(nights, row) == (3, 0 if delete_through_us else None, 0, 0)


def test_rows_are_not_counted_between_a_reverts_branch_and_its_record(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = nights.load(1, 2, 3)
    revert = nights.accept(row)
    assert not count(nights, row)
    age(nights, row)
    with ThreadPoolExecutor(1) as aside, held(monkeypatch, receipts, "count_receipts") as (come, go):
        running = aside.submit(load_next, nights.services, "a-worker", GracefulShutdown(0))
        assert come.wait(patience())
        assert nights.table() == {} and find(nights.services, revert.number).state is State.COMMITTING
        assert not count(nights, row)
        assert look(nights, row) == (0, None, 0, 3)
        go.set()
        running.result()
    assert converge(nights.services, revert.number).state is State.COMMITTED
    assert look(nights, row) == (3, None, 0, 0)


def test_a_dry_run_of_a_revert_does_not_keep_from_counting(nights: Nights) -> None:
    row = nights.load(1, 2, 3)
    nights.accept(row, dry_run=True)
    delete(nights, 1)
    assert count(nights, row) and look(nights, row) == (0, 2, 1, 2)


def test_what_a_revert_finds_missing_is_not_counted_twice(nights: Nights) -> None:
    row = nights.load(1, 2, 3, 4)
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-4'")
    delete(nights, 1)
    assert count(nights, row) and look(nights, row) == (0, 3, 1, 3)
    assert nights.revert(row, on_changed="skip").state is State.COMMITTED
    assert look(nights, row) == (3, None, 0, 1)
    delete(nights, 4)
    age(nights, row)
    assert count(nights, row) and look(nights, row) == (3, 0, 1, 0)


def test_after_a_deletion_through_us_nothing_is_said_to_be_left(nights: Nights) -> None:
    row, other = nights.load(1, 2, 3), nights.load(4, 5)
    delete(nights, 1, 4, 5)
    assert delete_rows(nights.services, ORDERS, row.number) == 2
    assert look(nights, row) == (2, 0, 1, 0) and look(nights, other) == (0, None, 0, 2)
    assert delete_rows(nights.services, ORDERS, other.number) == 0
    assert look(nights, other) == (0, 0, 2, 0)


def test_after_a_clearing_nothing_is_said_to_be_left_of_any(nights: Nights) -> None:
    row, other = nights.load(1, 2, 3), nights.load(4, 5)
    delete(nights, 1, 4, 5)
    assert delete_rows(nights.services, ORDERS) == 2
    assert look(nights, row) == (2, 0, 1, 0) and look(nights, other) == (0, 0, 2, 0)
    sequences = [find(nights.services, one.number).sequence for one in (row, other)]
    assert delete_rows(nights.services, ORDERS) == 0
    assert [find(nights.services, one.number).sequence for one in (row, other)] == sequences


def test_after_a_drop_nothing_is_said_to_be_left(nights: Nights) -> None:
    services = nights.services
    parts = create.create_dataset(services, PARTS).dataset
    first, second = (
        converge(services, send(services, parts, HEADER + "".join(map(line, some))))
        for some in (("a", "b"), ("c", "d"))
    )
    nights.do("DELETE FROM parts WHERE sku <> 'a'")
    drop.drop_dataset(services, "parts")
    assert look(nights, first) == (1, 0, 1, 0) and look(nights, second) == (0, 0, 2, 0)
    age(nights, first)
    assert not count(nights, first)


def test_an_adopted_table_is_not_counted(nights: Nights, database: DatabaseServer) -> None:
    services = nights.services
    with database.root() as cursor:
        cursor.execute("CREATE TABLE stock (sku VARCHAR(40) NOT NULL PRIMARY KEY)")
    stock = adopt.adopt_table(services, {"name": "stock", "adopt": True}).dataset
    row = converge(services, send(services, stock, "sku\na\nb\n"))
    assert row.state is State.COMMITTED, row.error
    assert not count(nights, row) and look(nights, row)[1] is None


def test_what_has_not_committed_is_not_counted(nights: Nights) -> None:
    failed = nights.load(1, 1)
    waiting = find(nights.services, nights.accept_file(2))
    for row in (failed, waiting):
        assert not count(nights, row)
        assert nights.ask("SELECT count_asked_at FROM imports WHERE number = %s", row.number) == [(None,)]


# --- who asks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def wait_counted(nights: Nights) -> Callable[[Import, int], None]:
    def wait(row: Import, rows: int) -> None:
        wait_for(lambda: find(nights.services, row.number).rows_counted == rows, f"{rows} rows were counted")

    return wait


@pytest.mark.parametrize("path", ["/v1/imports/{id}", "/imports/{id}"])
def test_opening_an_import_starts_a_count(
    web: FlaskClient, nights: Nights, wait_counted: Callable[[Import, int], None], path: str
) -> None:
    row = nights.load(1, 2, 3)
    age(nights, row)
    delete(nights, 1)
    for address in ("/v1/imports", "/", "/v1/imports?state=committed"):
        assert web.get(address).status_code == 200
    asked = "SELECT count_asked_at FROM imports WHERE number = %s"
    assert nights.ask(asked, row.number) == [(None,)]  # a list never counts
    assert web.get(path.format(id=row.id)).status_code == 200
    wait_counted(row, 2)
    shown = web.get(f"/v1/imports/{row.id}").get_json()
    assert (shown["rows_counted"], shown["rows_kept"], shown["rows_deleted"]) == (2, 2, 0)
    assert shown["rows_counted_at"].endswith("Z")
    delete(nights, 2)
    before = nights.ask(asked, row.number)
    for _ in range(3):
        web.get(path.format(id=row.id))
    assert nights.ask(asked, row.number) == before  # the last count is young
    age(nights, row)
    web.get(path.format(id=row.id))
    wait_counted(row, 1)


def test_polling_an_import_until_it_has_committed_counts_nothing(
    web: FlaskClient, nights: Nights, wait_counted: Callable[[Import, int], None]
) -> None:
    other = nights.load(3)
    number = nights.accept_file(1, 2)
    row = find(nights.services, number)
    assert web.get(f"/v1/imports/{row.id}").get_json()["state"] == "queued"
    row = converge(nights.services, number)
    nights.do("UPDATE imports SET finished_at = NOW(6) WHERE number = %s", number)
    assert web.get(f"/v1/imports/{row.id}").get_json()["rows_counted"] is None
    age(nights, other)
    web.get(f"/v1/imports/{other.id}")
    wait_counted(other, 1)  # one after the other: what was asked for before it is done
    assert nights.ask("SELECT count_asked_at FROM imports WHERE number = %s", number) == [(None,)]


def test_an_answer_waits_for_no_count(
    web: FlaskClient, nights: Nights, wait_counted: Callable[[Import, int], None]
) -> None:
    row = nights.load(1, 2)
    age(nights, row)
    with nights.services.database.begin() as connection:
        # as a deletion that takes long
        connection.exec_driver_sql("SELECT 1 FROM imports WHERE number = %s FOR UPDATE", (row.number,))
        assert web.get(f"/v1/imports/{row.id}").get_json()["rows_counted"] is None
    wait_counted(row, 2)
