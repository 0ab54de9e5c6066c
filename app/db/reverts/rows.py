"""The rows that an import brought, inside a revert's branch: locked and looked at first, then deleted.

The branch is at READ COMMITTED: at REPEATABLE READ it would lock the gap behind the import's last row, where the next
import loads. A row that the branch has locked is what everyone sees, so what is read after that needs no lock.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pymysql
from pymysql.constants import ER

from app.db.datasets.assignments import Place, set_literals
from app.db.datasets.rows import RowsDiffer
from app.db.datasets.tables import quote
from app.domain.changes import CHANGED_AT
from app.domain.dataset import Dataset
from app.domain.requests.revert import RowsAsked
from app.domain.requests.selection import find_column, read_value

STEP = 1000  # how many rows one statement names


class KeyTaken(Exception):
    """Another row has a key that a row would get back; the branch must be abandoned."""


class Referenced(Exception):
    """A foreign key of another table refers to a row; the branch must be abandoned."""


@contextmanager
def key_faults() -> Iterator[None]:
    """Around a statement that changes rows. Raises `KeyTaken` and `Referenced`."""
    try:
        yield
    except pymysql.err.IntegrityError as error:
        if error.args[0] == ER.DUP_ENTRY:
            raise KeyTaken(str(error.args[1])) from error
        if error.args[0] == ER.ROW_IS_REFERENCED_2:
            raise Referenced(str(error.args[1])) from error
        raise


def set_session(connection: "pymysql.Connection[Any]") -> None:
    """Before the branch begins."""
    set_literals(connection)
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def lock_rows(connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, first: int, last: int) -> int:
    """Lock the rows that an import brought, of these row numbers; returns how many there are."""
    with connection.cursor() as cursor:
        # all of them match, so all stay locked; a condition on values would let go of the others
        cursor.execute(
            f"SELECT COUNT(*) FROM {quoted(dataset.name)} FORCE INDEX (PRIMARY)"
            " WHERE import_no = %s AND row_no BETWEEN %s AND %s FOR UPDATE",
            (number, first, last),
        )
        return int((cursor.fetchone() or (0,))[0])


def find_last_row(connection: "pymysql.Connection[Any]", dataset: Dataset, number: int) -> int:
    """The highest row number that an import has in the table; 0 without a row."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT MAX(row_no) FROM {quoted(dataset.name)} WHERE import_no = %s", (number,))
        return int((cursor.fetchone() or (None,))[0] or 0)


def list_changed(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, first: int, last: int
) -> dict[int, datetime]:
    """Which of the locked rows were changed since: row number and when."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_no, {CHANGED_AT} FROM {quoted(dataset.name)}"
            f" WHERE import_no = %s AND row_no BETWEEN %s AND %s AND {CHANGED_AT} IS NOT NULL",
            (number, first, last),
        )
        return dict(cursor.fetchall())


def list_unasked(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, first: int, last: int, asked: RowsAsked
) -> list[int]:
    """Which of the locked rows a partial revert does not ask for, by row number, in order."""
    condition, values = _condition(dataset, asked)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_no FROM {quoted(dataset.name)}"
            f" WHERE import_no = %s AND row_no BETWEEN %s AND %s AND ({condition}) IS NOT TRUE ORDER BY row_no",
            (number, first, last, *values),
        )
        return [int(row) for (row,) in cursor.fetchall()]


def list_asked(
    connection: "pymysql.Connection[Any]", dataset: Dataset, places: Sequence[Place], asked: RowsAsked
) -> set[Place]:
    """Which of these rows, brought by other imports, a partial revert asks for."""
    if asked.ranges:
        return set()
    condition, values = _condition(dataset, asked)
    found: set[Place] = set()
    with connection.cursor() as cursor:
        for number, some in _by_import(places):
            cursor.execute(
                f"SELECT row_no FROM {quoted(dataset.name)}"
                f" WHERE import_no = %s AND row_no IN ({some}) AND ({condition})",
                (number, *values),
            )
            found.update((number, int(row)) for (row,) in cursor.fetchall())
    return found


def _condition(dataset: Dataset, asked: RowsAsked) -> tuple[str, list[Any]]:
    parts, values = ["TRUE"], list[Any]()
    for name, value in asked.equal:
        column = find_column(dataset, name)
        assert column is not None  # it was there when the revert was accepted, and no column is ever dropped
        parts.append(f"{quoted(name)} <=> %s")
        values.append(None if value is None else read_value(column, value))
    if asked.ranges:
        ranges = ((first, 2**32 - 1 if last is None else last) for first, last in asked.ranges)
        parts.append("(" + " OR ".join(f"row_no BETWEEN {first:d} AND {last:d}" for first, last in ranges) + ")")
    return " AND ".join(parts), values


def list_handled(connection: "pymysql.Connection[Any]", number: int, first: int, last: int) -> dict[int, bool]:
    """Which orders of an import may not be taken away: row number, and whether it is being handled; else it was
    shipped. A locking read: a handling that is just being recorded is waited for."""
    return _read_handled(connection, number, f"row_no BETWEEN {first:d} AND {last:d}")


def list_handled_places(connection: "pymysql.Connection[Any]", places: Sequence[Place]) -> dict[Place, bool]:
    """`list_handled` of these orders."""
    return {
        (number, row): active
        for number, some in _by_import(places)
        for row, active in _read_handled(connection, number, f"row_no IN ({some})").items()
    }


def _read_handled(connection: "pymysql.Connection[Any]", number: int, which: str) -> dict[int, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_no, COALESCE(active = 1, 0) FROM handled_orders WHERE import_no = %s"
            f" AND {which} AND (active = 1 OR shipped_at IS NOT NULL) LOCK IN SHARE MODE",
            (number,),
        )
        found: dict[int, bool] = {}
        for row, active in cursor.fetchall():
            found[int(row)] = found.get(int(row), False) or bool(active)
        return found


def read_values(
    connection: "pymysql.Connection[Any]", dataset: Dataset, places: Iterable[Place]
) -> Iterator[tuple[Place, tuple[str | None, ...]]]:
    """The values of locked rows as texts, for a person who looks: place, and the columns in the dataset's order."""
    columns = ", ".join(f"CAST({quoted(name)} AS CHAR)" for name in dataset.column_names)
    for number, some in _by_import(places):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row_no, {columns} FROM {quoted(dataset.name)} WHERE import_no = %s AND row_no IN ({some})"
                " ORDER BY row_no",
                (number,),
            )
            yield from (((number, int(row[0])), tuple(row[1:])) for row in cursor.fetchall())


def delete_rows(
    connection: "pymysql.Connection[Any]",
    dataset: Dataset,
    number: int,
    first: int,
    last: int,
    left: Sequence[int],
    wanted: int,
) -> None:
    """Delete the locked rows of these row numbers but those that are `left`. Raises `RowsDiffer` unless they are as
    many as `wanted`, and then the branch must be abandoned; and `Referenced`."""
    with key_faults(), connection.cursor() as cursor:
        deleted = cursor.execute(
            f"DELETE FROM {quoted(dataset.name)} WHERE import_no = %s AND row_no BETWEEN %s AND %s{spared(left)}",
            (number, first, last),
        )
    if deleted != wanted:
        raise RowsDiffer(wanted, deleted, ["rows changed while they were being reverted"])


def spared(left: Sequence[int], column: str = "row_no") -> str:
    """The condition that leaves these row numbers out."""
    return f" AND {column} NOT IN ({', '.join(str(int(row)) for row in left)})" if left else ""


def quoted(name: str) -> str:
    """`quote` for a statement that the driver puts values into."""
    return quote(name).replace("%", "%%")


def _by_import(places: Iterable[Place]) -> Iterator[tuple[int, str]]:
    """Row numbers by import, as many as one statement names."""
    grouped: dict[int, list[int]] = {}
    for number, row in places:
        grouped.setdefault(number, []).append(int(row))
    for number, found in grouped.items():
        for start in range(0, len(found), STEP):
            yield number, ", ".join(str(row) for row in found[start : start + STEP])
