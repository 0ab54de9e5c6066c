"""Several branches: rows of one key are in one of them, and no reader sees a part of an import."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from time import sleep

import pytest
from sqlalchemy import text

from app.db import xa
from app.db.datasets import rows
from app.domain.dataset import ORDERS
from app.domain.states import State
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.crash.failpoints import at_failpoint
from tests.integration.db.test_upserts import line
from tests.invariants import find
from tests.servers import DatabaseServer, make_settings
from tests.uploads import accept_file
from tests.waiting import patience, wait_for

BRANCHES = 3
LOCK_WAIT = 2
ROWS = 2000


@pytest.fixture
def services(database: DatabaseServer, tmp_path: Path) -> Iterator[Services]:
    values = {"branches": BRANCHES, "batch_bytes": 16 * 1024, "lease_seconds": 30, "lock_wait_seconds": LOCK_WAIT}
    services = open_services(make_settings(database.url, tmp_path / "spool", **values))
    yield services
    services.database.dispose()


def send(services: Services, *lines: str) -> int:
    body = ",".join(ORDERS.column_names) + "\n" + "".join(lines)
    return accept_file(services, ORDERS, body.encode()).row.number


def test_every_branch_has_its_share(services: Services) -> None:
    number = send(services, *(line(at) for at in range(ROWS)))
    assert load_next(services, "worker", GracefulShutdown(0))
    assert find(services, number).state is State.COMMITTED and find(services, number).branches == BRANCHES
    with services.database.begin() as connection:
        shares = connection.execute(text("SELECT row_count FROM receipts WHERE import_no = :n"), {"n": number})
        assert all(share > ROWS / BRANCHES / 2 for share in shares.scalars())
        numbered = text("SELECT COUNT(DISTINCT row_no), MIN(row_no), MAX(row_no) FROM orders")
        assert tuple(connection.execute(numbered).one()) == (ROWS, 1, ROWS)


def test_one_that_is_not_prepared_undoes_all(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = xa.Branch.prepare

    def break_off(branch: xa.Branch) -> None:
        if branch.xid.branch == 2:
            branch.cut()
        prepare(branch)

    number = send(services, *(line(at) for at in range(ROWS)))
    with monkeypatch.context() as broken:
        broken.setattr(xa.Branch, "prepare", break_off)
        assert load_next(services, "worker", GracefulShutdown(0))
    assert find(services, number).state is State.QUEUED and find(services, number).error is None
    sweeper = Sweeper(services)

    def is_due() -> bool:
        sweeper.sweep()
        return load_next(services, "worker", GracefulShutdown(0)) is not None

    wait_for(is_due, "the next attempt")
    assert find(services, number).state is State.COMMITTED
    with services.database.begin() as connection:
        assert connection.execute(text("SELECT COUNT(*), COUNT(DISTINCT row_no) FROM orders")).one() == (ROWS, ROWS)


@pytest.mark.parametrize("first", [1, ROWS // 2, ROWS - 3])
def test_a_key_that_stands_twice_is_named(services: Services, first: int) -> None:
    number = send(services, *(line(at) for at in range(1, ROWS + 1)), line(first, "again"))
    load_next(services, "worker", GracefulShutdown(0))
    failed = find(services, number)
    assert failed.state in (State.FAILING, State.FAILED) and failed.error
    assert failed.error["code"] == "duplicate_key", failed.error
    assert (failed.error["row"], failed.error["line"], failed.error["value"]) == (ROWS + 1, ROWS + 2, f"N-{first}")
    assert "stands in this file twice" in failed.error["message"]


def test_imports_beside_each_other_do_not_stall(services: Services) -> None:
    # keys of their own: of deleted rows the server keeps the keys for a while, and locks the gaps between them
    numbers = [send(services, *(line(10**6 + ROWS * one + at) for at in range(ROWS))) for one in range(3)]
    threads = [Thread(target=load_next, args=(services, f"worker-{one}", GracefulShutdown(0))) for one in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience())
    assert [find(services, number).state for number in numbers] == [State.COMMITTED] * 3
    assert {find(services, number).attempts for number in numbers} == {1}


def test_a_reader_never_sees_a_part(services: Services) -> None:
    done = Event()
    seen: set[int] = set()
    bare: set[int] = set()

    def read() -> None:
        while not done.is_set():
            with services.database.snapshot() as connection:
                seen.add(rows.count_rows(connection, ORDERS))
                bare.add(int(connection.execute(text("SELECT COUNT(*) FROM orders")).scalar_one()))

    reader = Thread(target=read)
    reader.start()
    try:
        for part in range(3):
            send(services, *(line(ROWS * part + at) for at in range(ROWS)))
            with at_failpoint("one committed", BRANCHES, lambda: sleep(0.5)):
                assert load_next(services, "worker", GracefulShutdown(0))
    finally:
        done.set()
        reader.join()
    whole = {ROWS * parts for parts in range(4)}
    assert bare - whole, "the branches did not commit one after the other: nothing was shown"
    assert seen <= whole
