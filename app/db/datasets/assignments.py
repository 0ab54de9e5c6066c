"""Assignments: rows whose places are known get new values, a thousand of them in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pymysql

from app.db.datasets.rows import RowsDiffer
from app.db.datasets.tables import quote
from app.domain.dataset import Dataset

# Where in the table a row stands: its import's number, its row number there.
Place = tuple[int, int]

RUNS = 10  # more of them are looked up row by row
SAME_PLACE = "t.import_no = j.import_no AND t.row_no = j.row_no"
_EMPTY = "''"
_OTHER_LITERALS = {"NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "EMPTY_STRING_IS_NULL"}  # SQL modes, and those that set them:
_OTHER_LITERALS |= {"ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"}


def set_literals(connection: "pymysql.Connection[Any]") -> None:
    """Before a branch begins that is to assign: let the server read literals as `assign` writes them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@sql_mode")
        (modes,) = cursor.fetchone() or ("",)
        if _OTHER_LITERALS & (given := set(str(modes).split(","))):
            cursor.execute("SET sql_mode = %s", (",".join(sorted(given - _OTHER_LITERALS)),))


def assign(
    connection: "pymysql.Connection[Any]",
    dataset: Dataset,
    lines: Mapping[Place, str],
    names: Sequence[str],
    settings: str,
) -> None:
    """Give the rows `t` at these places, which are locked, what `settings` says of the columns `names` of `j`. `lines`
    are literals, a comma between them: see `set_literals`. Raises `RowsDiffer` where the server did not update each row
    exactly so, and PyMySQL's errors."""
    listed = [f"{place[0]:d},{place[1]:d},{line}" for place, line in lines.items()]
    given, table = _list_values(connection, ["import_no", "row_no", *names], listed), f"{quote(dataset.name)} t"
    if runs := find_runs(lines):
        # the table comes first: the server then updates each row as it meets it, else all of them in a second pass
        joined, where = f"{table} FORCE INDEX (PRIMARY) STRAIGHT_JOIN {given} ON {SAME_PLACE}", f" WHERE {runs}"
    else:
        joined, where = f"{given} STRAIGHT_JOIN {table} ON {SAME_PLACE}", ""
    with connection.cursor() as cursor:
        try:
            updated = cursor.execute(f"UPDATE {joined} SET {settings}{where}")
        except pymysql.err.DataError as error:
            raise RowsDiffer(len(lines), 0, [str(error.args[1])], codes=[int(error.args[0])]) from error
        check(cursor, len(lines), updated)


def check(cursor: Any, wanted: int, done: int) -> None:
    """Raise `RowsDiffer` unless a statement has done as many rows as wanted, without a warning."""
    if done != wanted or cursor.warning_count:
        cursor.execute("SHOW WARNINGS")
        told = cursor.fetchall()
        raise RowsDiffer(wanted, done, [str(row[2]) for row in told], codes=[int(row[1]) for row in told])


def find_runs(places: Iterable[Place]) -> str:
    """The condition for rows at these places, where they are a few runs of neighbours; else nothing. A server reads
    runs faster than it looks up each row."""
    runs: list[tuple[Place, int]] = []  # where each begins, and how long it is
    for place in sorted(places):
        if runs and place == (runs[-1][0][0], runs[-1][0][1] + runs[-1][1]):
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        elif len(runs) < RUNS:
            runs.append((place, 1))
        else:
            return ""
    return " OR ".join(
        f"t.import_no = {first[0]:d} AND t.row_no BETWEEN {first[1]:d} AND {first[1] + length - 1:d}"
        for first, length in runs
    )


def _list_values(connection: "pymysql.Connection[Any]", names: Sequence[str], listed: Sequence[str]) -> str:
    """Rows as a table `j` with columns of these names."""
    row = "" if is_mariadb(connection) else "ROW"
    values = f"VALUES {row}({f'),{row}('.join(listed)})"
    if row:
        return f"({values}) AS j ({', '.join(names)})"
    # MariaDB can't name them, so the first part of a union does, which has no row; the first two are numbers
    named = ", ".join(f"{0 if at < 2 else _EMPTY} AS {name}" for at, name in enumerate(names))
    return f"(SELECT {named} WHERE 0 UNION ALL {values}) AS j"


def is_mariadb(connection: "pymysql.Connection[Any]") -> bool:
    """Whether this is a connection to MariaDB, and not to MySQL."""
    return "MariaDB" in str(connection.get_server_info())  # type: ignore[no-untyped-call]
