"""Rows whose key is there already: skipped or updated, all of them or none, and what they were before is kept."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.db.datasets import upserts
from app.db.datasets.rows import RowsDiffer
from app.db.imports import transitions
from app.db.xa import Branch
from app.domain.dataset import ORDERS
from app.domain.errors import InvalidContent
from app.domain.imports import Import
from app.domain.states import State
from app.domain.xid import Xid
from app.formats.payload import payload_line, read_payload
from app.formats.reader import read_rows
from app.lifecycle.imports import stop
from app.lifecycle.imports.loading.attempt import Attempt
from app.lifecycle.imports.loading.load import claim, load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.invariants import converge, find
from tests.servers import DatabaseServer
from tests.uploads import accept_file

ODD = 'O\'Neil "the\\N" 😀 NULL\\'
Send = Callable[..., int]


def line(number: int | str, customer: str = "first", price: str = "1.50") -> str:
    quoted = customer.replace('"', '""')
    return f'Bay,N-{number},"{quoted}",j@x.de,Weg 1,S-1,2,{price},EUR,paid,2026-01-02 03:04:05\n'


@pytest.fixture
def send(services: Services) -> Send:
    """Accepts a file of these lines; returns the import's number."""

    def send(*lines: str, **options: str) -> int:
        body = ",".join(ORDERS.column_names) + "\n" + "".join(lines)
        return accept_file(services, ORDERS, body.encode(), **options).row.number

    return send


def table(services: Services) -> dict[str, tuple[Any, ...]]:
    """order number → customer, price, import number, row number"""
    with services.database.begin() as connection:
        query = "SELECT order_number, customer, CAST(unit_price AS CHAR), import_no, row_no FROM orders"
        return {row[0]: tuple(row[1:]) for row in connection.exec_driver_sql(query)}


def kept(services: Services, number: int) -> list[tuple[Any, ...]]:
    """What an import has replaced: import number, row number, the row"""
    with services.database.begin() as connection:
        query = "SELECT old_import_no, old_row_no, dataset, `row` FROM before_images WHERE import_no = %s ORDER BY 1, 2"
        found = connection.exec_driver_sql(query, (number,)).all()
    assert {row[2] for row in found} <= {"orders"}
    return [(row[0], row[1], json.loads(row[3])) for row in found]


def counts(row: Import) -> tuple[State, int, int, int, int]:
    return row.state, row.rows_done, row.rows_updated, row.rows_skipped, row.rows_rejected


def test_skip_leaves_what_is_there(services: Services, send: Send) -> None:
    first = send(line(1), line(2))
    converge(services, first)
    second = send(line(2, "second"), line(3, "second"), line(1, "second"), line(3, "third"), on_conflict="skip")
    assert counts(converge(services, second)) == (State.COMMITTED, 1, 0, 3, 0)
    assert table(services) == {
        "N-1": ("first", "1.50", first, 1),
        "N-2": ("first", "1.50", first, 2),
        "N-3": ("second", "1.50", second, 2),
    }
    assert kept(services, second) == []


def test_rows_are_numbered_as_the_file_has_them(services: Services, send: Send) -> None:
    send(line(3, "was"), line(9, "was"))
    load_next(services, "test", GracefulShutdown(0))
    blank = "," * 10 + "\n"
    bad = line("bad").replace(",2,", ",two,", 1)
    lines = [blank, bad, line(1), "\n", line(2), bad, line(3), blank, line(2, "again"), blank, bad, line(4)]
    skipping = send(*lines, on_error="reject", on_conflict="skip")
    load_next(services, "test", GracefulShutdown(0))
    done = converge(services, skipping)
    assert counts(done) == (State.COMMITTED, 3, 0, 2, 3), done.error
    assert (done.rows_blank, done.rows_read) == (4, 8)
    numbers = {name: row for name, (_, _, number, row) in table(services).items() if number == skipping}
    assert numbers == {"N-1": 2, "N-2": 3, "N-4": 8}
    updating = send(*lines, line(5), on_error="reject", on_conflict="update", dry_run="true")
    load_next(services, "test", GracefulShutdown(0))
    assert counts(found := converge(services, updating)) == (State.CHECKED, 1, 5, 0, 3) and found.rows_blank == 4
    for more, row, at, said in (
        ([line(7), line(9)], 5, 9, "as row 2 of import"),
        ([line(7), bad, line(7)], 6, 10, "first in line 8"),
    ):
        failing = send(blank, bad, line(6), "\n", bad, blank, *more, on_error="reject")
        load_next(services, "test", GracefulShutdown(0))
        failed = converge(services, failing)
        assert failed.error is not None and failed.error["code"] == "duplicate_key"
        assert (failed.error["row"], failed.error["line"]) == (row, at) and said in failed.error["reason"], failed.error


def test_update_keeps_what_was_there(services: Services, send: Send) -> None:
    first = send(line(1, ODD, "0.10"), line(2), line(4))
    converge(services, first)
    second = send(
        line(3, "new"), line(1, "b" + ODD, "2"), line(3, "new again"), line(2, "c"), line(2, "d"), on_conflict="update"
    )
    assert counts(converge(services, second)) == (State.COMMITTED, 1, 4, 0, 0)
    assert table(services) == {
        "N-1": ("b" + ODD, "2.00", first, 1),
        "N-2": ("d", "1.50", first, 2),
        "N-3": ("new again", "1.50", second, 1),
        "N-4": ("first", "1.50", first, 3),
    }
    one, two = kept(services, second)
    assert one[:2] == (first, 1) and two[:2] == (first, 2)
    assert one[2] == dict(
        zip(
            ORDERS.column_names,
            ["Bay", "N-1", ODD, "j@x.de", "Weg 1", "S-1", "2", "0.10", "EUR", "paid", "2026-01-02 03:04:05"],
            strict=True,
        )
    )
    assert two[2]["customer"] == "first"


@pytest.mark.parametrize("on_conflict", ["skip", "update"])
def test_a_lock_of_another_program_is_no_duplicate_of_ours(
    services: Services, send: Send, database: DatabaseServer, on_conflict: str
) -> None:
    number = send(line(1), line(2), line(1, "again"), line(3), on_conflict=on_conflict)
    with database.root() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM orders WHERE marketplace = 'Bay' AND order_number = 'N-3' FOR UPDATE")
        assert load_next(services, "worker", GracefulShutdown(0))
        assert find(services, number).state is State.QUEUED, find(services, number).error
        cursor.execute("ROLLBACK")
    done = converge(services, number)
    assert (done.state, done.rows_done, done.rows_updated + done.rows_skipped) == (State.COMMITTED, 3, 1)


def test_what_the_server_takes_for_the_same_key_is_the_same(services: Services, send: Send) -> None:
    """It pads with blanks when it compares; the import must not trip over that."""
    first = send(line("a"))
    converge(services, first)
    second = send(line("a ", "padded"), line("A", "capital"), on_conflict="update")
    assert counts(converge(services, second)) == (State.COMMITTED, 1, 1, 0, 0)
    assert table(services) == {"N-a ": ("padded", "1.50", first, 1), "N-A": ("capital", "1.50", second, 2)}
    third = send(line("a  "), line("A  "), on_conflict="skip")
    assert counts(converge(services, third)) == (State.COMMITTED, 0, 0, 2, 0)


def test_a_row_updated_by_several_batches_is_kept_as_it_was_at_first(services: Services, send: Send) -> None:
    first = send(*(line(n) for n in range(40)))
    converge(services, first)
    lines = [line(n, f"round {turn}") for turn in range(3) for n in range(40)]
    services.settings.__dict__["batch_bytes"] = 2048
    second = send(*lines, on_conflict="update")
    assert counts(converge(services, second)) == (State.COMMITTED, 0, 120, 0, 0)
    assert {row[0] for row in table(services).values()} == {"round 2"}
    before = kept(services, second)
    assert len(before) == 40 and {row[2]["customer"] for row in before} == {"first"}


def test_several_branches_do_not_wait_for_each_other(services: Services, send: Send) -> None:
    services.settings.__dict__["branches"] = 4
    services.settings.__dict__["batch_bytes"] = 2048
    number = send(*(line(n % 50) for n in range(200)), on_conflict="skip")
    ended = converge(services, number)
    assert counts(ended) == (State.COMMITTED, 50, 0, 150, 0) and ended.branches == 1


def test_a_bad_row_undoes_every_update(services: Services, send: Send) -> None:
    first = send(line(1), line(2))
    converge(services, first)
    before = table(services)
    failed = converge(services, send(line(1, "changed"), line(2, price="x"), on_conflict="update"))
    assert (failed.state, failed.error and failed.error["code"]) == (State.FAILED, "not_a_decimal")
    assert table(services) == before and kept(services, failed.number) == []
    third = send(line(1, "changed"), line(2, price="x"), on_conflict="update", on_error="reject")
    assert counts(converge(services, third)) == (State.COMMITTED, 0, 1, 0, 1)


@pytest.mark.parametrize("mode", ["skip", "update"])
def test_a_dry_run_counts_alike_and_changes_nothing(services: Services, send: Send, mode: str) -> None:
    first = send(line(1), line(2))
    converge(services, first)
    before = table(services)
    lines = [line(2, "changed"), line(3), line(3)]
    checked = converge(services, send(*lines, on_conflict=mode, dry_run="true"))
    assert (checked.state, table(services), kept(services, checked.number)) == (State.CHECKED, before, [])
    done = converge(services, send(*lines, on_conflict=mode))
    assert counts(done)[1:] == counts(checked)[1:]


def in_doubt(services: Services, number: int, *, decided: bool) -> None:
    """Leave the import as a worker that died after `prepare` leaves it; `decided`: the commit is recorded."""
    row = claim(services.database, services.settings, number, "doomed")
    assert row is not None and row.source.file_format is not None and row.source.spool_name is not None
    attempt = Attempt(services.database, services.installation, row, GracefulShutdown(0))
    attempt.load(read_rows(services.spool.path(row.source.spool_name), ORDERS, row.source.file_format, 1 << 20))
    for branch in attempt.branches:
        branch.prepare()
    if decided:
        tally = attempt.tally
        values = {"rows_total": tally.accepted, "rows_done": tally.inserted, "rows_updated": tally.updated}
        with services.database.begin() as connection:
            assert transitions.ledger.move(
                connection, number, {State.RUNNING}, State.COMMITTING, at_epoch=row.epoch, **values
            )
    attempt.abandon()
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE imports SET lease_until = '2001-01-01' WHERE number = %s", (number,))


@pytest.mark.parametrize("decided", [False, True], ids=["stopped", "decided"])
def test_after_a_crash_every_row_is_updated_or_none(services: Services, send: Send, decided: bool) -> None:
    first = send(*(line(n) for n in range(5)))
    converge(services, first)
    before = table(services)
    second = send(*(line(n, "second") for n in range(8)), on_conflict="update")
    in_doubt(services, second, decided=decided)
    assert table(services) == before
    if not decided:
        stop.stop_import(services, find(services, second).id)
    ended = converge(services, second)
    if decided:
        assert counts(ended) == (State.COMMITTED, 3, 5, 0, 0)
        assert {row[0] for row in table(services).values()} == {"second"} and len(kept(services, second)) == 5
    else:
        assert ended.state is State.STOPPED
        assert table(services) == before and kept(services, second) == []


def test_imports_that_update_the_same_rows_at_once_end_one_after_the_other(services: Services, send: Send) -> None:
    converge(services, send(*(line(n) for n in range(300))))
    services.settings.__dict__["batch_bytes"] = 4096
    forward = send(*(line(n, "forward") for n in range(300)), on_conflict="update")
    backward = send(*(line(n, "backward") for n in reversed(range(300))), on_conflict="update")
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(load_next, services, f"w{n}", GracefulShutdown(0)) for n in range(2)]:
            done.result()
    ends = [converge(services, number) for number in (forward, backward)]
    assert [counts(row) for row in ends] == [(State.COMMITTED, 0, 300, 0, 0)] * 2, [row.error for row in ends]
    assert len({row[0] for row in table(services).values()}) == 1


def test_more_duplicates_than_the_protocol_can_count(services: Services) -> None:
    """The protocol has 16 bits for the number of warnings."""
    rest = ["c", "e@x", "s", "k", "1", "1.00", "EUR", "paid", "2026-01-01 00:00:00"]
    payload = "".join(payload_line(n, ["m", str(n % 10), *rest]) for n in range(1, 70_001)).encode()
    with services.database.session() as session:
        branch = Branch(session, Xid(services.installation, 99, 1, 1))
        branch.start()
        assert upserts.load_new(session, ORDERS, 99, payload, range(1, 70_001)) == list(range(11, 70_001))
        branch.end()
        branch.rollback()


def test_an_adjusted_value_is_no_duplicate(services: Services, send: Send) -> None:
    converge(services, send(line(1)))
    row = ["Bay", "N-1", "c", "e@x", "s", "k", "1", "1.00", "EUR", "paid", "2026-01-01 00:00:00"]
    bad = [*row[:1], "N-2", "c" * 121, *row[3:]]
    payload = (payload_line(1, row) + payload_line(2, bad)).encode()
    with services.database.session() as session:
        branch = Branch(session, Xid(services.installation, 99, 1, 1))
        branch.start()
        with pytest.raises(RowsDiffer):
            upserts.load_new(session, ORDERS, 99, payload, [1, 2])
        branch.end()
        branch.rollback()


def test_a_payload_is_read_as_it_was_written() -> None:
    values = ["a", "", 'q"q', "\\N", "NULL", "x,y", "é😀", '"', "line\nbreak\r\n"]
    payload = (payload_line(7, values) + payload_line(8, values[::-1]) + '9,NULL,"NULL"\n').encode()
    assert list(read_payload(payload)) == [(7, tuple(values)), (8, tuple(values[::-1])), (9, (None, "NULL"))]


def test_options_that_make_no_sense_are_refused(send: Send) -> None:
    with pytest.raises(InvalidContent, match="fail, skip or update"):
        send(line(1), on_conflict="replace")
