"""Browse: a dataset's rows, for those who look. Nothing here changes anything."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.db.database import Database
from app.db.datasets import lines, row_queries, versions
from app.db.imports import queries
from app.domain.dataset import Dataset
from app.domain.errors import ExportOutdated, ImportNotFound, InvalidContent
from app.domain.requests.export import ExportForm, Part, Version
from app.domain.requests.selection import Selection, parse_selection
from app.formats.export import make_line
from app.lifecycle.datasets import catalog

_NUMBER = re.compile("[0-9]{1,9}")


def select_rows(
    database: Database, dataset: Dataset, *, of: str | None, filters: Sequence[tuple[str, str | None]], sort: str | None
) -> Selection:
    """The selection of a query (see `parse_selection`); `of` is an import's id or number. Raises `InvalidContent`, also
    where the dataset's rows don't carry their import's number, and `ImportNotFound`."""
    number = None if of is None else find_number(database, dataset, of)
    return parse_selection(dataset, number=number, filters=filters, sort=sort)


def find_number(database: Database, dataset: Dataset, of: str) -> int:
    """The number of an import of the dataset, by its id or its number. Raises as `select_rows`."""
    if reason := catalog.list_unsupported(dataset).get("filter_by_import"):
        raise InvalidContent(reason, errors=[{"field": "import", "reason": reason}])
    with database.begin() as connection:
        by_number = _NUMBER.fullmatch(of) is not None
        row = queries.find_numbered(connection, int(of)) if by_number else queries.find_import(connection, of)
    if row is None:
        if by_number:
            return int(of)  # rows outlive the history of their import
        raise ImportNotFound(f"there is no import {of[:80]!r}")
    if row.dataset != dataset.name or catalog.find_dataset_of(database, row) is None:
        reason = f"import {row.id} is none of this dataset"
        raise InvalidContent(reason, errors=[{"field": "import", "reason": reason}])
    return row.number


def read_page(
    database: Database, selection: Selection, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` rows, and the cursor of the next page if there is one. Raises `BadRequest` for a wrong cursor."""
    after = None if cursor is None else selection.read_cursor(cursor)
    with database.snapshot() as connection:
        rows = row_queries.read_page(connection, selection, after, limit + 1)
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], selection.write_cursor([last[name] for name in selection.order])


def count_rows(database: Database, selection: Selection) -> int:
    """How many rows there are."""
    with database.snapshot() as connection:
        return row_queries.count_selected(connection, selection)


@dataclass(frozen=True)
class Export:
    """Lines, streamed; the version of their imports and the cursor of the next part, where there are such."""

    lines: Iterator[str]
    version: Version | None = None
    next: str | None = None


@contextmanager
def open_export(
    database: Database, selection: Selection, form: ExportForm, part: Part | None = None
) -> Iterator[Export]:
    """All rows of one consistent snapshot, or a part of them, each as a line of this form. Raises `ExportOutdated` for
    a part whose version is no longer there."""
    dataset = selection.dataset
    with database.snapshot() as connection:
        version, end, without = None, None, []
        if part is not None:
            version = part.version
            if version is not None:
                if versions.has_changed(connection, dataset, version):
                    changed = f"rows of {dataset.name} were deleted, reverted or updated since the export began"
                    raise ExportOutdated(f"{changed}: begin again, without a cursor and If-Match")
                without = versions.list_later(connection, dataset, version)
            elif not dataset.adopted:
                version = versions.read_version(connection, dataset)
            end = row_queries.find_end(connection, selection, part, without)
        query = row_queries.select_part(selection, part, without)
        if lines.fits(dataset):
            found = lines.stream_lines(connection, dataset, query, form)
        else:
            found = map(make_line(dataset, form), row_queries.stream_rows(connection, query))
        yield Export(found, version, None if end is None else selection.write_cursor(end))
