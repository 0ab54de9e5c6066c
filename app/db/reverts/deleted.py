"""Deleted rows inside a revert's branch: kept as images before they go, and brought back by a revert of that revert.

These images are an array of texts in the order of the dataset's columns, so that the server itself makes rows of them.
"""

import json
from collections.abc import Sequence
from typing import Any

import pymysql
from sqlalchemy.dialects import mysql

from app.db.datasets.assignments import is_mariadb
from app.db.datasets.rows import RowsDiffer
from app.db.datasets.tables import table_of
from app.db.datasets.upserts import sql_type
from app.db.reverts.images import ANY_TEXT
from app.db.reverts.rows import key_faults, quoted, spared
from app.domain.changes import CHANGED_AT
from app.domain.dataset import Dataset
from app.domain.requests.revert import Act

_OF_REVERT = (
    f"b.import_no = %s AND b.old_import_no = %s AND b.old_row_no BETWEEN %s AND %s AND b.act = {Act.DELETED:d}"
    " AND b.consumed_by IS NULL"
)


def keep_rows(
    connection: "pymysql.Connection[Any]",
    dataset: Dataset,
    number: int,
    first: int,
    last: int,
    revert: int,
    left: Sequence[int] = (),
    *,
    only_changed: bool = False,
) -> None:
    """Keep the locked rows of an import that the revert is about to delete: all of these row numbers but those that are
    `left`, or those among them that were changed since their import."""
    members = ", ".join(f"CAST(t.{quoted(name)} AS CHAR)" for name in dataset.column_names)
    changed = f" AND t.{CHANGED_AT} IS NOT NULL" if only_changed else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO before_images (import_no, dataset, old_import_no, old_row_no, `row`, old_changed_at, act)"
            f" SELECT %s, %s, t.import_no, t.row_no, JSON_ARRAY({members}), t.{CHANGED_AT}, {Act.DELETED:d}"
            f" FROM {quoted(dataset.name)} t WHERE t.import_no = %s AND t.row_no BETWEEN %s AND %s"
            f"{changed}{spared(left, 't.row_no')}",
            (revert, dataset.name, number, first, last),
        )


def consume_of_deleted(
    connection: "pymysql.Connection[Any]", number: int, revert: int, first: int, last: int, left: Sequence[int]
) -> None:
    """These rows of an import can not be put back: the revert has just deleted them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE before_images SET consumed_by = %s WHERE old_import_no = %s AND old_row_no BETWEEN %s AND %s"
            f" AND consumed_by IS NULL AND import_no <> %s{spared(left, 'old_row_no')}",
            (revert, number, first, last, revert),
        )


def list_imports(connection: "pymysql.Connection[Any]", revert: int) -> list[int]:
    """The numbers of the imports of whose rows a revert has images."""
    found: list[int] = []
    with connection.cursor() as cursor:
        while True:  # one dive into the index for each
            cursor.execute(
                "SELECT MIN(old_import_no) FROM before_images WHERE import_no = %s AND old_import_no > %s",
                (revert, found[-1] if found else 0),
            )
            number = (cursor.fetchone() or (None,))[0]
            if number is None:
                return found
            found.append(int(number))


def find_last_row(connection: "pymysql.Connection[Any]", revert: int, number: int) -> int:
    """The highest row number of an import among a revert's images."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT MAX(old_row_no) FROM before_images WHERE import_no = %s AND old_import_no = %s", (revert, number)
        )
        return int((cursor.fetchone() or (None,))[0] or 0)


def count_deleted(connection: "pymysql.Connection[Any]", revert: int, number: int, first: int, last: int) -> int:
    """How many rows of an import, of these row numbers, a revert has deleted, kept, and not brought back."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM before_images b WHERE {_OF_REVERT}", (revert, number, first, last))
        return int((cursor.fetchone() or (0,))[0])


def list_taken(
    connection: "pymysql.Connection[Any]", dataset: Dataset, revert: int, number: int, first: int, last: int
) -> dict[int, tuple[str | None, ...]]:
    """Which of these deleted rows can't come back, since another row has the key or the place by now, which is locked:
    row number, and the values in the dataset's order."""
    found: dict[int, tuple[str | None, ...]] = {}
    span = revert, number, first, last
    same = ["t.import_no = b.old_import_no AND t.row_no = b.old_row_no"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT b.old_row_no, b.`row` FROM before_images b STRAIGHT_JOIN {quoted(dataset.name)} t ON {same[0]}"
            f" WHERE {_OF_REVERT}",
            span,
        )
        found |= {int(row): tuple(json.loads(values)) for row, values in cursor.fetchall()}
        if dataset.key:
            table, dialect, names = table_of(dataset), mysql.dialect(), dataset.column_names
            columns = ", ".join(
                f"k{at} {sql_type(table.c[name], dialect)} PATH '$[{names.index(name)}]' ERROR ON ERROR"
                for at, name in enumerate(dataset.key)
            )
            key = " AND ".join(f"t.{quoted(name)} = j.k{at}" for at, name in enumerate(dataset.key))
            # MySQL needs the words that exclude a table made of JSON from the lock; MariaDB has none for it
            cursor.execute(
                "SELECT b.old_row_no, b.`row` FROM before_images b"
                f" STRAIGHT_JOIN JSON_TABLE(b.`row`, '$' COLUMNS ({columns})) j"
                f" STRAIGHT_JOIN {quoted(dataset.name)} t ON {key}"
                f" WHERE {_OF_REVERT} FOR UPDATE{'' if is_mariadb(connection) else ' OF t'}",
                span,
            )
            found |= {int(row): tuple(json.loads(values)) for row, values in cursor.fetchall()}
    return found


def bring_back(
    connection: "pymysql.Connection[Any]",
    dataset: Dataset,
    span: tuple[int, int, int, int],
    left: Sequence[int],
    wanted: int,
    consumer: int,
) -> None:
    """Insert the rows of a `span` (the revert that has deleted them, their import, the first row number and the last)
    as they were, at their places, but those that are `left`. What the revert had consumed of them counts again, and its
    own images are consumed. Raises `RowsDiffer` where the server did not take each of them exactly so, and `KeyTaken`.
    """
    names = ", ".join(quoted(name) for name in dataset.column_names)
    count = range(len(dataset.column_names))
    columns = ", ".join(f"v{at} {ANY_TEXT} PATH '$[{at}]' ERROR ON ERROR" for at in count)
    values = ", ".join(f"j.v{at}" for at in count)
    spare = spared(left, "b.old_row_no")
    revert, number, first, last = span
    with key_faults(), connection.cursor() as cursor:
        written = cursor.execute(
            f"INSERT INTO {quoted(dataset.name)} (import_no, row_no, {names}, {CHANGED_AT})"
            f" SELECT b.old_import_no, b.old_row_no, {values}, b.old_changed_at FROM before_images b"
            f" STRAIGHT_JOIN JSON_TABLE(b.`row`, '$' COLUMNS ({columns})) j WHERE {_OF_REVERT}{spare}",
            span,
        )
        if written != wanted or cursor.warning_count:
            cursor.execute("SHOW WARNINGS")
            raise RowsDiffer(wanted, written, [str(row[2]) for row in cursor.fetchall()])
        cursor.execute(
            "UPDATE before_images b SET b.consumed_by = NULL"
            f" WHERE b.old_import_no = %s AND b.old_row_no BETWEEN %s AND %s AND b.consumed_by = %s{spare}",
            (number, first, last, revert),
        )
        cursor.execute(f"UPDATE before_images b SET b.consumed_by = %s WHERE {_OF_REVERT}{spare}", (consumer, *span))
