"""The rows of an import inside a revert's branch: locked and looked at first, then deleted or put back.

The branch is at READ COMMITTED: at REPEATABLE READ it would lock the gap behind the import's last row, where the next
import loads. A row that the branch has locked is what everyone sees, so what is read after that needs no lock.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql
from pymysql.constants import ER

from app.db.datasets.rows import RowsDiffer
from app.db.datasets.tables import quote
from app.domain.changes import CHANGED_AT
from app.domain.dataset import Dataset

_ANY_TEXT = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
IMAGES = 1000  # how many rows one statement puts back

Place = tuple[int, int]  # of a row: the number of the import that brought it, and its row number there


@dataclass(frozen=True)
class Image:
    """A row as it was before the import updated it, and how it is now.

    Attributes:
        place: where the row is in its table.
        values: what it was, as JSON.
        old_changed_at: what it said of changes then.
        is_there: whether there is a row at its place now.
        changed_at: what that row says of changes now.
    """

    place: Place
    values: str
    old_changed_at: datetime | None
    is_there: bool
    changed_at: datetime | None


class KeyTaken(Exception):
    """Another row has a key that a row would get back; the branch must be abandoned."""


class Referenced(Exception):
    """A foreign key of another table refers to a row; the branch must be abandoned."""


@contextmanager
def _key_faults() -> Iterator[None]:
    try:
        yield
    except pymysql.err.IntegrityError as error:
        if error.args[0] == ER.DUP_ENTRY:
            raise KeyTaken(str(error.args[1])) from error
        if error.args[0] == ER.ROW_IS_REFERENCED_2:
            raise Referenced(str(error.args[1])) from error
        raise


def read_committed(connection: "pymysql.Connection[Any]") -> None:
    """Before the branch begins."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def lock_rows(connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, first: int, last: int) -> int:
    """Lock the rows that an import brought, of these row numbers; returns how many there are."""
    with connection.cursor() as cursor:
        # all of them match, so all stay locked; a condition on values would let go of the others
        cursor.execute(
            f"SELECT COUNT(*) FROM {_quote(dataset.name)} FORCE INDEX (PRIMARY)"
            " WHERE import_no = %s AND row_no BETWEEN %s AND %s FOR UPDATE",
            (number, first, last),
        )
        return int((cursor.fetchone() or (0,))[0])


def find_last_row(connection: "pymysql.Connection[Any]", dataset: Dataset, number: int) -> int:
    """The highest row number that an import has in the table; 0 without a row."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT MAX(row_no) FROM {_quote(dataset.name)} WHERE import_no = %s", (number,))
        return int((cursor.fetchone() or (None,))[0] or 0)


def list_changed(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, first: int, last: int
) -> dict[int, datetime]:
    """Which of the locked rows were changed since: row number and when."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_no, {CHANGED_AT} FROM {_quote(dataset.name)}"
            f" WHERE import_no = %s AND row_no BETWEEN %s AND %s AND {CHANGED_AT} IS NOT NULL",
            (number, first, last),
        )
        return dict(cursor.fetchall())


def list_updaters(connection: "pymysql.Connection[Any]", number: int, first: int, last: int) -> dict[int, int]:
    """Which of the locked rows other imports have updated: row number and the number of the latest such import."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT old_row_no, MAX(import_no) FROM before_images WHERE old_import_no = %s"
            " AND old_row_no BETWEEN %s AND %s AND import_no <> %s AND consumed_by IS NULL GROUP BY old_row_no",
            (number, first, last, number),
        )
        return {int(row): int(other) for row, other in cursor.fetchall()}


def lock_images(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, after: Place, limit: int = IMAGES
) -> list[Image]:
    """The next images of an import that are not put back yet, by place, with the rows as they are now, locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.old_import_no, b.old_row_no, b.`row`, b.old_changed_at, t.import_no IS NOT NULL,"
            f" t.{CHANGED_AT} FROM before_images b LEFT JOIN {_quote(dataset.name)} t"
            " ON t.import_no = b.old_import_no AND t.row_no = b.old_row_no"
            " WHERE b.import_no = %s AND b.consumed_by IS NULL"
            " AND (b.old_import_no > %s OR (b.old_import_no = %s AND b.old_row_no > %s))"
            f" ORDER BY b.old_import_no, b.old_row_no LIMIT {limit:d} FOR UPDATE",
            (number, after[0], after[0], after[1]),
        )
        return [
            Image((int(row[0]), int(row[1])), str(row[2]), row[3], bool(row[4]), row[5]) for row in cursor.fetchall()
        ]


def find_later_updater(connection: "pymysql.Connection[Any]", place: Place, number: int, stamp: datetime) -> int | None:
    """The import that updated a locked row after the import of this number and stamp did; None without one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT import_no FROM before_images WHERE old_import_no = %s AND old_row_no = %s AND import_no <> %s"
            " AND consumed_by IS NULL AND old_changed_at >= %s ORDER BY old_changed_at DESC LIMIT 1",
            (*place, number, stamp),
        )
        row = cursor.fetchone()
        return None if row is None else int(row[0])


def list_handled(connection: "pymysql.Connection[Any]", number: int, first: int, last: int) -> dict[int, bool]:
    """Which orders of an import may not be taken away: row number, and whether it is being handled; else it was
    shipped. A locking read: a handling that is just being recorded is waited for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_no, COALESCE(active = 1, 0) FROM handled_orders WHERE import_no = %s"
            " AND row_no BETWEEN %s AND %s AND (active = 1 OR shipped_at IS NOT NULL) LOCK IN SHARE MODE",
            (number, first, last),
        )
        found: dict[int, bool] = {}
        for row, active in cursor.fetchall():
            found[int(row)] = found.get(int(row), False) or bool(active)
        return found


def read_values(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, wanted: Sequence[int]
) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """The values of locked rows as texts, for a person who looks: row number, and the columns in the dataset's
    order."""
    columns = ", ".join(f"CAST({_quote(name)} AS CHAR)" for name in dataset.column_names)
    for start in range(0, len(wanted), IMAGES):
        some = ", ".join(str(int(row)) for row in wanted[start : start + IMAGES])
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row_no, {columns} FROM {_quote(dataset.name)} WHERE import_no = %s AND row_no IN ({some})"
                " ORDER BY row_no",
                (number,),
            )
            yield from ((int(row[0]), tuple(row[1:])) for row in cursor.fetchall())


def values_of(dataset: Dataset, image: Image) -> tuple[str | None, ...]:
    """What a row was before the import updated it, in the dataset's order."""
    values = json.loads(image.values)
    return tuple(values[name] for name in dataset.column_names)


def delete_unchanged(
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
    spared = f" AND row_no NOT IN ({', '.join(str(int(row)) for row in left)})" if left else ""
    with _key_faults(), connection.cursor() as cursor:
        deleted = cursor.execute(
            f"DELETE FROM {_quote(dataset.name)} WHERE import_no = %s AND row_no BETWEEN %s AND %s"
            f" AND {CHANGED_AT} IS NULL{spared}",
            (number, first, last),
        )
    if deleted != wanted:
        raise RowsDiffer(wanted, deleted, ["rows changed while they were being reverted"])


def put_back(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, revert: int, images: Sequence[Image]
) -> None:
    """Give locked rows their values of before, what they said of changes included, and mark the images as used. Raises
    `RowsDiffer` where the server did not take each of them exactly so, and `KeyTaken`."""
    names = dataset.column_names
    typed = ", ".join(f"v{at} {_ANY_TEXT} PATH '$[{at + 3}]' ERROR ON ERROR" for at in range(len(names)))
    settings = ", ".join(f"t.{_quote(name)} = j.v{at}" for at, name in enumerate(names))
    places = "import_no INT UNSIGNED PATH '$[0]' ERROR ON ERROR, row_no INT UNSIGNED PATH '$[1]' ERROR ON ERROR"
    document = json.dumps([_row_of(names, image) for image in images])
    with _key_faults(), connection.cursor() as cursor:
        updated = cursor.execute(
            f"UPDATE {_quote(dataset.name)} t JOIN JSON_TABLE(%s, '$[*]' COLUMNS ({places},"
            f" changed_at VARCHAR(26) PATH '$[2]' ERROR ON ERROR, {typed})) j"
            f" ON t.import_no = j.import_no AND t.row_no = j.row_no SET {settings}, t.{CHANGED_AT} = j.changed_at",
            (document,),
        )
        if updated != len(images) or cursor.warning_count:
            cursor.execute("SHOW WARNINGS")
            raise RowsDiffer(len(images), updated, [str(row[2]) for row in cursor.fetchall()])
        consumed = cursor.execute(
            f"UPDATE before_images b JOIN JSON_TABLE(%s, '$[*]' COLUMNS ({places})) j"
            " ON b.old_import_no = j.import_no AND b.old_row_no = j.row_no SET b.consumed_by = %s"
            " WHERE b.import_no = %s AND b.consumed_by IS NULL",
            (json.dumps([list(image.place) for image in images]), revert, number),
        )
        if consumed != len(images):
            raise RowsDiffer(len(images), consumed, ["a before-image was used meanwhile"])


def _row_of(names: Sequence[str], image: Image) -> list[Any]:
    values = json.loads(image.values)
    changed_at = None if image.old_changed_at is None else image.old_changed_at.isoformat(" ", "microseconds")
    return [*image.place, changed_at, *(values[name] for name in names)]


def _quote(name: str) -> str:
    return quote(name).replace("%", "%%")
