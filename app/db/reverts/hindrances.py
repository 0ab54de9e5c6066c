"""Hindrances: what of a table keeps every revert away, since it would change more rows than it says."""

import re

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

ACCESS_DENIED = 1227
_ENCODED = re.compile("@([0-9a-f]{4})")
DELETE_CASCADES = 3  # the bits of ON DELETE CASCADE and ON DELETE SET NULL
PROVISION = "`python -m app.cli provision` gives the application's user the right"


def find_missing_right(connection: Connection) -> str | None:
    """What the user must be granted before any import can be reverted; None where nothing is missing."""
    try:
        connection.execute(text(f"SELECT 1 FROM information_schema.{_view(connection)} LIMIT 1"))
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] != ACCESS_DENIED:
            raise
        return f"this user may not see foreign keys (PROCESS), so nothing can be reverted: {PROVISION}"
    return None


def _view(connection: Connection) -> str:
    return "INNODB_SYS_FOREIGN" if connection.dialect.is_mariadb else "INNODB_FOREIGN"  # type: ignore[attr-defined]


def find_hindrance(connection: Connection, table: str) -> str | None:
    """Why no import into this table can be reverted; None where nothing is in the way.

    Foreign keys are read where missing rights can't hide them: `information_schema.referential_constraints` leaves out
    child tables on which the user has no right (MariaDB and MySQL manuals, "INNODB_SYS_FOREIGN", "INNODB_FOREIGN").
    """
    query = (
        "SELECT trigger_name FROM information_schema.triggers"
        " WHERE event_object_schema = DATABASE() AND event_object_table = :name LIMIT 1"
    )
    trigger = connection.execute(text(query), {"name": table}).scalar()
    if trigger is not None:
        return f"the table {table} has a trigger, {trigger}: what it does with deleted rows can't be taken back"
    columns = f"FOR_NAME, REF_NAME FROM information_schema.{_view(connection)}"
    query = f"SELECT {columns} WHERE (TYPE & {DELETE_CASCADES:d}) <> 0"
    try:
        keys = connection.execute(text(query)).all()
        here = str(connection.execute(text("SELECT DATABASE()")).scalar())
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] != ACCESS_DENIED:
            raise
        return f"this user may not see which tables have foreign keys on {table} (PROCESS): {PROVISION}"
    referred = f"{here}/{table}".casefold()
    child = next((_decode(child) for child, parent in keys if _decode(parent).casefold() == referred), None)
    if child is not None:
        return f"the table {child.replace('/', '.')} deletes or changes its own rows when rows of {table} go"
    return None


def _decode(name: str) -> str:
    """A database and a table as InnoDB names them: MariaDB shows `-` as `@002d` (its manual, "Identifier to File Name
    Mapping")."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), name)
