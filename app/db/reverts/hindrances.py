"""Hindrances: what of a table keeps every revert away, since it would change more rows than it says."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

ACCESS_DENIED = 1227
DELETE_CASCADES = 3  # the bits of ON DELETE CASCADE and ON DELETE SET NULL
PROVISION = "`python -m app.cli provision` gives the application's user the right"


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
    view = "INNODB_SYS_FOREIGN" if connection.dialect.is_mariadb else "INNODB_FOREIGN"  # type: ignore[attr-defined]
    query = (
        f"SELECT FOR_NAME FROM information_schema.{view} WHERE REF_NAME = CONCAT(DATABASE(), '/', :name)"
        f" AND (TYPE & {DELETE_CASCADES:d}) <> 0 LIMIT 1"
    )
    try:
        child = connection.execute(text(query), {"name": table}).scalar()
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] != ACCESS_DENIED:
            raise
        return f"this user may not see which tables have foreign keys on {table} (PROCESS): {PROVISION}"
    if child is not None:
        return f"the table {str(child).replace('/', '.')} deletes or changes its own rows when rows of {table} go"
    return None
