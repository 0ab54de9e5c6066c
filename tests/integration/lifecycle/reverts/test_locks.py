"""Reverts beside others: imports go on, handlings win or lose as a whole, and two reverts never have one import."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from app.db.reverts import rows
from app.domain.caller import Caller
from app.domain.errors import DatabaseUnavailable, InvalidContent, Reverted
from app.domain.handling import OrderId
from app.domain.imports import Import
from app.domain.states import State
from app.handling.accept import HandlingRequest, accept_handling
from app.handling.order_selection import OrderSelection
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find
from tests.servers import DatabaseServer
from tests.waiting import patience, wait_for


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[tuple[Event, Event]]:
    """While this lasts, a revert waits after this statement: (it has come there, it may go on)."""
    come, go = Event(), Event()
    right = getattr(rows, name)

    def waiting(*arguments: Any) -> Any:
        found = right(*arguments)
        come.set()
        assert go.wait(patience())
        return found

    with monkeypatch.context() as patched:
        patched.setattr(rows, name, waiting)
        try:
            yield come, go
        finally:
            go.set()


def work(nights: Nights) -> None:
    """As a worker does with what is due."""
    load_next(nights.services, "a-worker", GracefulShutdown(0))


def begin(nights: Nights, aside: ThreadPoolExecutor, row: Import, come: Event) -> tuple[Import, "Future[None]"]:
    """A revert that waits in its branch, on a thread of its own."""
    revert = nights.accept(row)
    running = aside.submit(work, nights)
    assert come.wait(patience())
    return revert, running


@pytest.mark.parametrize("statement", ["lock_rows", "delete_rows"])
def test_the_next_import_loads_beside_a_revert(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    row = nights.load(*range(1, 50))
    with held(monkeypatch, statement) as (come, go):
        revert, running = begin(nights, aside, row, come)
        beside = nights.load(*range(100, 150))  # its rows lie right behind those that are being reverted
        assert (beside.state, beside.attempts) == (State.COMMITTED, 1)
        go.set()
        running.result()
    assert converge(nights.services, revert.number).rows_done == 49
    assert set(nights.table()) == set(range(100, 150))


def test_an_import_that_waits_for_a_revert_loses_no_attempt(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = nights.load(1, 2)
    with held(monkeypatch, "delete_rows") as (come, go):
        revert, running = begin(nights, aside, row, come)
        nights.do("UPDATE imports SET priority = 0")
        body = nights.accept_file(2, 3, customer="second", on_conflict="update")
        work(nights)  # until the server gives up waiting for the lock
        waiting = find(nights.services, body)
        assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
        go.set()
        running.result()
    assert converge(nights.services, revert.number).state is State.COMMITTED
    done = converge(nights.services, body)
    assert (done.state, done.rows_done, done.rows_updated, done.attempts) == (State.COMMITTED, 2, 0, 1)
    assert nights.table() == {2: "second", 3: "second"}


def handle(nights: Nights, row: Import, *rows: int) -> Any:
    listed = tuple(OrderId(row.number, number) for number in rows)
    request = HandlingRequest(OrderSelection(listed=listed))
    return accept_handling(nights.services, request, Caller(client="night"))


def test_orders_that_are_being_handled_or_were_shipped_stay(nights: Nights) -> None:
    row = nights.load(1, 2, 3)
    handling = handle(nights, row, 1)
    failed = nights.revert(row)
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "in_handling")]
    nights.do("UPDATE handled_orders SET active = NULL, shipped_at = NOW(6) WHERE handling_no = %s", handling.number)
    failed = nights.revert(row)
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "handled")]
    assert nights.revert(row, on_changed="skip").rows_done == 2
    assert set(nights.table()) == {1}


def wait_for_lock(database: DatabaseServer) -> None:
    """Until a transaction waits for another's lock."""

    def waits() -> bool:
        with database.root() as cursor:
            cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
            return bool((cursor.fetchone() or (0,))[0])

    wait_for(waits, "a transaction waits for a lock", every=0.15)  # the view is refreshed if unread for 100 ms


def test_a_handling_that_comes_during_a_revert_finds_no_orders(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer
) -> None:
    row = nights.load(1, 2)
    with held(monkeypatch, "list_handled") as (come, go):
        revert, running = begin(nights, aside, row, come)
        late = aside.submit(handle, nights, row, 1)
        wait_for_lock(database)
        go.set()
        running.result()
        with pytest.raises(InvalidContent, match="no longer there"):
            late.result()
    assert converge(nights.services, revert.number).state is State.COMMITTED
    assert nights.ask("SELECT * FROM handled_orders") == []


def test_a_revert_that_comes_during_a_handling_is_refused(nights: Nights, aside: ThreadPoolExecutor) -> None:
    row = nights.load(1, 2)
    with nights.services.database.begin_long() as connection:
        # as a handling that has recorded its order and not committed yet
        connection.exec_driver_sql(
            "SELECT 1 FROM orders WHERE import_no = %s AND row_no = 1 LOCK IN SHARE MODE", (row.number,)
        )
        connection.exec_driver_sql(
            "INSERT INTO handled_orders (handling_no, position, import_no, row_no, active, state, epoch, step)"
            " VALUES (2147483648, 1, %s, 1, 1, 'pending', 0, 0)",
            (row.number,),
        )
        revert = nights.accept(row)
        running = aside.submit(work, nights)
        wait_for(lambda: find(nights.services, revert.number).state is State.RUNNING, "it began")
        assert nights.table() == {1: "first", 2: "first"}
    running.result()
    failed = converge(nights.services, revert.number)
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "in_handling")]


def test_of_two_reverts_at_one_moment_one_has_the_import(nights: Nights, aside: ThreadPoolExecutor) -> None:
    row = nights.load(1, 2)
    tries = [aside.submit(nights.accept, row) for _ in range(4)]
    won = [one.result() for one in tries if one.exception() is None]
    lost = [error for one in tries if (error := one.exception()) is not None]
    assert len(won) == 1 and all(isinstance(error, Reverted | DatabaseUnavailable) for error in lost)
    assert converge(nights.services, won[0].number).rows_done == 2


def test_an_edit_during_a_revert_waits_and_finds_nothing(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer
) -> None:
    row = nights.load(1, 2)
    with held(monkeypatch, "lock_rows") as (come, go):
        revert, running = begin(nights, aside, row, come)
        edit = aside.submit(nights.do, "UPDATE orders SET quantity = 9 WHERE order_number = 'N-1'")
        wait_for_lock(database)
        go.set()
        running.result()
        edit.result()
    assert converge(nights.services, revert.number).state is State.COMMITTED
    assert nights.table() == {}
