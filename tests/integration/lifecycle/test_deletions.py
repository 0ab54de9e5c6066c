"""One import's rows are deleted beside others: imports go on or wait, handlings and reverts win or lose as a whole."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from app.db.datasets import deletions, rows, upserts
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import DatabaseUnavailable, DatasetBeingCleared, ImportsRunning, InvalidContent, OrdersKept
from app.domain.handling import OrderId
from app.domain.imports import Import
from app.domain.states import State
from app.handling.accept import HandlingRequest, accept_handling
from app.handling.extension import HandlingExtension
from app.handling.order_selection import OrderSelection
from app.lifecycle.datasets import delete_rows as deletion
from app.lifecycle.imports.loading import attempt
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services, open_services
from tests.integration.lifecycle.reverts.nights import Nights
from tests.integration.lifecycle.reverts.test_locks import wait_for_lock
from tests.invariants import converge, find
from tests.servers import DatabaseServer
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn


@pytest.fixture
def nights(services: Services) -> Nights:
    return Nights(open_services(services.settings, extensions=(HandlingExtension(),)))


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[tuple[Event, Event]]:
    """While this lasts, its first caller waits after this call: (it has come there, it may go on)."""
    come, go = Event(), Event()
    right = getattr(module, name)

    def waiting(*arguments: Any, **named: Any) -> Any:
        found = right(*arguments, **named)
        if not come.is_set():
            come.set()
            assert go.wait(patience())
        return found

    with monkeypatch.context() as patched:
        patched.setattr(module, name, waiting)
        try:
            yield come, go
        finally:
            go.set()


def delete(nights: Nights, row: Import) -> int:
    return deletion.delete_rows(nights.services, ORDERS, row.number)


def work(nights: Nights) -> None:
    """As a worker does with what is due."""
    load_next(nights.services, "a-worker", GracefulShutdown(0))


def begin_deleting(nights: Nights, aside: ThreadPoolExecutor, row: Import, come: Event) -> "Future[int]":
    """A deletion that waits in its transaction, on a thread of its own."""
    deleting = aside.submit(delete, nights, row)
    assert come.wait(patience())
    return deleting


def begin_loading(nights: Nights, aside: ThreadPoolExecutor, number: int, come: Event) -> "Future[None]":
    """An import that waits in its branch."""
    loading = aside.submit(work, nights)
    assert come.wait(patience())
    assert find(nights.services, number).state is State.RUNNING
    return loading


def images(nights: Nights) -> list[tuple[Any, ...]]:
    """Of which import's rows there are images, and whether they are used."""
    return nights.ask("SELECT old_import_no, old_row_no, consumed_by FROM before_images ORDER BY 1, 2")


# --- beside imports -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["lock_rows", "delete_rows"])
def test_the_next_import_loads_beside_a_deletion(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    row = nights.load(*range(1, 50))
    with held(monkeypatch, rows, statement) as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        beside = nights.load(*range(100, 150))  # its rows lie right behind those that are being deleted
        assert (beside.state, beside.attempts) == (State.COMMITTED, 1)
        go.set()
        assert deleting.result() == 49
    assert set(nights.table()) == set(range(100, 150))


@pytest.mark.parametrize("mode", ["fail", "update"])
def test_rows_are_deleted_while_the_next_import_is_loading(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    row, other = nights.load(*range(1, 50)), nights.load(200)
    numbers = range(100, 150) if mode == "fail" else (200, *range(100, 150))
    number = nights.accept_file(*numbers, customer="second", on_conflict=mode)
    with held(monkeypatch, attempt, "load_batch") as (come, go):
        loading = begin_loading(nights, aside, number, come)
        assert delete(nights, row) == 49
        go.set()
        loading.result()
    done = converge(nights.services, number)
    assert (done.state, done.attempts, done.rows_done) == (State.COMMITTED, 1, 50)
    assert set(nights.table()) == {200, *range(100, 150)}
    assert images(nights) == ([] if mode == "fail" else [(other.number, 1, None)])


@pytest.mark.parametrize("statement", ["lock_rows", "delete_rows"])
@pytest.mark.parametrize("mode", ["fail", "skip", "update"])
def test_an_import_that_waits_for_a_deletion_loses_no_attempt(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, mode: str, statement: str
) -> None:
    row = nights.load(1, 2)
    with held(monkeypatch, rows, statement) as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        number = nights.accept_file(2, 3, customer="second", on_conflict=mode)
        work(nights)  # until the server gives up waiting for the lock
        waiting = find(nights.services, number)
        if statement == "lock_rows" and mode != "update":
            # the key is still there, and who does not change its row needs no lock of it
            assert waiting.state is (State.COMMITTED if mode == "skip" else State.FAILED)
        else:
            assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
        go.set()
        assert deleting.result() == 2
    done = converge(nights.services, number)
    if statement == "lock_rows" and mode != "update":
        assert nights.table() == ({3: "second"} if mode == "skip" else {})
    else:
        assert (done.state, done.rows_done, done.rows_updated, done.attempts) == (State.COMMITTED, 2, 0, 1)
        assert nights.table() == {2: "second", 3: "second"}


def test_a_lock_that_a_deletion_held_a_moment_ago_costs_no_attempt(nights: Nights) -> None:
    """A small deletion is over before the import that lost against it has looked."""
    before = nights.load(1)
    row = nights.load(2)
    begun = row.read_at

    def is_running() -> bool:
        with nights.services.database.begin() as connection:
            return deletions.is_running(connection, nights.services.installation, "orders")

    def is_known(dataset: str) -> bool:
        with nights.services.database.begin() as connection:
            return deletions.ended_since(connection, dataset, begun)

    nights.accept_file(3)  # something else happens
    nights.do("UPDATE imports SET sequence = sequence + 1")
    assert not is_known("orders")
    assert delete(nights, before) == 1
    wait_for(lambda: not is_running(), "the server has noticed that the connection is closed")
    assert is_known("orders") and not is_known("parts")


def test_rows_that_an_open_import_has_updated_are_refused_and_deleted_when_it_has_ended(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = nights.load(1, 2, 3)
    number = nights.accept_file(2, 4, customer="second", on_conflict="update")
    with held(monkeypatch, attempt, "load_batch") as (come, go):
        loading = begin_loading(nights, aside, number, come)
        with pytest.raises(ImportsRunning, match="nothing was deleted"):
            delete(nights, row)
        assert find(nights.services, row.number).rows_deleted == 0
        go.set()
        loading.result()
    done = converge(nights.services, number)
    assert (done.state, done.rows_done, done.rows_updated, done.attempts) == (State.COMMITTED, 1, 1, 1)
    assert images(nights) == [(row.number, 2, None)]
    assert nights.table() == {1: "first", 2: "second", 3: "first", 4: "second"}
    assert delete(nights, row) == 3
    assert nights.table() == {4: "second"} and images(nights) == [(row.number, 2, rows.DELETED)]
    assert nights.revert(done).state is State.COMMITTED and nights.table() == {}


def test_an_image_that_is_committed_while_a_deletion_waits_is_used_up(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer
) -> None:
    row = nights.load(1, 2, 3)
    number = nights.accept_file(2, 4, customer="second", on_conflict="update")
    with held(monkeypatch, attempt, "load_batch") as (come, go):
        loading = begin_loading(nights, aside, number, come)
        deleting = aside.submit(delete, nights, row)
        wait_for_lock(database)
        go.set()
        loading.result()
        try:
            assert deleting.result() == 3
        except ImportsRunning:  # on a slow machine the import took longer than the deletion waits
            assert delete(nights, row) == 3
    done = converge(nights.services, number)
    assert (done.state, done.rows_done, done.rows_updated) == (State.COMMITTED, 1, 1)
    assert nights.table() == {4: "second"} and images(nights) == [(row.number, 2, rows.DELETED)]


def test_an_import_and_a_deletion_that_wait_for_each_other_both_come_to_their_end(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer
) -> None:
    row = nights.load(1, 2, 3)
    number = nights.accept_file(2, 4, customer="second", on_conflict="update")
    with held(monkeypatch, upserts, "load_new") as (come, go):
        loading = begin_loading(nights, aside, number, come)  # it has seen that the key of row 2 is there
        deleting = aside.submit(delete, nights, row)
        wait_for_lock(database)
        go.set()
        loading.result()
        try:
            deleted = deleting.result()
        except ImportsRunning:
            deleted = 0
    done = converge(nights.services, number)
    assert (done.state, done.attempts) == (State.COMMITTED, 1)
    if not deleted:
        assert (done.rows_done, done.rows_updated) == (1, 1) and images(nights) == [(row.number, 2, None)]
        deleted = delete(nights, row)
        assert nights.table() == {4: "second"} and images(nights) == [(row.number, 2, rows.DELETED)]
    else:
        assert (done.rows_done, done.rows_updated) in ((2, 0), (1, 1))
        assert set(nights.table()) - {2} == {4} and all(consumed == rows.DELETED for *_, consumed in images(nights))
    assert deleted == 3 and find(nights.services, row.number).rows_deleted == 3


def test_an_import_that_is_not_final_keeps_its_rows(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = nights.accept_file(1, 2)
    row = find(nights.services, number)
    with pytest.raises(ImportsRunning):
        delete(nights, row)
    with held(monkeypatch, attempt, "load_batch") as (come, go):
        loading = begin_loading(nights, aside, number, come)
        with pytest.raises(ImportsRunning):
            delete(nights, row)
        go.set()
        loading.result()
    assert converge(nights.services, number).state is State.COMMITTED
    nights.do("UPDATE imports SET state = 'committing' WHERE number = %s", number)
    with pytest.raises(ImportsRunning):
        delete(nights, row)
    nights.do("UPDATE imports SET state = 'committed' WHERE number = %s", number)
    assert set(nights.table()) == {1, 2} and delete(nights, row) == 2


def test_a_clearing_still_needs_an_idle_dataset(nights: Nights) -> None:
    row = nights.load(1)
    waiting = nights.accept_file(2)
    with pytest.raises(ImportsRunning):
        deletion.delete_rows(nights.services, ORDERS)
    assert delete(nights, row) == 1
    assert converge(nights.services, waiting).state is State.COMMITTED
    revert = nights.accept(find(nights.services, waiting))
    with pytest.raises(ImportsRunning):
        deletion.delete_rows(nights.services, ORDERS)
    assert converge(nights.services, revert.number).state is State.COMMITTED
    assert deletion.delete_rows(nights.services, ORDERS) == 0


# --- beside reverts -----------------------------------------------------------------------------------------------


def test_a_revert_of_the_import_is_in_the_way_and_one_of_another_is_not(nights: Nights) -> None:
    row, other = nights.load(1, 2), nights.load(3, 4)
    revert = nights.accept(row)
    with pytest.raises(ImportsRunning, match=revert.id):
        delete(nights, row)
    assert delete(nights, other) == 2
    assert converge(nights.services, revert.number).state is State.COMMITTED
    assert delete(nights, row) == 0
    assert [find(nights.services, one.number).rows_deleted for one in (row, other)] == [2, 2]


def test_a_revert_that_is_accepted_during_a_deletion_counts_nothing_twice(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer
) -> None:
    row = nights.load(1, 2, 3)
    nights.do("DELETE FROM orders WHERE order_number = 'N-1'")
    with held(monkeypatch, rows, "delete_rows") as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        accepting = aside.submit(nights.accept, row, on_changed="skip")
        wait_for_lock(database)
        go.set()
        assert deleting.result() == 2
        try:
            revert = accepting.result()
        except DatabaseUnavailable:  # on a slow machine it waits for longer than a request does
            revert = nights.accept(row, on_changed="skip")
    done = converge(nights.services, revert.number)
    assert (done.state, done.rows_done) == (State.COMMITTED, 0)
    found = find(nights.services, row.number)
    assert (found.rows_deleted, found.rows_kept) == (3, 0)


def test_what_a_revert_of_another_import_would_put_back_is_gone(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = nights.load(1, 2)
    other = nights.load(2, 3, customer="second", on_conflict="update")
    with held(monkeypatch, rows, "delete_rows") as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        revert = nights.accept(other)
        work(nights)  # until the server gives up waiting for the lock
        waiting = find(nights.services, revert.number)
        assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
        go.set()
        assert deleting.result() == 2
    assert converge(nights.services, revert.number).state is State.COMMITTED
    assert nights.table() == {} and images(nights) == [(row.number, 2, rows.DELETED)]


# --- beside handlings ---------------------------------------------------------------------------------------------


def handle(nights: Nights, row: Import, *numbers: int) -> Any:
    listed = tuple(OrderId(row.number, number) for number in numbers)
    return accept_handling(nights.services, HandlingRequest(OrderSelection(listed=listed)), Caller(client="night"))


def test_orders_that_are_being_handled_or_were_shipped_are_refused(nights: Nights) -> None:
    row = nights.load(1, 2, 3)
    handling = handle(nights, row, 1)
    with pytest.raises(OrdersKept, match="being handled"):
        delete(nights, row)
    nights.do("UPDATE handled_orders SET active = NULL, shipped_at = NOW(6) WHERE handling_no = %s", handling.number)
    with pytest.raises(OrdersKept, match="shipped"):
        delete(nights, row)
    assert len(nights.table()) == 3 and find(nights.services, row.number).rows_deleted == 0


@pytest.mark.parametrize("statement", ["lock_rows", "delete_rows"])
def test_a_handling_that_comes_during_a_deletion_finds_no_orders(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer, statement: str
) -> None:
    row = nights.load(1, 2)
    with held(monkeypatch, rows, statement) as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        late = aside.submit(handle, nights, row, 1)
        wait_for_lock(database)
        go.set()
        assert deleting.result() == 2
        with pytest.raises(InvalidContent, match="no longer there"):
            late.result()
    assert nights.ask("SELECT * FROM handled_orders") == []


def test_a_deletion_that_comes_during_a_handling_is_refused(
    nights: Nights, aside: ThreadPoolExecutor, database: DatabaseServer
) -> None:
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
        deleting = aside.submit(delete, nights, row)
        wait_for_lock(database)
    with pytest.raises((OrdersKept, ImportsRunning)):
        deleting.result()
    with pytest.raises(OrdersKept):
        delete(nights, row)
    assert len(nights.table()) == 2


# --- beside other deletions, and a crash --------------------------------------------------------------------------


def test_of_two_deletions_at_once_one_deletes(nights: Nights, aside: ThreadPoolExecutor) -> None:
    row, other = nights.load(*range(1, 50)), nights.load(100, 101)
    counts = [one.result() for one in [aside.submit(delete, nights, which) for which in (row, row, other, row)]]
    assert sum(counts) == 51 and counts[2] == 2 and sorted(counts)[:2] == [0, 0]
    assert [find(nights.services, one.number).rows_deleted for one in (row, other)] == [49, 2]


def test_a_clearing_and_a_deletion_exclude_one_another(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, other = nights.load(1, 2), nights.load(3)
    monkeypatch.setattr(deletion, "TURN_SECONDS", 0.2)
    with held(monkeypatch, rows, "delete_rows") as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        with pytest.raises(DatasetBeingCleared):
            deletion.delete_rows(nights.services, ORDERS)
        with pytest.raises(DatasetBeingCleared):
            delete(nights, other)
        go.set()
        assert deleting.result() == 2
    with deletion.clearing(nights.services, ORDERS), pytest.raises(DatasetBeingCleared):
        delete(nights, other)
    assert delete(nights, other) == 1


def test_a_deletion_that_dies_half_way_has_deleted_nothing(
    nights: Nights, aside: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, database: DatabaseServer
) -> None:
    row = nights.load(1, 2)
    nights.load(2, 3, customer="second", on_conflict="update")
    with held(monkeypatch, rows, "delete_rows") as (come, go):
        deleting = begin_deleting(nights, aside, row, come)
        with database.root() as cursor:
            cursor.execute("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_rows_modified > 0")
            for (thread,) in cursor.fetchall():
                cursor.execute(f"KILL {thread}")
        go.set()
        with pytest.raises(DatabaseUnavailable):
            deleting.result()
    assert nights.table() == {1: "first", 2: "second", 3: "second"}
    assert find(nights.services, row.number).rows_deleted == 0 and images(nights) == [(row.number, 2, None)]
    assert delete(nights, row) == 2  # the mark went with the connection
