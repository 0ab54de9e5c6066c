"""Queries: what clients read of imports. Nothing here changes anything."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from app.db.database import Database
from app.db.datasets import lines, rows
from app.db.datasets.row_queries import select_rows
from app.db.imports import queries
from app.db.imports.queries import Event
from app.domain.caller import ANYWHERE, Reach
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import ImportNotFound
from app.domain.imports import Import, reject_name
from app.domain.requests.export import ExportForm
from app.domain.requests.selection import Selection
from app.domain.states import State
from app.formats.reject_file import read_rejects
from app.spool import Spool


def find_import(database: Database, id: str) -> tuple[Import, list[Event]]:
    """An import and its timeline; raises `ImportNotFound`."""
    with database.begin() as connection:
        row = queries.find_import(connection, id)
        if row is None:
            raise ImportNotFound(f"there is no import {id}", import_id=id)
        return row, queries.list_events(connection, row.number)


def find_numbered(database: Database, number: int) -> Import | None:
    """The import with this number, or None."""
    with database.begin() as connection:
        return queries.find_numbered(connection, number)


def list_imports(
    database: Database,
    *,
    states: Iterable[State],
    dataset: str | None,
    client: str | None = None,
    before: int | None,
    limit: int,
    reach: Reach = ANYWHERE,
) -> list[Import]:
    """Imports within a caller's reach, of one client if it is named, newest first."""
    with database.begin() as connection:
        return queries.list_imports(
            connection, states=states, dataset=dataset, client=client, before=before, limit=limit, reach=reach
        )


def open_rejects(database: Database, spool: Spool, id: str) -> tuple[Import, Iterator[dict[str, Any]]]:
    """An import and the rows that it did not accept, streamed: all of them, or of an aborted one the first 1,000.

    Raises `ImportNotFound`, also where its reject file is no longer kept.
    """
    row, _ = find_import(database, id)
    if not row.rows_rejected:
        return row, iter(())
    try:
        with spool.local(reject_name(row.id, row.epoch)) as path:
            return row, read_rejects(path)  # it is open: it stays readable
    except FileNotFoundError:
        raise ImportNotFound(
            "the reject file of this import is no longer kept, or was erased with a person's data", import_id=id
        ) from None


def count_rows(database: Database, dataset: Dataset) -> int:
    """How many rows of the dataset a reader may see."""
    with database.snapshot() as connection:
        return rows.count_rows(connection, dataset)


@contextmanager
def open_orders(database: Database) -> Iterator[tuple[int, Iterator[str]]]:
    """The count and all orders, in import order, of one consistent snapshot: streamed lines of NDJSON."""
    with database.snapshot() as connection:
        count = rows.count_rows(connection, ORDERS)  # first: another query would end the streamed one
        query = select_rows(Selection(ORDERS))
        yield count, lines.stream_lines(connection, ORDERS, query, ExportForm.NDJSON, numbered=True)
