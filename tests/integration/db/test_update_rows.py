"""Updating the rows whose keys a file has: exactly its values, wherever the rows stand, whatever happens meanwhile."""

import json
from collections.abc import Callable
from typing import Any

import pymysql
import pytest

from app.db.datasets import upserts
from app.db.datasets.rows import RowsDiffer
from app.db.xa import Branch
from app.domain.dataset import ORDERS, Dataset
from app.domain.states import State
from app.domain.xid import Xid
from app.lifecycle.datasets import create
from app.lifecycle.imports.loading import load_batch
from app.lifecycle.services import Services
from tests.integration.db.test_upserts import kept, line, table
from tests.integration.lifecycle.parts import ODD_NAMES, table_of
from tests.integration.lifecycle.reverts.test_values import ROWS, TYPES
from tests.invariants import converge
from tests.servers import DatabaseServer
from tests.uploads import accept_file

Load = Callable[..., int]


@pytest.fixture
def load(services: Services) -> Load:
    """Loads these lines with `on_conflict=update`, and returns the import's number once it has committed."""

    def load(*lines: str) -> int:
        body = ",".join(ORDERS.column_names) + "\n" + "".join(lines)
        number = accept_file(services, ORDERS, body.encode(), on_conflict="update").row.number
        done = converge(services, number)
        assert done.state is State.COMMITTED, done.error
        return number

    return load


def values_of(services: Services) -> dict[str, str]:
    """order number → customer"""
    return {name: row[0] for name, row in table(services).items()}


@pytest.mark.parametrize("apart", [1, 2], ids=["neighbours", "scattered"])
def test_rows_are_updated_wherever_they_stand(services: Services, load: Load, apart: int) -> None:
    first = load(*(line(n) for n in range(60)))
    second = load(*(line(n) for n in range(100, 160)))
    wanted = [*range(0, 60, apart), *range(100, 160, apart)]
    third = load(*(line(n, f"c{n}") for n in reversed(wanted)), line(200, "new"))
    found = values_of(services)
    assert found == {f"N-{n}": f"c{n}" if n in wanted else "first" for n in [*range(60), *range(100, 160)]} | {
        "N-200": "new"
    }
    before = kept(services, third)
    assert [row[:2] for row in before] == [(first, n + 1) for n in wanted if n < 60] + [
        (second, n - 99) for n in wanted if n >= 100
    ]
    assert all(row[2]["order_number"] == f"N-{n}" for n, row in zip(wanted, before, strict=True))


def test_values_of_every_type_are_updated_exactly(services: Services) -> None:
    columns = [{"name": name, "type": "text", "length": 40} for name in ODD_NAMES]
    columns += [{"name": name, **kind} for name, kind in TYPES.items()]
    columns += [{"name": "key", "type": "text", "length": 40}, {"name": "part", "type": "integer", "maximum": 9}]
    dataset = create.create_dataset(services, {"name": "odd", "columns": columns, "key": ["part", "key"]}).dataset
    odd = dict.fromkeys(ODD_NAMES, "\\'\"")

    def load(rows: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps({"key": f'k"\\{at}', "part": 1, **row}) + "\n" for at, row in enumerate(rows))
        done = converge(services, accept_file(services, dataset, lines.encode(), on_conflict="update").row.number)
        assert done.state is State.COMMITTED, done.error

    load([{**row, **odd} for row in ROWS])
    before = table_of(services, "odd")
    load([{**dict.fromkeys(TYPES), **dict.fromkeys(ODD_NAMES, "p")} for _ in ROWS])
    assert table_of(services, "odd") != before
    load([{**row, **odd} for row in ROWS])
    assert table_of(services, "odd") == before


@pytest.mark.parametrize("mode", ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI"])
def test_a_server_that_reads_literals_otherwise(
    services: Services, load: Load, database: DatabaseServer, mode: str
) -> None:
    with database.root() as cursor:
        cursor.execute("SELECT @@GLOBAL.sql_mode")
        before = cursor.fetchall()[0]
        cursor.execute("SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, %s)", ("," + mode,))
        try:
            load(line(1), line(2))
            load(line(1, "a\"\\n'"), line(2, "\\"))
        finally:
            cursor.execute("SET GLOBAL sql_mode = %s", before)
    assert values_of(services) == {"N-1": "a\"\\n'", "N-2": "\\"}


def test_a_row_that_comes_meanwhile_gets_the_last_values(
    services: Services, load: Load, database: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program brings a key when it was looked up for the first time, before it is for the second."""
    load(*(line(n) for n in range(8)))
    monkeypatch.setattr(load_batch, "STEP_ROWS", 4)
    put = upserts.update_rows
    brought = "(0, 1, 'Bay', 'N-9', 'other', 'j@x.de', 'Weg 1', 'S-1', 2, 1.5, 'EUR', 'paid', '2026-01-02 03:04:05')"

    def put_and_bring(*arguments: Any) -> None:
        put(*arguments)
        monkeypatch.undo()
        with database.root() as cursor:
            names = ", ".join(ORDERS.column_names)
            cursor.execute(f"INSERT INTO orders (import_no, row_no, {names}) VALUES {brought}")

    monkeypatch.setattr(upserts, "update_rows", put_and_bring)
    number = load(line(9, "early"), *(line(n, "new") for n in range(4)), line(9, "late"), line(8, "new"))
    assert values_of(services) == {f"N-{n}": "new" if n < 4 or n == 8 else "first" for n in range(9)} | {"N-9": "late"}
    assert {row[2]["customer"] for row in kept(services, number)} == {"first", "other"}


def test_a_key_that_is_looked_up_locks_nothing_for_others(
    services: Services, load: Load, database: DatabaseServer
) -> None:
    load(line(1), line(5))
    with services.database.session() as session:
        upserts.set_session(session)
        branch = Branch(session, Xid(services.installation, 99, 1, 1))
        branch.start()
        assert upserts.find_places(session, ORDERS, [("Bay", "N-3"), ("Bay", "N-5"), ("Bay", "N-7")])[::2] == [None] * 2
        with database.root() as cursor:
            cursor.execute("SET innodb_lock_wait_timeout = 1")
            cursor.execute("UPDATE orders SET order_number = 'N-3' WHERE marketplace = 'Bay' AND order_number = 'N-1'")
            with pytest.raises(pymysql.err.OperationalError, match="1205"):
                cursor.execute("UPDATE orders SET customer = 'x' WHERE marketplace = 'Bay' AND order_number = 'N-5'")
        branch.end()
        branch.rollback()


@pytest.mark.parametrize("known", [True, False], ids=["updated", "loaded"])
def test_a_value_that_the_server_would_adjust_ends_the_import(
    services: Services, database: DatabaseServer, known: bool
) -> None:
    columns = [{"name": "key", "type": "text", "length": 9}, {"name": "what", "type": "text", "length": 9}]
    dataset: Dataset = create.create_dataset(services, {"name": "few", "columns": columns, "key": ["key"]}).dataset

    def send(text: str) -> Any:
        options = {"on_conflict": "update", "format": "csv"}
        return converge(services, accept_file(services, dataset, text.encode(), **options).row.number)

    assert send("key,what\na,1\nb,1\nc,1\n").state is State.COMMITTED
    with database.root() as cursor:
        cursor.execute("ALTER TABLE few MODIFY what VARCHAR(3) COLLATE utf8mb4_bin NOT NULL")
    before = table_of(services, "few")
    failed = send(f"key,what\na,2\nb,2\n{'c' if known else 'd'},long\n")
    assert failed.state is State.FAILED and failed.error is not None
    assert failed.error["code"] == "value_adjusted" and "what" in failed.error["reason"], failed.error
    assert table_of(services, "few") == before


def test_a_row_that_is_gone_is_noticed(services: Services, load: Load) -> None:
    number = load(line(1), line(2))
    places = [(number, 1), (number, 3)]
    with services.database.session() as session:
        for act in (
            lambda: upserts.keep_before_images(session, ORDERS, 99, places),
            lambda: upserts.keep_before_images(session, ORDERS, 99, [(number, n) for n in range(1, 99, 2)]),
        ):
            with pytest.raises(RowsDiffer, match="1 of"):
                act()
