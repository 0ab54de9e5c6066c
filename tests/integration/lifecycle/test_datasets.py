"""Datasets are created and dropped, or not: two at once, in the middle of a crash, and while imports come in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

import pytest

from app.db.datasets import registry
from app.db.datasets.tables import create_table
from app.db.imports import transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS, Dataset
from app.domain.definition import read_definition
from app.domain.errors import (
    DatasetExists,
    DatasetInUse,
    DatasetNotFound,
    ImportsRunning,
    InvalidContent,
    NotEnabled,
    Refused,
)
from app.domain.requests.export import ExportForm
from app.domain.requests.selection import Selection
from app.domain.states import State
from app.lifecycle.datasets import catalog, create as creation, drop, rows as dataset_rows
from app.lifecycle.imports import accept
from app.lifecycle.imports.options import parse_import_options
from app.lifecycle.recovery import cleanup
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import HEADER, ODD_NAMES, PARTS, comment, line, send, table_of
from tests.invariants import converge, find
from tests.servers import DatabaseServer

pytestmark = pytest.mark.in_turn


def test_a_created_dataset_is_loaded_into_and_dropped(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    number = send(services, parts, HEADER + line("a") + line("b"))
    assert converge(services, number).state is State.COMMITTED
    (first, second) = table_of(services, "parts")
    assert first[:3] == (number, 1, "a") and second[:3] == (number, 2, "b")
    assert first[4:6] == (2**64 - 1, first[5]) and str(first[5]) == "1234567890123456.7891"
    assert [known.dataset.name for known in catalog.list_datasets(services.database)] == ["orders", "parts"]
    drop.drop_dataset(services, "parts")
    assert comment(services, "parts") is None
    assert [known.dataset.name for known in catalog.list_datasets(services.database)] == ["orders"]
    row = find(services, number)
    assert row.state is State.COMMITTED and row.rows_kept == 0 and row.rows_deleted == 2
    with pytest.raises(DatasetNotFound):
        drop.drop_dataset(services, "parts")


def test_conflicts_of_a_created_dataset_are_those_of_any(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    first = send(services, parts, HEADER + line("a"))
    converge(services, first)
    failed = converge(services, send(services, parts, HEADER + line("b") + line("a")))
    assert failed.state is State.FAILED and failed.error is not None
    assert failed.error["code"] == "duplicate_key" and failed.error["value"] == "a" and failed.error["line"] == 3
    skipped = converge(services, send(services, parts, HEADER + line("c") + line("a"), on_conflict="skip"))
    assert (skipped.state, skipped.rows_done, skipped.rows_skipped) == (State.COMMITTED, 1, 1)
    updated = converge(services, send(services, parts, HEADER + line("a").replace("nut", "bolt"), on_conflict="update"))
    assert (updated.state, updated.rows_updated) == (State.COMMITTED, 1)
    assert {row[2]: row[7] for row in table_of(services, "parts")} == {"a": "bolt", "c": "nut"}


def test_reserved_words_and_odd_names_are_names_like_any(services: Services) -> None:
    columns = [{"name": name, "type": "text", "length": 10} for name in ODD_NAMES]
    body = {"name": "group", "columns": columns, "key": ODD_NAMES[:4]}
    dataset = creation.create_dataset(services, body).dataset
    columns_said = '["' + '","'.join(name.replace("\\", "\\\\").replace('"', '\\"') for name in ODD_NAMES) + '"]'

    def load(*values: str, **options: str) -> int:
        text = "".join(",".join([value] * len(ODD_NAMES)) + "\n" for value in values)
        return send(services, dataset, text, header="false", columns=columns_said, **options)

    first = load("x", "y")
    assert converge(services, first).state is State.COMMITTED, find(services, first).error
    clash = converge(services, load("y"))
    assert clash.error is not None and clash.error["code"] == "duplicate_key"
    updated = converge(services, load("y", "z", on_conflict="update"))
    assert (updated.state, updated.rows_updated, updated.rows_done) == (State.COMMITTED, 1, 1), updated.error
    assert sorted(row[2] for row in table_of(services, "group")) == ["x", "y", "z"]
    drop.drop_dataset(services, "group")
    assert comment(services, "group") is None


def test_of_two_creations_of_one_name_one_wins(services: Services) -> None:
    def create(number: int) -> object:
        body = {**PARTS, "columns": [*PARTS["columns"], {"name": f"more_{number}", "type": "text"}]}  # type: ignore[misc]
        try:
            return creation.create_dataset(services, body).dataset
        except Refused as error:
            return type(error)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(create, range(8)))
    winners = [one for one in made if isinstance(one, Dataset)]
    assert winners == [catalog.find_dataset(services.database, "parts").dataset]
    assert set(made) - set(winners) <= {DatasetExists, DatasetInUse}


@pytest.mark.parametrize("name", ["orders", "Other"])
def test_a_table_that_is_there_is_not_touched(services: Services, database: DatabaseServer, name: str) -> None:
    with database.root() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS Other (id INT) COMMENT 'mine'")
        try:
            with pytest.raises(DatasetExists):
                creation.create_dataset(services, {**PARTS, "name": name})
            assert comment(services, "Other") == "mine"
            assert [known.dataset for known in catalog.list_datasets(services.database)] == [ORDERS]
        finally:
            cursor.execute("DROP TABLE Other")


@pytest.mark.parametrize("where", ["before the table", "after the table"])
@pytest.mark.parametrize("mended_by", ["a creation", "a drop", "the sweeper"])
def test_a_creation_that_was_cut_off_is_mended(services: Services, where: str, mended_by: str) -> None:
    dataset = read_definition(PARTS)
    with services.database.begin() as connection:
        registry.begin_creating(connection, dataset, "0123456789abcdef")
    if where == "after the table":
        with services.database.define(services.installation) as definer:
            create_table(definer, dataset, "0123456789abcdef")
    with pytest.raises(DatasetNotFound):
        catalog.find_dataset(services.database, "parts")
    with pytest.raises(InvalidContent):
        catalog.find_import_dataset(services.database, "parts")
    other = {**PARTS, "columns": PARTS["columns"][:1]}  # type: ignore[index]
    if mended_by == "a creation":
        assert creation.create_dataset(services, other).dataset.column_names == ("sku",)
        assert converge(services, send(services, read_definition(other), "sku\na\n")).state is State.COMMITTED
    elif mended_by == "a drop":
        drop.drop_dataset(services, "parts")
    else:
        cleanup.clean(services)
    if mended_by != "a creation":
        assert comment(services, "parts") is None
        creation.create_dataset(services, other)


def test_a_drop_that_was_cut_off_is_mended(services: Services) -> None:
    creation.create_dataset(services, PARTS)
    with services.database.begin() as connection:
        registry.begin_dropping(connection, "parts")
    cleanup.clean(services)
    assert comment(services, "parts") is None
    assert creation.create_dataset(services, PARTS).created_at is not None


def test_a_foreign_table_under_a_name_that_was_cut_off_stays(services: Services, database: DatabaseServer) -> None:
    with services.database.begin() as connection:
        registry.begin_creating(connection, read_definition(PARTS), "0123456789abcdef")
    with database.root() as cursor:
        cursor.execute("CREATE TABLE parts (id INT)")
        try:
            with pytest.raises(DatasetExists):
                creation.create_dataset(services, PARTS)
            assert comment(services, "parts") == ""
        finally:
            cursor.execute("DROP TABLE parts")


def test_a_dataset_with_unfinished_imports_stays(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    number = send(services, parts, HEADER + line("a"))
    with pytest.raises(ImportsRunning):
        drop.drop_dataset(services, "parts")
    assert converge(services, number).state is State.COMMITTED
    drop.drop_dataset(services, "parts")


def test_a_file_that_comes_while_its_dataset_is_dropped_is_not_accepted(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    options = parse_import_options(parts, {}, None, None)
    with pytest.raises(InvalidContent, match="no dataset 'parts'"), accept.open_upload(services, Caller()) as incoming:
        incoming.upload.write((HEADER + line("a")).encode())
        drop.drop_dataset(services, "parts")
        incoming.accept(options)
    assert not list(services.spool.folder.glob("*-*"))


def test_a_drop_waits_for_an_import_that_is_being_accepted(services: Services) -> None:
    """Whoever has begun to record an import is waited for, and then the import is in the way."""
    parts = creation.create_dataset(services, PARTS).dataset
    held, dropped = Event(), Event()

    def try_to_drop() -> object:
        held.wait()
        try:
            drop.drop_dataset(services, "parts")
        except ImportsRunning as error:
            return error
        finally:
            dropped.set()
        return None

    with ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(try_to_drop)
        with services.database.begin() as connection:
            assert registry.hold_dataset(connection, "parts") is not None
            held.set()
            assert not dropped.wait(0.5)
            number = transitions.insert_import(connection, {"id": str(uuid4()), "dataset": "parts"})
        assert isinstance(dropping.result(), ImportsRunning)
    assert catalog.find_dataset(services.database, "parts").dataset == parts
    assert converge(services, number).state is State.FAILED  # it has no file


def test_an_import_of_a_dataset_that_is_gone_fails_with_a_reason(services: Services) -> None:
    """It can't be, by the rules above; a process of an older version may not keep to them."""
    parts = creation.create_dataset(services, PARTS).dataset
    number = send(services, parts, HEADER + line("a"))
    with services.database.begin() as connection:
        registry.begin_dropping(connection, "parts")
    row = converge(services, number)
    assert row.state is State.FAILED and row.error is not None and row.error["code"] == "dataset_dropped"


def test_an_old_import_has_no_part_in_a_dataset_that_was_made_again(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    number = send(services, parts, HEADER + line("a"))
    converge(services, number)
    drop.drop_dataset(services, "parts")
    creation.create_dataset(services, PARTS)
    assert catalog.find_dataset_of(services.database, find(services, number)) is None


def test_the_built_in_dataset_stays(services: Services) -> None:
    with pytest.raises(NotEnabled):
        drop.drop_dataset(services, "orders")


def test_orders_alone_are_generated(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    with pytest.raises(InvalidContent, match="orders only"):
        accept.accept_generated(services, parts, 10, Caller())


def test_a_table_that_is_read_is_dropped_when_that_has_ended(services: Services) -> None:
    parts = creation.create_dataset(services, PARTS).dataset
    converge(services, send(services, parts, HEADER + line("a")))
    with dataset_rows.open_export(services.database, Selection(parts), ExportForm.CSV) as export:
        with pytest.raises(DatasetInUse):
            drop.drop_dataset(services, "parts")
        with pytest.raises(DatasetNotFound):
            catalog.find_dataset(services.database, "parts")
        assert len(list(export.lines)) == 1
    drop.drop_dataset(services, "parts")
    assert comment(services, "parts") is None


def without_right(database: DatabaseServer) -> Callable[[str], None]:
    def run(verb: str) -> None:
        with database.root() as cursor:
            cursor.execute(f"{verb} CREATE, DROP ON `{database.database}`.* {'TO' if verb == 'GRANT' else 'FROM'} app")

    return run


def test_a_missing_right_is_said(services: Services, database: DatabaseServer) -> None:
    change = without_right(database)
    change("REVOKE")
    try:
        with pytest.raises(NotEnabled, match="provision"):
            creation.create_dataset(services, PARTS)
    finally:
        database.install()
    assert creation.create_dataset(services, PARTS).dataset.name == "parts"


def test_what_the_server_does_not_take_is_refused_and_leaves_nothing(services: Services) -> None:
    body = {"name": "wide", "columns": [{"name": f"c{n}", "type": "text", "length": 30} for n in range(450)]}
    with pytest.raises(InvalidContent, match="the server can't make this table"):
        creation.create_dataset(services, body)
    assert comment(services, "wide") is None
    assert [known.dataset for known in catalog.list_datasets(services.database)] == [ORDERS]
