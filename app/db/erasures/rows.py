"""Rows of a person: found step by step by the primary key, and deleted by it."""

from collections.abc import Sequence
from typing import Any

from pymysql.constants import ER
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.db.datasets.tables import quote
from app.domain.requests.erasure import Person


class StillReferenced(Exception):
    """A foreign key of another table refers to a row; the transaction must be abandoned."""


def find_next_import(connection: Connection, person: Person, after: int) -> tuple[int, int] | None:
    """The next import number above `after` that has rows in the table, and its highest row number."""
    table = quoted(person.dataset.name)
    found = connection.exec_driver_sql(f"SELECT MIN(import_no) FROM {table} WHERE import_no > %s", (after,))
    number = found.scalar()
    if number is None:
        return None
    last = connection.exec_driver_sql(f"SELECT MAX(row_no) FROM {table} WHERE import_no = %s", (number,)).scalar()
    return int(number), int(last or 0)


def list_rows(connection: Connection, person: Person, number: int, first: int, last: int, limit: int) -> list[int]:
    """The person's rows of an import among these row numbers, at most so many, in order."""
    condition, values = match(person, "t")
    found = connection.exec_driver_sql(
        f"SELECT t.row_no FROM {quoted(person.dataset.name)} t WHERE t.import_no = %s AND t.row_no BETWEEN %s AND %s"
        f" AND {condition} ORDER BY t.row_no LIMIT {limit:d}",
        (number, first, last, *values),
    )
    return [int(row) for (row,) in found]


def lock_rows(connection: Connection, person: Person, number: int, rows: Sequence[int]) -> list[int]:
    """Which of these rows are still the person's; all of them are locked."""
    condition, values = match(person, "t")
    found = connection.exec_driver_sql(
        f"SELECT t.row_no, {condition} FROM {quoted(person.dataset.name)} t FORCE INDEX (PRIMARY)"
        f" WHERE t.import_no = %s AND t.row_no IN ({_list(rows)}) FOR UPDATE",
        (*values, number),
    )
    return [int(row) for row, is_still in found if is_still]


def delete_rows(connection: Connection, person: Person, number: int, rows: Sequence[int]) -> int:
    """Delete these locked rows; returns how many. Raises `StillReferenced`."""
    try:
        return connection.exec_driver_sql(
            f"DELETE FROM {quoted(person.dataset.name)} WHERE import_no = %s AND row_no IN ({_list(rows)})", (number,)
        ).rowcount
    except IntegrityError as error:
        if error.orig is not None and error.orig.args[0] == ER.ROW_IS_REFERENCED_2:
            raise StillReferenced from error
        raise


def has_any(connection: Connection, person: Person) -> bool:
    """Whether the table has a row of the person: for an adopted one, whose rows have no numbers."""
    condition, values = match(person, "t")
    query = f"SELECT 1 FROM {quoted(person.dataset.name)} t WHERE {condition} LIMIT 1"
    return connection.exec_driver_sql(query, tuple(values)).first() is not None


def match(person: Person, alias: str) -> tuple[str, list[Any]]:
    """The condition for rows `alias` of the person, and its values: compared as the columns compare."""
    parts = [f"{alias}.{quoted(name)} = %s" for name, _ in person.equal]
    return f"({' AND '.join(parts)})", [value for _, value in person.equal]


def quoted(name: str) -> str:
    """`quote` for a statement that the driver puts values into."""
    return quote(name).replace("%", "%%")


def _list(rows: Sequence[int]) -> str:
    return ", ".join(str(int(row)) for row in rows)
