"""Rows whose key is in the table already: found, kept as they were, and updated, inside the branch that met them."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pymysql
from pymysql.constants import ER
from sqlalchemy.dialects import mysql

from app.db.datasets import rows
from app.db.datasets.assignments import SAME_PLACE, Place, assign, check, find_runs, is_mariadb, set_literals
from app.db.datasets.tables import quote, table_of
from app.db.driver import DriverConnection
from app.domain.changes import CHANGED_AT, marks_changes
from app.domain.dataset import Dataset

PLACES_BYTES = 16 * 1024 * 1024  # of places in one answer: a batch of 4 MB has 35 bytes for each of its rows

_PLACES = "import_no INT UNSIGNED PATH '$[0]' ERROR ON ERROR, row_no INT UNSIGNED PATH '$[1]' ERROR ON ERROR"


def set_session(connection: "pymysql.Connection[Any]") -> None:
    """Before a branch begins that is to update rows: a line of a payload can be a row of literals then, and to look for
    a key that is not there locks no gap, where another import may load."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute(f"SET SESSION group_concat_max_len = {PLACES_BYTES}")
    set_literals(connection)


def load_new(
    connection: DriverConnection,
    dataset: Dataset,
    number: int,
    payload: bytes,
    numbers: Sequence[int],
) -> list[int]:
    """`rows.load_payload`, but rows whose key is there already are left out; returns their row numbers. `numbers` are
    those of all rows, and count up.

    A row that is left out has exactly one warning. So when there are as many warnings as such rows, the server has
    changed nothing else; any other number raises `rows.RowsDiffer`. A row that stands in the way is locked then.
    """
    sent = len(numbers)
    try:
        rows.load_payload(connection, dataset, number, payload, sent)
    except rows.RowsDiffer as differ:
        left_out = list_missing(connection, dataset, number, numbers)
        if not len(left_out) == sent - differ.loaded == differ.warned:
            raise
        return left_out
    return []


def load_counted(connection: DriverConnection, dataset: Dataset, number: int, payload: bytes, sent: int) -> int:
    """`load_new` for an adopted table, whose rows can't be asked for by number; returns how many were left out.

    The server has left rows out for their keys if there is a warning for each, and every one says so. It keeps only
    some: beyond those, if the table has nothing else for which a row is left out. `rows.RowsDiffer` otherwise.
    """
    with connection.cursor() as cursor, suppress(pymysql.err.OperationalError):
        cursor.execute("SET max_error_count = 65535")  # as many as it can keep; MySQL asks for a right, and keeps 1,024
    try:
        rows.load_payload(connection, dataset, number, payload, sent)
    except rows.RowsDiffer as differ:
        left_out = sent - differ.loaded
        told = left_out == differ.warned and set(differ.codes) == {ER.DUP_ENTRY}
        if not told or (len(differ.codes) < differ.warned and _has_other_rules(connection, dataset)):
            raise
        return left_out
    return 0


def _has_other_rules(connection: "pymysql.Connection[Any]", dataset: Dataset) -> bool:
    """Whether the server may leave a row out for something else than a key."""
    here = "table_schema = DATABASE() AND table_name = %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM information_schema.table_constraints WHERE {here}"
            " AND constraint_type IN ('FOREIGN KEY', 'CHECK')"
            f" UNION SELECT 1 FROM information_schema.partitions WHERE {here} AND partition_name IS NOT NULL",
            (dataset.name, dataset.name),
        )
        return cursor.fetchone() is not None


def list_missing(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, sent: Sequence[int]
) -> list[int]:
    """The rows of a batch that the server left out, by their numbers, asked inside the branch. `sent` counts up."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_no FROM {_quote(dataset.name)} WHERE import_no = %s AND row_no BETWEEN %s AND %s",
            (number, sent[0], sent[-1]),
        )
        there = {row for (row,) in cursor.fetchall()}
    return [row for row in sent if row not in there]


def find_places(
    connection: "pymysql.Connection[Any]", dataset: Dataset, keys: Sequence[Sequence[str | None]]
) -> list[Place | None]:
    """Where each of these keys stands, by what the server takes for the same; None where there is no such row.

    The rows are locked until the branch ends.
    """
    if not keys:
        return []
    table = table_of(dataset)
    dialect = mysql.dialect()
    typed = [f"k{at} {sql_type(table.c[name], dialect)}" for at, name in enumerate(dataset.key)]
    columns = ", ".join(f"{one} PATH '$[{at}]' ERROR ON ERROR" for at, one in enumerate(typed))
    same = " AND ".join(f"t.{_quote(name)} = j.k{at}" for at, name in enumerate(dataset.key))
    # MySQL needs the words that exclude a table made of JSON from the lock; MariaDB has none for it
    of_table = "" if is_mariadb(connection) else " OF t"
    with connection.cursor() as cursor:
        cursor.execute(
            # all in one text: the driver takes as long for a row as the server
            "SELECT COUNT(*), GROUP_CONCAT(CONCAT_WS(' ', j.n, t.import_no, t.row_no) SEPARATOR ' ')"
            f" FROM JSON_TABLE(%s, '$[*]' COLUMNS (n FOR ORDINALITY, {columns})) j"
            f" STRAIGHT_JOIN {_quote(dataset.name)} t ON {same} FOR UPDATE{of_table}",
            (json.dumps(keys),),
        )
        count, text = cursor.fetchone() or (0, None)
    found = list(map(int, str(text or "").split()))
    if len(found) != 3 * count:
        raise rows.RowsDiffer(count, len(found) // 3, ["the server cut its answer"])
    places: list[Place | None] = [None] * len(keys)
    for ordinal, import_no, row_no in zip(found[::3], found[1::3], found[2::3], strict=True):
        places[ordinal - 1] = import_no, row_no
    return places


def keep_before_images(
    connection: "pymysql.Connection[Any]", dataset: Dataset, number: int, places: Sequence[Place]
) -> None:
    """Keep these rows, which are locked, as they are, under the number of the import that is about to update them. One
    that is kept already was updated by the same import before, and stays. Raises `rows.RowsDiffer` unless each is kept.
    """
    if not places:
        return
    members = ", ".join(f"%s, CAST(t.{_quote(name)} AS CHAR)" for name in dataset.column_names)
    table, runs = f"{_quote(dataset.name)} t", find_runs(places)
    if runs:
        source, values = f"{table} FORCE INDEX (PRIMARY) WHERE {runs}", []
    else:
        source = f"JSON_TABLE(%s, '$[*]' COLUMNS ({_PLACES})) j STRAIGHT_JOIN {table} ON {SAME_PLACE}"
        values = [json.dumps(places)]
    with connection.cursor() as cursor:
        kept = cursor.execute(
            "INSERT INTO before_images (import_no, dataset, old_import_no, old_row_no, `row`, old_changed_at)"
            f" SELECT %s, %s, t.import_no, t.row_no, JSON_OBJECT({members}), {_changed_at(dataset)} FROM {source}"
            " ON DUPLICATE KEY UPDATE dataset = before_images.dataset",
            (number, dataset.name, *dataset.column_names, *values),
        )
        check(cursor, len(places), kept)


def update_rows(
    connection: "pymysql.Connection[Any]",
    dataset: Dataset,
    lines: Mapping[Place, str],
    number: int,
    stamp: datetime,
) -> None:
    """Give the rows at these places, which are locked, their values; each keeps its numbers. Rows of other imports
    than `number` bear the attempt's stamp from then on: a key that stands in a file twice is no stranger's change.

    `lines` are a payload's, without the row number. They become literals as they are: see `set_literals`. Raises
    `rows.RowsDiffer` where the server did not update each row exactly so, and PyMySQL's errors.
    """
    if not lines:
        return
    names = [f"v{at}" for at in range(len(dataset.column_names))]
    settings = ", ".join(
        f"t.{quote(name)} = j.{value}" for name, value in zip(dataset.column_names, names, strict=True)
    )
    if marks_changes(dataset):
        settings += f", t.{CHANGED_AT} = IF(t.import_no = {number:d}, t.{CHANGED_AT}, CAST('{stamp}' AS DATETIME(6)))"
    # a payload knows no backslash, a literal does
    assign(connection, dataset, {place: line.replace("\\", "\\\\") for place, line in lines.items()}, names, settings)


def _changed_at(dataset: Dataset) -> str:
    return f"t.{CHANGED_AT}" if marks_changes(dataset) else "NULL"


def _quote(name: str) -> str:
    """`quote` for a statement that the driver puts values into."""
    return quote(name).replace("%", "%%")


def sql_type(column: Any, dialect: Any) -> str:
    """The column's type, in the table's collation: then its key is used for comparing."""
    plain = str(column.type.compile(dialect=dialect)).partition(" CHARACTER SET")[0].partition(" COLLATE")[0]
    return f"{plain} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if "CHAR" in plain or "TEXT" in plain else plain
