"""What describes a dataset is taken to the letter, or refused with every field that is wrong."""

from typing import Any

import pytest

from app.db.schema import metadata
from app.domain import definition
from app.domain.dataset import ORDERS, Column, ColumnType, column_from_json
from app.domain.definition import read_definition
from app.domain.errors import InvalidContent

TEXT = {"name": "a", "type": "text"}


def described(*columns: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"name": "parts", "columns": list(columns or (TEXT,)), **others}


def fields(body: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidContent) as refused:
        read_definition(body)
    return [error["field"] for error in refused.value.extra["errors"]]


def test_every_type_is_read_with_its_parts() -> None:
    columns = [
        {"name": "order", "type": "text", "length": 20, "controls": "lines", "empty": True},
        {"name": "Größe in %", "type": "text", "length": 20_000, "nullable": True},
        {"name": "mail", "type": "email", "default": "a@b.c"},
        {"name": "count", "type": "integer", "minimum": 0, "maximum": 2**64 - 1},
        {"name": "price", "type": "decimal", "precision": 12, "scale": 2, "signed": True},
        {"name": "paid", "type": "boolean"},
        {"name": "day", "type": "date", "formats": ["%d.%m.%Y"]},
        {"name": "at", "type": "datetime", "scale": 6, "zone": "Europe/Berlin"},
        {"name": "currency", "type": "currency"},
        {"name": "size", "type": "enum", "choices": ["s", "m"]},
    ]
    dataset = read_definition({"name": "select", "columns": columns, "key": ["order", "count"]})
    assert dataset.name == "select" and dataset.key == ("order", "count") and not dataset.adopted
    assert dataset.column_names == tuple(column["name"] for column in columns)
    assert dataset.columns[1].nullable and dataset.columns[2].length == 254
    assert [column_from_json(column.as_json()) for column in dataset.columns] == list(dataset.columns)


def test_a_built_in_dataset_could_be_described() -> None:
    body = {"columns": [column.as_json() for column in ORDERS.columns], "key": list(ORDERS.key)}
    assert read_definition({"name": "orders", **body}) == ORDERS


def test_what_is_left_out_is_plain() -> None:
    (text,) = read_definition(described()).columns
    assert text == Column("a", ColumnType.TEXT, length=255)
    (number,) = read_definition(described({"name": "n", "type": "integer"})).columns
    assert (number.minimum, number.maximum) == (-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    "name", [None, 7, "", "a b", "a/b", "a`b", "-a", "größe", "x" * 65, "imports", "Imports", "backout_more"]
)
def test_names_that_no_dataset_has(name: object) -> None:
    assert fields({**described(), "name": name}) == ["name"]


@pytest.mark.parametrize("name", ["order", "select", "group", "a-b", "1", "x" * 64, "Orders$"])
def test_names_that_a_dataset_may_have(name: str) -> None:
    assert read_definition({**described(), "name": name}).name == name


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("a", "columns[0]"),
        ({"type": "text"}, "columns[0].name"),
        ({"name": " a", "type": "text"}, "columns[0].name"),
        ({"name": "a\n", "type": "text"}, "columns[0].name"),
        ({"name": "\N{GRINNING FACE}", "type": "text"}, "columns[0].name"),
        ({"name": "Row_no", "type": "text"}, "columns[0].name"),
        ({"name": "a"}, "columns[0].type"),
        ({"name": "a", "type": "TEXT"}, "columns[0].type"),
        ({**TEXT, "length": 0}, "columns[0].length"),
        ({**TEXT, "length": 4_000_001}, "columns[0].length"),
        ({**TEXT, "length": True}, "columns[0].length"),
        ({**TEXT, "length": "9"}, "columns[0].length"),
        ({**TEXT, "precision": 4}, "columns[0].precision"),
        ({**TEXT, "controls": "some"}, "columns[0].controls"),
        ({**TEXT, "nullable": 1}, "columns[0].nullable"),
        ({**TEXT, "default": 1}, "columns[0].default"),
        ({"name": "a", "type": "integer", "minimum": 5, "maximum": 4}, "columns[0].minimum"),
        ({"name": "a", "type": "integer", "minimum": -1, "maximum": 2**63}, "columns[0].maximum"),
        ({"name": "a", "type": "decimal"}, "columns[0].precision"),
        ({"name": "a", "type": "decimal", "precision": 2, "scale": 3}, "columns[0].scale"),
        ({"name": "a", "type": "date", "formats": ["%d"]}, "columns[0].formats[0]"),
        ({"name": "a", "type": "date", "formats": ["%Q"]}, "columns[0].formats[0]"),
        ({"name": "a", "type": "datetime", "zone": "../x"}, "columns[0].zone"),
        ({"name": "a", "type": "datetime", "scale": 7}, "columns[0].scale"),
        ({"name": "a", "type": "datetime", "offsets": "no"}, "columns[0].offsets"),
        ({"name": "a", "type": "enum"}, "columns[0].choices"),
        ({"name": "a", "type": "enum", "choices": ["x", "x"]}, "columns[0].choices"),
        ({"name": "a", "type": "enum", "choices": [[]]}, "columns[0].choices"),
    ],
)
def test_columns_that_cant_be(column: Any, field: str) -> None:
    assert fields(described(column)) == [field]


def test_every_field_that_is_wrong_is_named() -> None:
    body = described({**TEXT, "length": -1}, {"name": "A", "type": "x"}, key=["b"], more=1)
    assert fields(body) == ["more", "columns[0].length", "columns[1].type", "key[0]"]


def test_two_columns_differ_by_more_than_capitals() -> None:
    assert fields(described(TEXT, {**TEXT, "name": "A"})) == ["columns[1].name"]


@pytest.mark.parametrize("key", ["a", ["a", "a"], [1], ["b"], None])
def test_keys_that_cant_be(key: object) -> None:
    assert fields(described(key=key))[0].startswith("key")


def test_a_key_needs_values() -> None:
    assert fields(described({**TEXT, "nullable": True}, key=["a"])) == ["key[0]"]


def test_limits_of_a_row_and_a_key_are_told_before_a_server_is_asked() -> None:
    assert fields(described(*({"name": f"c{n}", "type": "boolean"} for n in range(501)))) == ["columns"]
    wide = [{"name": name, "type": "text", "length": 9000} for name in "ab"]
    assert fields(described(*wide)) == ["columns"]
    assert fields(described({**TEXT, "length": 769}, key=["a"])) == ["key"]
    assert read_definition(described({**TEXT, "length": 768}, key=["a"])).key == ("a",)


def test_no_table_of_ours_can_be_a_dataset() -> None:
    named = {name for name in metadata.tables if not name.startswith(definition.OWN_PREFIX)}
    assert set(definition.OWN_TABLES) == {*named, "alembic_version"} - {"orders"}
    for name in ("backout_tokens", "BACKOUT_x"):
        assert fields({**described(), "name": name}) == ["name"]
