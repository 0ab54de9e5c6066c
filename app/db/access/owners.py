"""Whose something is: the client that made it, and the dataset that it is about."""

from sqlalchemy import Connection, Select, select

from app.db.schema import handlings, imports
from app.domain.caller import Owner

_IMPORTS = select(imports.c.client, imports.c.dataset)


def find_of_import(connection: Connection, id: str) -> Owner | None:
    """Of the import with this id, or None where there is none."""
    return _first(connection, _IMPORTS.where(imports.c.id == id))


def find_of_number(connection: Connection, number: int) -> Owner | None:
    """Of the import with this number, or None where there is none."""
    return _first(connection, _IMPORTS.where(imports.c.number == number))


def find_client_of_handling(connection: Connection, id: str) -> str | None:
    """The client of a handling, or None where there is none."""
    return connection.execute(select(handlings.c.client).where(handlings.c.id == id)).scalar()


def _first(connection: Connection, query: Select[tuple[str, str]]) -> Owner | None:
    row = connection.execute(query).first()
    return None if row is None else Owner(row.client, row.dataset)
