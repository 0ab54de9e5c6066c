"""Tables that are there already: adopted as they are, appended to, and let go."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import DatasetExists, DatasetNotFound, InvalidContent, NotEnabled
from app.domain.states import State
from app.formats.reader import read_rows
from app.lifecycle.datasets import adopt, catalog, create, delete_rows, drop
from app.lifecycle.imports import rollback
from app.lifecycle.imports.loading.attempt import Attempt
from app.lifecycle.imports.loading.load import claim
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import PARTS, comment, send, table_of
from tests.invariants import converge, find
from tests.servers import DatabaseServer

STOCK = """CREATE TABLE stock (
    place VARCHAR(20) NOT NULL, `order` INT UNSIGNED NOT NULL, price DECIMAL(10, 2) UNSIGNED NOT NULL,
    kind ENUM('nut', 'b''olt') NOT NULL, at DATETIME NOT NULL, noted TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (place, `order`), UNIQUE KEY second (at))"""
HEADER = "order,place,price,kind,at\n"


def text(place: str, *orders: int) -> str:
    return HEADER + "".join(f"{one},{place},1.50,b'olt,2026-01-02 03:04:{one:02}\n" for one in orders)


class Owner:
    """Makes tables as the database's administrator, and drops them after the test."""

    def __init__(self, database: DatabaseServer) -> None:
        self._database = database
        self._made: list[str] = []

    def make(self, statement: str) -> None:
        with self._database.root() as cursor:
            cursor.execute(statement)
        if statement.startswith("CREATE TABLE"):
            self._made.append(statement.split()[2])

    def drop(self) -> None:
        with self._database.root() as cursor:
            for table in reversed(self._made):
                cursor.execute(f"DROP TABLE IF EXISTS {table}")


@pytest.fixture
def owner(database: DatabaseServer) -> Iterator[Owner]:
    owner = Owner(database)
    yield owner
    owner.drop()


@pytest.fixture
def stock(services: Services, owner: Owner) -> Dataset:
    owner.make(STOCK)
    owner.make("INSERT INTO stock VALUES ('here', 1, 2.00, 'nut', '2025-01-01', NULL)")
    return adopt.adopt_table(services, {"name": "stock", "adopt": True}).dataset


def rows_of(services: Services) -> list[tuple[Any, ...]]:
    return sorted((row[0], row[1], str(row[2]), row[3]) for row in table_of(services, "stock"))


def test_columns_and_keys_are_read_from_the_server(services: Services, stock: Dataset) -> None:
    assert stock == catalog.find_dataset(services.database, "stock").dataset
    assert stock.adopted and stock.primary == stock.key == ("place", "order")
    assert stock.columns == (
        Column("place", ColumnType.TEXT, length=20, controls=Controls.ANY, empty=True),
        Column("order", ColumnType.INTEGER, minimum=0, maximum=2**32 - 1),
        Column("price", ColumnType.DECIMAL, precision=10, scale=2),
        Column("kind", ColumnType.ENUM, choices=("nut", "b'olt")),
        Column("at", ColumnType.DATETIME),
    )


def test_imports_append(services: Services, stock: Dataset) -> None:
    row = converge(services, send(services, stock, text("there", 1, 2)))
    assert (row.state, row.rows_done, row.branches) == (State.COMMITTED, 2, 1)
    assert rows_of(services) == [
        ("here", 1, "2.00", "nut"),
        ("there", 1, "1.50", "b'olt"),
        ("there", 2, "1.50", "b'olt"),
    ]
    assert {row[5] is None for row in table_of(services, "stock")} == {True, False}  # the server noted when


def test_an_attempt_that_ends_half_way_leaves_nothing(services: Services, stock: Dataset) -> None:
    number = send(services, stock, text("there", *range(1, 50)))
    row = claim(services.database, services.settings, number, "test")
    assert row is not None
    attempt = Attempt(services.database, services.installation, row, GracefulShutdown(0))
    assert row.source.file_format is not None
    attempt.load(read_rows(services.spool.path(row.id), stock, row.source.file_format, 200))
    attempt.abandon()
    assert find(services, number).state is State.RUNNING
    assert converge(services, number).state is State.COMMITTED
    assert len(rows_of(services)) == 50
    assert rollback.finish_rollback(services.database, services.installation, number)


@pytest.mark.parametrize(
    ("rows", "row", "value", "reason"),
    [
        (text("there", 1) + text("here", 1).removeprefix(HEADER), 2, "1", "in the table already"),
        (text("there", 1, 2, 1), 3, "1", "in this file twice, first in row 1"),
        (text("there", 1) + text("other", 1).removeprefix(HEADER), None, None, "second"),
    ],
)
def test_a_duplicate_is_named(
    services: Services, stock: Dataset, rows: str, row: int | None, value: str | None, reason: str
) -> None:
    failed = converge(services, send(services, stock, rows))
    assert failed.state is State.FAILED and failed.error is not None
    assert failed.error["code"] == "duplicate_key" and reason in failed.error["message"]
    assert (failed.error.get("row"), failed.error.get("value")) == (row, value)
    assert rows_of(services) == [("here", 1, "2.00", "nut")]


def test_duplicates_can_be_skipped_and_are_counted(services: Services, stock: Dataset) -> None:
    rows = text("there", *range(1, 40)) + text("here", 1).removeprefix(HEADER) + text("there", 1).removeprefix(HEADER)
    row = converge(services, send(services, stock, rows, on_conflict="skip"))
    assert (row.state, row.rows_done, row.rows_skipped) == (State.COMMITTED, 39, 2), row.error
    assert len(rows_of(services)) == 40


def test_many_duplicates_are_skipped(services: Services, owner: Owner) -> None:
    """More than the server keeps warnings of."""
    owner.make("CREATE TABLE many (id INT PRIMARY KEY)")
    many = adopt.adopt_table(services, {"name": "many", "adopt": True}).dataset
    rows = "id\n" + "".join(f"{number}\n" for number in range(3000))
    assert converge(services, send(services, many, rows)).rows_done == 3000
    row = converge(services, send(services, many, rows + "3000\n", on_conflict="skip"))
    assert (row.state, row.rows_done, row.rows_skipped) == (State.COMMITTED, 1, 3000), row.error


def test_a_row_that_another_table_does_not_allow_is_no_duplicate(services: Services, owner: Owner) -> None:
    owner.make("CREATE TABLE places (place VARCHAR(20) PRIMARY KEY)")
    owner.make(
        "CREATE TABLE shelves (id INT PRIMARY KEY, place VARCHAR(20), FOREIGN KEY (place) REFERENCES places (place))"
    )
    owner.make("INSERT INTO places VALUES ('here')")
    shelves = adopt.adopt_table(services, {"name": "shelves", "adopt": True}).dataset
    for choice in ("skip", "fail"):
        failed = converge(services, send(services, shelves, "id,place\n1,here\n2,there\n", on_conflict=choice))
        assert failed.state is State.FAILED, choice
    assert table_of(services, "shelves") == []


def test_what_is_off_is_said(services: Services, stock: Dataset, web: FlaskClient) -> None:
    off = web.get("/v1/datasets/stock").get_json()["off"]
    assert set(off) == {"on_conflict=update", "generate", "filter_by_import", "delete_by_import", "delete_all"}
    with pytest.raises(InvalidContent, match="adopted"):
        send(services, stock, text("there", 1), on_conflict="update")
    number = send(services, stock, text("there", 1))
    converge(services, number)
    assert web.get(f"/v1/datasets/stock/rows?import={number}").status_code == 422
    assert web.delete(f"/v1/datasets/stock/rows?import={number}").status_code == 422
    assert web.delete("/v1/datasets/stock/rows?confirm=stock").status_code == 403
    with pytest.raises(NotEnabled):
        delete_rows.delete_rows(services, stock)
    assert len(rows_of(services)) == 2


def test_rows_are_paged_by_the_primary_key(services: Services, stock: Dataset, web: FlaskClient) -> None:
    converge(services, send(services, stock, text("there", 3, 1, 2)))
    for sort in ("", "&sort=-price", "&sort=at"):
        found, path = [], f"/v1/datasets/stock/rows?limit=1{sort}"
        while path:
            page = web.get(path).get_json()
            found += page["rows"]
            path = page["next"]
        assert len(found) == 4 and len({(row["place"], row["order"]) for row in found}) == 4
    assert list(found[0]) == ["place", "order", "price", "kind", "at"]
    assert web.get("/v1/datasets/stock/rows/count?filter[place]=there").get_json() == {"count": 3}


def test_a_dropped_table_is_only_forgotten(services: Services, stock: Dataset) -> None:
    converge(services, send(services, stock, text("there", 1)))
    drop.drop_dataset(services, "stock")
    with pytest.raises(DatasetNotFound):
        catalog.find_dataset(services.database, "stock")
    assert len(rows_of(services)) == 2
    assert adopt.adopt_table(services, {"name": "stock", "adopt": True}).dataset == stock


def test_a_table_is_adopted_once(services: Services, stock: Dataset) -> None:
    with pytest.raises(DatasetExists):
        adopt.adopt_table(services, {"name": "stock", "adopt": True})
    with pytest.raises(DatasetExists):
        create.create_dataset(services, {**PARTS, "name": "stock"})
    with pytest.raises(DatasetExists):
        adopt.adopt_table(services, {"name": "orders", "adopt": True})


@pytest.mark.parametrize(
    "body",
    [
        {"name": "imports", "adopt": True},
        {"name": "nothing", "adopt": True},
        {"name": "stock", "adopt": "yes"},
        {"name": "stock", "adopt": True, "columns": []},
        {"adopt": True},
    ],
)
def test_what_is_no_adoption(services: Services, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidContent):
        adopt.adopt_table(services, body)


@pytest.mark.parametrize(
    ("statements", "field", "reason"),
    [
        (["CREATE TABLE odd (id INT)"], "name", "no primary key"),
        (["CREATE TABLE odd (id INT PRIMARY KEY) ENGINE=MyISAM"], "name", "MyISAM"),
        (["CREATE TABLE odd (id INT PRIMARY KEY, x FLOAT)"], "columns[x]", "float"),
        (["CREATE TABLE odd (id INT PRIMARY KEY, x BLOB)"], "columns[x]", "blob"),
        (["CREATE TABLE odd (id INT PRIMARY KEY, x INT AS (id + 1))"], "columns[x]", "computed"),
        (["CREATE TABLE odd (id INT PRIMARY KEY, x INT INVISIBLE)"], "columns[x]", "invisible"),
        (
            [
                "CREATE TABLE odd (id INT PRIMARY KEY)",
                "CREATE TRIGGER t BEFORE INSERT ON odd FOR EACH ROW SET NEW.id = 1",
            ],
            "name",
            "trigger t",
        ),
        (
            ["CREATE TABLE odd (id INT UNSIGNED PRIMARY KEY, FOREIGN KEY (id) REFERENCES imports (number))"],
            "name",
            "lock the ledger",
        ),
    ],
)
def test_tables_that_cant_be(
    services: Services, owner: Owner, database: DatabaseServer, statements: list[str], field: str, reason: str
) -> None:
    for statement in statements:
        owner.make(statement)
    with pytest.raises(InvalidContent, match=reason) as refused:
        adopt.adopt_table(services, {"name": "odd", "adopt": True})
    assert [error["field"] for error in refused.value.extra["errors"]] == [field]
    assert comment(services, "odd") == ""


def test_triggers_that_cant_be_seen_are_not_taken_for_none(
    services: Services, owner: Owner, database: DatabaseServer
) -> None:
    owner.make("CREATE TABLE odd (id INT PRIMARY KEY)")
    with database.root() as cursor:
        cursor.execute(f"REVOKE TRIGGER ON `{database.database}`.* FROM app")
    try:
        with pytest.raises(InvalidContent, match="may not see triggers"):
            adopt.adopt_table(services, {"name": "odd", "adopt": True})
    finally:
        database.install()
    assert adopt.adopt_table(services, {"name": "odd", "adopt": True}).dataset.key == ("id",)


def test_defaults_and_numbers_of_the_server(services: Services, owner: Owner) -> None:
    owner.make(
        "CREATE TABLE more (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(30) NOT NULL UNIQUE,"
        " size VARCHAR(9) DEFAULT 'it''s', n INT NOT NULL DEFAULT -5, maybe DATE, yes TINYINT(1) NOT NULL DEFAULT 1,"
        " made DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3), long_text MEDIUMTEXT)"
    )
    more = adopt.adopt_table(services, {"name": "more", "adopt": True}).dataset
    assert more.key == ("name",) and more.primary == ("id",)
    told = {column.name: (column.type, column.nullable, column.default) for column in more.columns}
    assert told == {
        "id": (ColumnType.INTEGER, True, None),
        "name": (ColumnType.TEXT, False, None),
        "size": (ColumnType.TEXT, True, "it's"),
        "n": (ColumnType.INTEGER, False, "-5"),
        "maybe": (ColumnType.DATE, True, None),
        "yes": (ColumnType.BOOLEAN, False, "1"),
        "long_text": (ColumnType.TEXT, True, None),
    }
    row = converge(services, send(services, more, "name,maybe\na,2026-01-02\nb,\n"))
    assert row.state is State.COMMITTED, row.error
    first, second = table_of(services, "more")
    assert first[0] != second[0] and first[6] is not None
    assert (*first[1:6], first[7]) == ("a", "it's", -5, date(2026, 1, 2), 1, None)
    assert (*second[1:6], second[7]) == ("b", "it's", -5, None, 1, None)
    clash = converge(services, send(services, more, "name\nc\na\n"))
    assert clash.error is not None and (clash.error["code"], clash.error["value"]) == ("duplicate_key", "a")


def test_a_default_that_no_file_could_bring_is_none(services: Services, owner: Owner) -> None:
    owner.make("CREATE TABLE old (id INT PRIMARY KEY, size VARCHAR(3) NOT NULL DEFAULT 'xx', n INT UNSIGNED DEFAULT 7)")
    owner.make("ALTER TABLE old ADD COLUMN kind ENUM('', 'a') NOT NULL DEFAULT ''")
    old = adopt.adopt_table(services, {"name": "old", "adopt": True}).dataset
    assert {column.name: column.default for column in old.columns} == {"id": None, "size": "xx", "n": "7", "kind": None}
