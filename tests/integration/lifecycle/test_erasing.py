"""Erasures in datasets of one's own: columns of each type and name, other tables that refer to rows, adopted tables."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.dataset import Dataset
from app.domain.errors import DatasetBeingCleared, InvalidContent
from app.domain.imports import Import
from app.lifecycle.datasets import adopt, create, delete_rows, drop
from app.lifecycle.datasets.erasing import erase as erasing
from app.lifecycle.datasets.erasing.erase import Erasure
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import ODD_NAMES
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import check, converge
from tests.servers import DatabaseServer
from tests.uploads import accept_file

pytestmark = pytest.mark.in_turn

COLUMNS: list[dict[str, Any]] = [
    {"name": "no", "type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    {"name": "note", "type": "text", "length": 70_000, "nullable": True},
    {"name": "born", "type": "date", "nullable": True},
    {"name": "seen", "type": "datetime", "scale": 3, "nullable": True},
    {"name": "rate", "type": "decimal", "precision": 12, "scale": 4, "nullable": True},
    {"name": "yes", "type": "boolean", "nullable": True},
    {"name": "kind", "type": "enum", "choices": ["a", "b"], "nullable": True},
]
HERS = {"note": "Grüße, Anna", "born": "1970-01-02", "seen": "2026-01-02 03:04:05.120", "rate": "12.5", "yes": "true"}


@pytest.fixture
def people(services: Services) -> Iterator[Dataset]:
    made = create.create_dataset(services, {"name": "people", "columns": COLUMNS, "key": ["no"]})
    yield made.dataset
    drop.drop_dataset(services, "people")


def send(services: Services, dataset: Dataset, body: str, **options: str) -> Import:
    return converge(services, accept_file(services, dataset, body.encode(), **options).row.number)


def erase(services: Services, where: dict[str, Any], name: str = "people") -> Erasure:
    found = erasing.erase(services, name, where)
    assert found.cursor is None
    return found


@pytest.mark.parametrize("name", [*HERS, "all"])
def test_images_are_compared_as_the_columns_compare(services: Services, people: Dataset, name: str) -> None:
    nights = Nights(services)
    header, line = "no,note,born,seen,rate,yes,kind\n", "{},{},1970-01-02,2026-01-02 03:04:05.12,12.5000,true,a\n"
    first = send(services, people, header + line.format(1, '"Grüße, Anna"') + "2,x,1971-01-01,,1,false,b\n")
    rest = "1,y,1971-01-01,,1,false,b\n2,z,1971-01-01,,2,false,b\n3,w,1971-01-01,,3,false,b\n"
    second = send(services, people, header + rest, on_conflict="update")
    where = HERS if name == "all" else {name: HERS[name]}
    assert erase(services, {**where, "kind": "b"}).progress.counts["images"] == 0
    found = erase(services, where)
    assert (found.progress.counts["rows"], found.progress.counts["images"]) == (0, 1), found.progress.counts
    assert nights.revert(second).state == "committed"
    assert nights.ask("SELECT no, note FROM people ORDER BY no") == [(1, "y"), (2, "x")]
    assert nights.revert(first).state == "committed"
    assert nights.ask("SELECT * FROM people") == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_column_may_have_any_name(services: Services, name: str) -> None:
    nights = Nights(services)
    columns = [{"name": "no", "type": "integer", "maximum": 9}, {"name": name, "type": "text", "length": 20}]
    dataset = create.create_dataset(services, {"name": "odd", "columns": columns, "key": ["no"]}).dataset
    try:
        header = "no," + '"' + name.replace('"', '""') + '"\n'
        send(services, dataset, header + "1,Anna\n2,Carl\n3,Anna\n")
        send(services, dataset, header + "1,Bob\n2,Dora\n", on_conflict="update")
        taken = send(services, dataset, header + "4,Anna\n5,Emil\n")
        kept = nights.revert(taken, keep_images=True)
        found = erase(services, {name: "Anna"}, "odd")
        assert (found.progress.counts["rows"], found.progress.counts["images"]) == (1, 2)
        assert nights.revert(kept).state == "committed"
        assert sorted(number for (number,) in nights.ask("SELECT no FROM odd")) == [1, 2, 5]
        assert "Anna" not in str(nights.ask("SELECT `row` FROM before_images"))
    finally:
        drop.drop_dataset(services, "odd")


def test_a_row_that_another_table_refers_to_is_left_and_named(
    services: Services, people: Dataset, database: DatabaseServer
) -> None:
    row = send(services, people, "no,note\n1,Anna\n2,Carl\n")
    with database.root() as cursor:
        cursor.execute(
            "CREATE TABLE pets (no BIGINT UNSIGNED, FOREIGN KEY (no) REFERENCES people (no)) ENGINE = InnoDB"
        )
        try:
            cursor.execute("INSERT INTO pets VALUES (1)")
            cursor.execute("COMMIT")
            found = erase(services, {"note": "Anna"})
            assert not found.is_complete and "foreign key" in found.progress.left[0]["reason"]
            check(services, row.number)
        finally:
            cursor.execute("DROP TABLE pets")
    assert erase(services, {"note": "Anna"}).is_complete
    check(services, row.number)


def test_an_adopted_tables_rows_are_left_and_its_files_go(services: Services, database: DatabaseServer) -> None:
    with database.root() as cursor:
        cursor.execute("CREATE TABLE pets (id INT PRIMARY KEY, owner VARCHAR(40) NOT NULL)")
        try:
            dataset = adopt.adopt_table(services, {"name": "pets", "adopt": True}).dataset
            send(services, dataset, "id,owner\n1,Anna\n2,Carl\n")
            found = erase(services, {"owner": "Anna"}, "pets")
            assert (found.progress.counts["files"], found.is_complete) == (1, False)
            assert "adopted" in found.progress.left[0]["reason"]
            assert erase(services, {"owner": "Berta"}, "pets").is_complete
            drop.drop_dataset(services, "pets")
        finally:
            cursor.execute("DROP TABLE pets")


def test_a_dataset_that_is_being_cleared_is_not_touched(services: Services, people: Dataset) -> None:
    send(services, people, "no,note\n1,Anna\n")
    with delete_rows.clearing(services, people), pytest.raises(DatasetBeingCleared):
        erase(services, {"note": "Anna"})
    with pytest.raises(InvalidContent):
        erase(services, {"note": "Anna"}, "nowhere")
