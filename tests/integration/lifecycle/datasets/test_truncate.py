"""Many rows are deleted at once: all of them or none, whatever crashes, and nothing that comes later."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from app.db import database as database_module
from app.db.datasets import registry, rows, truncations
from app.db.imports import transitions
from app.domain.dataset import ORDERS
from app.domain.errors import DatabaseUnavailable, DatasetBeingCleared, DatasetInUse
from app.lifecycle.datasets import delete_rows as deletion, drop, truncate
from app.lifecycle.datasets.create import create_dataset
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.integration.lifecycle.reverts.nights import Nights
from tests.integration.lifecycle.test_deletions import held
from tests.invariants import find
from tests.servers import DatabaseServer
from tests.uploads import accept_file
from tests.waiting import patience

pytestmark = pytest.mark.in_turn


@pytest.fixture
def nights(services: Services, monkeypatch: pytest.MonkeyPatch) -> Nights:
    monkeypatch.setattr(deletion, "FEW_ROWS", 0)
    monkeypatch.setattr(truncate, "IMPORTS", 1)
    return Nights(services)


@pytest.fixture
def root(database: DatabaseServer) -> Iterator[Any]:
    with database.root() as cursor:
        yield cursor


@contextmanager
def held_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[tuple[Event, Event]]:
    """While this lasts, callers wait before this call: (one has come there, they may go on)."""
    come, go = Event(), Event()
    right = getattr(module, name)

    def waiting(*arguments: Any) -> Any:
        come.set()
        assert go.wait(patience())
        return right(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, waiting)
        try:
            yield come, go
        finally:
            go.set()


def kill_definer(nights: Nights, root: Any) -> None:
    """The connection that holds the lock on definitions is lost."""
    root.execute("SELECT IS_USED_LOCK(%s)", (f"backout:define:{nights.services.installation}",))
    root.execute(f"KILL {root.fetchone()[0]}")


def delete_all(nights: Nights) -> int:
    return deletion.delete_rows(nights.services, ORDERS)


def registered(nights: Nights) -> tuple[Any, Any]:
    """What the registry says of a truncation, and how long no import is claimed."""
    return nights.ask("SELECT truncation, delete_lease_until FROM datasets WHERE name = 'orders'")[0]


def deleted(nights: Nights) -> list[int]:
    return [count for (count,) in nights.ask("SELECT rows_deleted FROM imports ORDER BY number")]


def test_everything_but_the_rows_stays(nights: Nights, root: Any) -> None:
    first, second = nights.load(1, 2, 3), nights.load(4, 5)
    root.execute("CREATE VIEW paid AS SELECT order_number FROM orders WHERE status = 'paid'")
    root.execute("CREATE TRIGGER marks BEFORE INSERT ON orders FOR EACH ROW SET NEW.sku = 'by trigger'")
    try:
        root.execute("DELETE FROM orders WHERE order_number = 'N-1'")
        (table,) = nights.ask("SHOW CREATE TABLE orders")
        with held(pytest.MonkeyPatch(), truncations, "truncate") as (truncated, go):
            go.set()
            assert delete_all(nights) == 4
            assert truncated.is_set()
        assert nights.table() == {} and nights.ask("SHOW CREATE TABLE orders") == [table]
        found = [find(nights.services, row.number) for row in (first, second)]
        assert [(row.rows_deleted, row.rows_counted) for row in found] == [(2, 0), (2, 0)]
        assert registered(nights) == (None, None)
        nights.load(1, 7)
        assert nights.ask("SELECT order_number FROM paid ORDER BY 1") == [("N-1",), ("N-7",)]
        assert nights.ask("SELECT DISTINCT sku FROM orders") == [("by trigger",)]
    finally:
        root.execute("DROP VIEW paid")
        root.execute("DROP TRIGGER marks")
    assert delete_all(nights) == 2 and deleted(nights) == [2, 2, 2]


def test_few_rows_are_deleted_beside_readers(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "FEW_ROWS", 2)
    nights.load(1, 2)
    with nights.services.database.snapshot() as reader:
        assert rows.count_rows(reader, ORDERS) == 2
        assert delete_all(nights) == 2
        assert rows.count_rows(reader, ORDERS) == 2
    assert registered(nights) == (None, None)


@pytest.mark.parametrize("holder", ["reader", "prepared branch"])
def test_who_uses_the_table_is_waited_for_a_little(
    nights: Nights, root: Any, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    monkeypatch.setattr(database_module, "DEFINE_SECONDS", 1)
    nights.load(1, 2)
    if holder == "reader":
        root.execute("BEGIN")
        root.execute("SELECT * FROM orders")
    else:
        root.execute("XA START 'stranger'")
        root.execute("INSERT INTO orders SELECT 0, 0, marketplace, 'N-9', customer, email, ship_to, sku, quantity,"
                     " unit_price, currency, status, ordered_at FROM orders LIMIT 1")  # fmt: skip
        root.execute("XA END 'stranger'")
        root.execute("XA PREPARE 'stranger'")
    try:
        with pytest.raises(DatasetInUse, match="nothing was deleted"):
            delete_all(nights)
    finally:
        root.execute("ROLLBACK" if holder == "reader" else "XA ROLLBACK 'stranger'")
    assert set(nights.table()) == {1, 2} and registered(nights) == (None, None) and deleted(nights) == [0]
    assert nights.load(3).attempts == 1
    assert delete_all(nights) == 3


@pytest.mark.parametrize("what", ["trigger", "foreign key", "rights"])
def test_what_a_truncation_would_leave_out(
    nights: Nights, root: Any, database: DatabaseServer, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    nights.load(1, 2)
    nights.load(3)
    if what == "trigger":
        root.execute("CREATE TABLE gone (order_number VARCHAR(64))")
        root.execute(
            "CREATE TRIGGER goes AFTER DELETE ON orders FOR EACH ROW INSERT INTO gone VALUES (OLD.order_number)"
        )
    elif what == "foreign key":
        root.execute(
            "CREATE TABLE notes (import_no INT UNSIGNED, row_no INT UNSIGNED,"
            " FOREIGN KEY (import_no, row_no) REFERENCES orders (import_no, row_no) ON DELETE CASCADE)"
        )
        root.execute("INSERT INTO notes SELECT import_no, row_no FROM orders")
    else:
        monkeypatch.setattr(truncations, "find_hindrance", lambda *_: "this user may not see triggers")
    try:
        assert delete_all(nights) == 3
        assert nights.table() == {} and registered(nights) == (None, None) and deleted(nights) == [2, 1]
        if what == "trigger":
            root.execute("SELECT COUNT(*) FROM gone")
            assert root.fetchone() == (3,)
        elif what == "foreign key":
            root.execute("SELECT COUNT(*) FROM notes")
            assert root.fetchone() == (0,)
    finally:
        root.execute("DROP TRIGGER IF EXISTS goes")
        root.execute("DROP TABLE IF EXISTS gone, notes")


def test_only_who_may_make_triggers_sees_them(nights: Nights, root: Any) -> None:
    with nights.services.database.begin() as connection:
        assert truncations.find_hindrance(connection, ORDERS) is None
    user, here = nights.services.database.url.username, nights.services.database.url.database
    root.execute(f"REVOKE TRIGGER ON `{here}`.* FROM '{user}'@'%'")
    try:
        with open_services(nights.services.settings).database.begin_long() as connection:
            assert "may not see triggers" in str(truncations.find_hindrance(connection, ORDERS))
    finally:
        root.execute(f"GRANT TRIGGER ON `{here}`.* TO '{user}'@'%'")


# --- crashes ------------------------------------------------------------------------------------------------------

STEPS = {  # the step before or after which the process is killed, and whether the rows go
    ("count_by_import", "before"): False,
    ("keep", "before"): False,
    ("truncate", "before"): True,
    ("truncate", "after"): True,
    ("list_left", "before"): True,
    ("list_left", "third"): True,
    ("end", "before"): True,
    ("end", "after"): True,
}


@contextmanager
def killed(name: str, when: str) -> Iterator[None]:
    """A process of its own ends, as by kill -9, when it comes to this step."""
    module = rows if name == "count_by_import" else truncations
    right, calls = getattr(module, name), 0

    def step(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "before" or calls == 3:
            os._exit(9)
        found = right(*arguments, **named)
        if when == "after":
            os._exit(9)
        return found

    child = os.fork()
    if child:
        yield
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        return
    try:
        setattr(module, name, step)
        yield
    finally:
        os._exit(1)


def crash(nights: Nights, name: str, when: str) -> None:
    settings, parent = nights.services.settings, os.getpid()
    with killed(name, when):
        if os.getpid() != parent:
            deletion.delete_rows(open_services(settings), ORDERS)


@pytest.mark.parametrize(("name", "when"), STEPS)
def test_a_crash_leaves_all_or_nothing(nights: Nights, name: str, when: str) -> None:
    loaded = [nights.load(1, 2), nights.load(3), nights.load(4)]
    crash(nights, name, when)
    sweeper = Sweeper(nights.services)
    sweeper.sweep()
    goes = STEPS[name, when]
    assert set(nights.table()) == (set() if goes else {1, 2, 3, 4})
    assert deleted(nights) == ([2, 1, 1] if goes else [0, 0, 0])
    told = nights.ask("SELECT COUNT(*) FROM events WHERE kind = 'rows_deleted'")
    assert told == [(len(loaded) if goes else 0,)]
    assert registered(nights)[0] is None
    assert nights.load(9).attempts == 1


def test_another_request_finishes_what_a_crash_left(nights: Nights) -> None:
    nights.load(1, 2)
    crash(nights, "truncate", "before")
    assert set(nights.table()) == {1, 2} and registered(nights)[0] is not None
    assert delete_all(nights) == 2  # of the one before
    assert nights.table() == {} and deleted(nights) == [2] and registered(nights) == (None, None)


def test_nothing_is_claimed_before_a_truncation_is_over(nights: Nights) -> None:
    nights.load(1, 2)
    crash(nights, "truncate", "after")
    number = nights.accept_file(3)
    with nights.services.database.begin() as connection:
        claimed = transitions.ledger.claim(connection, number, worker="a", lease_seconds=60, branches=1)
    assert not claimed
    with pytest.raises(DatasetBeingCleared), deletion.clearing(nights.services, ORDERS):
        pass
    truncate.finish_all(nights.services)
    assert set(nights.load(4).error or {}) == set() and 4 in nights.table()


def test_who_lost_its_lock_deletes_nothing_that_came_later(
    nights: Nights, root: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights.load(1, 2)
    with ThreadPoolExecutor(1) as aside, held(monkeypatch, truncations, "truncate") as (come, go):
        first = aside.submit(delete_all, nights)
        assert come.wait(patience())
        kill_definer(nights, root)
        assert truncate.finish(nights.services, "orders", patience()) == 2
        assert nights.load(3).attempts == 1
        go.set()
        with pytest.raises(DatabaseUnavailable):
            first.result()  # its connection is gone
    assert set(nights.table()) == {3} and deleted(nights) == [2, 0] and registered(nights) == (None, None)


def test_who_lost_its_lock_cancels_nothing(nights: Nights, root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.load(1, 2)
    monkeypatch.setattr(database_module, "DEFINE_SECONDS", 1)
    root.execute("BEGIN")
    root.execute("SELECT * FROM orders")
    with (
        ThreadPoolExecutor(2) as aside,
        held_before(monkeypatch, truncate, "_cancel") as (waited, cancel),
        held_before(monkeypatch, truncate, "_record") as (truncated, record),
    ):
        first = aside.submit(delete_all, nights)
        assert waited.wait(patience())  # the reader was there for too long
        root.execute("COMMIT")
        kill_definer(nights, root)
        second = aside.submit(truncate.finish, nights.services, "orders", patience())
        assert truncated.wait(patience())
        cancel.set()
        with pytest.raises((DatabaseUnavailable, DatasetInUse)):
            first.result()
        record.set()
        assert second.result() == 2
    assert nights.table() == {} and deleted(nights) == [2] and registered(nights)[0] is None


def test_a_lost_answer_is_left_to_the_sweeper(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.load(1, 2)
    right = truncations.truncate

    def lose(*arguments: Any) -> None:
        right(*arguments)
        raise DatabaseUnavailable("the database does not answer")

    monkeypatch.setattr(truncations, "truncate", lose)
    with pytest.raises(DatabaseUnavailable):
        delete_all(nights)
    assert registered(nights)[0] is not None and registered(nights)[1].year == 9999
    Sweeper(nights.services).sweep()
    assert deleted(nights) == [2] and registered(nights)[0] is None


def test_what_came_after_the_truncation_stays(nights: Nights, root: Any) -> None:
    nights.load(1, 2)
    crash(nights, "truncate", "after")
    root.execute(
        "INSERT INTO orders (import_no, row_no, marketplace, order_number, customer, email, ship_to, sku, quantity,"
        " unit_price, currency, status, ordered_at)"
        " VALUES (4000000000, 1, 'Bay', 'N-9', 'by hand', 'j@x.de', 'Weg 1', 'S', 1,"
        " 1, 'EUR', 'paid', '2026-01-02')"
    )
    assert truncate.finish(nights.services, "orders") == 2
    assert nights.table() == {9: "by hand"} and deleted(nights) == [2]


def test_a_lease_that_ran_out_truncates_nothing(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.load(1, 2)
    monkeypatch.setattr(deletion, "CLEAR_SECONDS", -1.0)
    with pytest.raises(DatasetBeingCleared):
        delete_all(nights)
    assert set(nights.table()) == {1, 2} and registered(nights)[0] is None


def test_others_create_while_a_drop_counts(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [{"name": "a", "type": "integer"}]
    create_dataset(nights.services, {"name": "old", "columns": columns})
    with nights.services.database.begin() as connection:
        known = registry.find_dataset(connection, "old")
    assert known is not None
    accept_file(nights.services, known.dataset, b"a\n1\n")
    nights.services.database.dispose()
    with nights.services.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM imports WHERE dataset = 'old'")
    with ThreadPoolExecutor(1) as aside, held(monkeypatch, rows, "count_by_import") as (come, go):
        dropping = aside.submit(drop.drop_dataset, nights.services, "old")
        assert come.wait(patience())
        create_dataset(nights.services, {"name": "new", "columns": columns})
        go.set()
        dropping.result()
    drop.drop_dataset(nights.services, "new")
    assert nights.ask("SELECT name FROM datasets ORDER BY 1") == [("orders",)]
