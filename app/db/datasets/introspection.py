"""Adoption: a table that is there already, read from the server as a dataset, or why it can't be one."""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from app.db.schema import metadata
from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import InvalidContent
from app.domain.row_size import LONGEST_TEXT

_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXT_LENGTHS = {"tinytext": 63, "text": 16_383, "mediumtext": LONGEST_TEXT, "longtext": LONGEST_TEXT}
_CHOICE = re.compile("'((?:[^']|'')*)'")
_LITERAL = re.compile(r"'((?:[^'\\]|'')*)'|(-?[0-9]+(?:\.[0-9]+)?)")

_FACTS = (
    "column_name data_type column_type character_maximum_length numeric_precision numeric_scale datetime_precision"
    " is_nullable column_default extra"
)

# information_schema shows triggers only to those who may make some
_MAY_SEE_TRIGGERS = (
    "SELECT COUNT(*) FROM (SELECT privilege_type FROM information_schema.user_privileges UNION ALL"
    " SELECT privilege_type FROM information_schema.schema_privileges"
    " WHERE DATABASE() LIKE table_schema) rights WHERE privilege_type = 'TRIGGER'"
)


def read_table(connection: Connection, name: str) -> Dataset | None:
    """The dataset that the table of this name in our database is; None where there is no table.

    A column that the server fills with an expression is left out: it goes on filling it. Raises `InvalidContent`, which
    says of every column and of the table what can't be had.
    """
    found = _select(connection, "table_type engine", "tables", name).first()
    if found is None:
        return None
    kind, engine = found
    if kind != "BASE TABLE" or engine != "InnoDB":
        shown = f"a table of {engine}" if kind == "BASE TABLE" else f"a {kind.lower()}"
        raise _refused([("name", f"{name} is {shown}: only tables of InnoDB can be adopted, which can be rolled back")])
    refusals = _find_table_refusals(connection, name)
    primary, unique = _read_keys(connection, name)
    if not primary:
        refusals.append(("name", f"{name} has no primary key, which identifies each row"))
    columns, counted = [], set()
    mariadb = bool(connection.dialect.is_mariadb)  # type: ignore[attr-defined]
    for row in _select(connection, _FACTS, "columns", name, "ORDER BY ordinal_position"):
        try:
            column = _read_column(row, mariadb, is_key=row.column_name in primary)
        except _CantBe as reason:
            refusals.append((f"columns[{row.column_name}]", str(reason)))
            continue
        if "auto_increment" in row.extra.lower():
            counted.add(row.column_name)
        if column is not None:
            columns.append(column)
    if not columns and not refusals:
        refusals.append(("name", f"{name} has no column that a file could bring"))
    if refusals:
        raise _refused(refusals)
    return Dataset(name, tuple(columns), _choose_key(columns, counted, primary, unique), True, primary)


class _CantBe(Exception):
    """Why a column can't be had."""


def _find_table_refusals(connection: Connection, name: str) -> list[tuple[str, str]]:
    refusals = []
    if not connection.execute(text(_MAY_SEE_TRIGGERS)).scalar_one():
        seen = "the application's user may not see triggers: `python -m app.cli provision` gives it the right"
        refusals.append(("name", seen))
    query = "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema = DATABASE()"
    for (trigger,) in connection.execute(text(f"{query} AND event_object_table = :name"), {"name": name}):
        refusals.append(
            ("name", f"{name} has the trigger {trigger}, which would change what was sent, or other tables")
        )
    for constraint, other in _select(connection, "constraint_name referenced_table_name", "key_column_usage", name):
        if other in metadata.tables and other != "orders":
            refusals.append(("name", f"the foreign key {constraint} leads to {other}: imports would lock the ledger"))
    return refusals


def _read_keys(connection: Connection, name: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The primary key's columns, and those of every other unique key that has whole columns alone."""
    keys: dict[str, list[str | None]] = {}
    more = "AND non_unique = 0 ORDER BY index_name, seq_in_index"
    for index, column, part in _select(connection, "index_name column_name sub_part", "statistics", name, more):
        keys.setdefault(index, []).append(column if part is None else None)
    whole = {index: tuple(map(str, parts)) for index, parts in keys.items() if None not in parts}
    return whole.pop("PRIMARY", ()), list(whole.values())


def _choose_key(
    columns: list[Column], counted: set[str], primary: tuple[str, ...], unique: list[tuple[str, ...]]
) -> tuple[str, ...]:
    """The key that a file brings: the primary one, or the first other, whose values are all there."""
    known = {column.name for column in columns if not column.nullable} - counted
    return next((key for key in (primary, *unique) if key and known.issuperset(key)), ())


def _read_column(row: Any, mariadb: bool, *, is_key: bool) -> Column | None:
    extra = row.extra.upper().replace("DEFAULT_GENERATED", "")
    if "GENERATED" in extra:
        raise _CantBe(f"{row.column_name} is computed by the server, so no file can bring it")
    if "INVISIBLE" in extra:
        raise _CantBe(f"{row.column_name} is invisible")
    kind, parts = _read_type(row)
    # the server numbers rows that lack a value in an auto-increment column
    nullable = row.is_nullable == "YES" or "AUTO_INCREMENT" in extra
    default, computed = _read_default(row, mariadb)
    if computed and not is_key:
        return None
    return Column(row.column_name, kind, nullable=nullable, default=default, **parts)


def _read_default(row: Any, mariadb: bool) -> tuple[str | None, bool]:
    """The column's default as a file would have it, and whether it is one that the server computes."""
    said = row.column_default
    if said is None or (mariadb and said == "NULL"):
        return None, False
    if not mariadb:
        computed = "DEFAULT_GENERATED" in row.extra.upper()
        return None if computed else str(said), computed
    literal = _LITERAL.fullmatch(said)  # MariaDB shows SQL
    if literal is None:
        return None, True
    return (literal[2] if literal[1] is None else literal[1].replace("''", "'")), False


def _read_type(row: Any) -> tuple[ColumnType, dict[str, Any]]:
    reader = _TYPES.get(row.data_type.lower())
    if reader is None:
        raise _CantBe(f"{row.column_name} is of the type {row.column_type}, which can't be imported into")
    return reader(row)


def _integer(row: Any) -> tuple[ColumnType, dict[str, Any]]:
    if row.column_type.lower().startswith("tinyint(1)") and "unsigned" not in row.column_type.lower():
        return ColumnType.BOOLEAN, {}
    bits = _BITS[row.data_type.lower()]
    if "unsigned" in row.column_type.lower():
        return ColumnType.INTEGER, {"minimum": 0, "maximum": 2**bits - 1}
    return ColumnType.INTEGER, {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}


def _decimal(row: Any) -> tuple[ColumnType, dict[str, Any]]:
    signed = "unsigned" not in row.column_type.lower()
    parts = {"precision": int(row.numeric_precision), "scale": int(row.numeric_scale), "signed": signed}
    return ColumnType.DECIMAL, parts


def _text(row: Any) -> tuple[ColumnType, dict[str, Any]]:
    length = _TEXT_LENGTHS.get(row.data_type.lower()) or int(row.character_maximum_length)
    return ColumnType.TEXT, {"length": length, "controls": Controls.ANY, "empty": True}


def _enum(row: Any) -> tuple[ColumnType, dict[str, Any]]:
    choices = tuple(choice.replace("''", "'") for choice in _CHOICE.findall(row.column_type))
    return ColumnType.ENUM, {"choices": choices}


def _datetime(row: Any) -> tuple[ColumnType, dict[str, Any]]:
    return ColumnType.DATETIME, {"scale": int(row.datetime_precision or 0)}


_TYPES: dict[str, Callable[[Any], tuple[ColumnType, dict[str, Any]]]] = {
    **dict.fromkeys(_BITS, _integer),
    **dict.fromkeys(("char", "varchar", *_TEXT_LENGTHS), _text),
    "decimal": _decimal,
    "enum": _enum,
    "date": lambda row: (ColumnType.DATE, {}),
    "datetime": _datetime,
    "timestamp": _datetime,
}


def _select(connection: Connection, columns: str, view: str, name: str, more: str = "") -> Any:
    """What information_schema says of our table; MySQL names its columns in capitals without an alias."""
    aliased = ", ".join(f"{column} AS {column}" for column in columns.split())
    query = (
        f"SELECT {aliased} FROM information_schema.{view} WHERE table_schema = DATABASE() AND table_name = :name {more}"
    )
    return connection.execute(text(query), {"name": name})


def _refused(refusals: list[tuple[str, str]]) -> InvalidContent:
    errors = [{"field": field, "reason": reason} for field, reason in refusals]
    return InvalidContent(f"this table can't be adopted: {'; '.join(reason for _, reason in refusals)}", errors=errors)
