"""Truncations: a table is emptied as a whole, which takes no time and leaves no rows to undo or to purge.

TRUNCATE is no part of a transaction. So the registry says first, under a token, that the dataset is truncated; then how
many rows of which import that deletes, which decides it; then the table is emptied; then the ledger records it. Until
then no import of the dataset is claimed. Only the holder of the token goes on; who finishes what a crash left takes
another token first.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pymysql.constants import ER
from sqlalchemy import Connection, null, select, text, update
from sqlalchemy.exc import DBAPIError

from app.db.datasets.tables import quote, table_of
from app.db.ledger import NOW, seconds_from_now
from app.db.schema import datasets
from app.domain.dataset import Dataset
from app.domain.errors import DatasetInUse

Counts = dict[int, int]  # of which import how many rows

_FOREVER = datetime(9999, 1, 1)  # until it is finished
# another table refers to it (1701), a right is missing, or its kind knows no TRUNCATE (4137: system versions)
_REFUSED = (1701, ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.ILLEGAL_HA, 4137)


class CantTruncate(Exception):
    """This table must be emptied by deleting its rows: the text says why. Nothing was deleted."""


def find_hindrance(connection: Connection, dataset: Dataset) -> str | None:
    """Why deleting the rows does something that truncating does not; None where they are the same.

    A trigger is seen by those alone who may make one (MariaDB and MySQL manuals, "TRIGGERS table").
    """
    may = " UNION ALL ".join(
        f"(SELECT 1 FROM information_schema.{view} WHERE privilege_type = 'TRIGGER'{where} LIMIT 1)"
        for view, where in (
            ("user_privileges", ""),
            ("schema_privileges", " AND DATABASE() LIKE table_schema"),
            ("table_privileges", " AND table_schema = DATABASE() AND table_name = :name"),
        )
    )
    if connection.execute(text(may), {"name": dataset.name}).first() is None:
        return "this user may not see triggers"
    trigger = (
        "SELECT trigger_name FROM information_schema.triggers WHERE event_manipulation = 'DELETE'"
        " AND event_object_schema = DATABASE() AND event_object_table = :name LIMIT 1"
    )
    found = connection.execute(text(trigger), {"name": dataset.name}).scalar()
    return None if found is None else f"it has a trigger, {found}"


def begin(connection: Connection, name: str) -> str | None:
    """From here on no import of the dataset is claimed until this is over, whatever crashes; the token of the one who
    goes on. None where the dataset is no longer marked as being cleared."""
    token = secrets.token_hex(8)
    marked = datasets.c.name == name, datasets.c.delete_lease_until > NOW
    values = {"truncation": _written(token, None), "delete_lease_until": _FOREVER}
    return token if connection.execute(update(datasets).where(*marked).values(**values)).rowcount == 1 else None


def list_begun(connection: Connection) -> list[str]:
    """The names of the datasets that are being truncated."""
    return list(connection.scalars(select(datasets.c.name).where(datasets.c.truncation.is_not(None))))


def take_over(connection: Connection, name: str) -> tuple[str, Counts | None] | None:
    """Let no one else go on: a new token, and what the ledger does not know yet, None where nothing was decided. None
    where nothing was begun. Only under `Database.define`, so that no TRUNCATE of another is under way."""
    said = _lock(connection, name)
    if said is None:
        return None
    token, counts = secrets.token_hex(8), _counts(said)
    keep(connection, name, token, counts)
    return token, counts


def holds(connection: Connection, name: str, token: str) -> bool:
    """Whether no one has taken the truncation over; then no one does before this transaction ends."""
    said = _lock(connection, name)
    return said is not None and said["token"] == token


def list_left(connection: Connection, name: str) -> Counts:
    """What the ledger does not know yet."""
    return _counts(_lock(connection, name) or {}) or {}


def keep(connection: Connection, name: str, token: str, counts: Counts | None) -> None:
    """Let this be what the ledger does not know yet. The first time decides that the rows go. `holds` comes before."""
    named = datasets.c.name == name
    connection.execute(update(datasets).where(named).values(truncation=_written(token, counts)))


def end(connection: Connection, name: str, lease_seconds: float) -> None:
    """The truncation is over, or never was; imports run again after so many seconds, or when that lease is ended.
    `holds` comes before."""
    values = {"truncation": null(), "delete_lease_until": seconds_from_now(lease_seconds)}
    connection.execute(update(datasets).where(datasets.c.name == name).values(**values))


def is_there(connection: Connection, dataset: Dataset, counts: Counts) -> bool:
    """Whether any of the counted rows is in the table: it was not truncated yet."""
    number = table_of(dataset).c.import_no
    return connection.execute(select(number).where(number <= max(counts, default=0)).limit(1)).first() is not None


def truncate(definer: Connection, dataset: Dataset) -> None:
    """Empty the table, by a connection of `Database.define`. Raises `DatasetInUse` while a reader or a prepared branch
    has it, and `CantTruncate`; then nothing was deleted."""
    with _refusing(dataset.name):
        definer.execute(text(f"TRUNCATE TABLE {quote(dataset.name)}"))


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        code, said = (*(error.orig.args if error.orig else ()), None, "")[:2]
        if code in _REFUSED:
            raise CantTruncate(str(said)) from error
        if code == ER.LOCK_WAIT_TIMEOUT:
            in_use = f"nothing was deleted: a reader, an export or a prepared branch uses the table {name}: try again"
            raise DatasetInUse(in_use) from error
        raise


def _lock(connection: Connection, name: str) -> dict[str, Any] | None:
    query = select(datasets.c.truncation).where(datasets.c.name == name).with_for_update()
    return connection.execute(query).scalar()


def _counts(said: Mapping[str, Any]) -> Counts | None:
    rows = said.get("rows")
    return None if rows is None else {int(number): int(count) for number, count in rows}


def _written(token: str, counts: Counts | None) -> dict[str, Any]:
    return {"token": token, "rows": None if counts is None else list(counts.items())}
