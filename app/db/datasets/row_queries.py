"""Pages: the rows of a selection, some at a time by key, all of them streamed, or counted."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, or_, select

from app.db.datasets.rows import READ_SIZE, committed_only
from app.db.datasets.tables import table_of
from app.domain.requests.export import Part
from app.domain.requests.selection import Selection

Row = dict[str, Any]


def read_page(connection: Connection, selection: Selection, after: Sequence[Any] | None, limit: int) -> list[Row]:
    """At most `limit` rows, after the one with these values of the selection's order."""
    query = select_rows(selection)
    if after is not None:
        query = query.where(_is_after(selection, after))
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def stream_rows(connection: Connection, query: Select[Any]) -> Iterator[Row]:
    """The rows of a query, streamed: memory stays flat. It runs when this is called."""
    result = connection.execution_options(stream_results=True, max_row_buffer=READ_SIZE).execute(query)
    return (dict(row) for row in result.mappings().yield_per(READ_SIZE))


def find_end(connection: Connection, selection: Selection, part: Part, without: Sequence[int]) -> Sequence[Any] | None:
    """The values of the order in the last row of a part; None where no row follows it."""
    order = [table_of(selection.dataset).c[name] for name in selection.order]
    query = select_part(selection, part, without).with_only_columns(*order)
    rows = connection.execute(query.limit(2).offset(part.limit - 1)).all()
    return tuple(rows[0]) if len(rows) == 2 else None


def select_part(selection: Selection, part: Part | None, without: Sequence[int] = ()) -> Select[Any]:
    """The query for a part of them, leaving out these imports; for all of them where there is no part."""
    query = select_rows(selection)
    if part is None:
        return query
    table = table_of(selection.dataset)
    if part.after is not None:
        query = query.where(_is_after(selection, part.after))
    if part.version is not None:
        query = query.where(table.c.import_no <= part.version.newest)
    if without:
        query = query.where(table.c.import_no.not_in(without))
    return query.limit(part.limit)


def count_selected(connection: Connection, selection: Selection) -> int:
    """How many there are."""
    table = table_of(selection.dataset)
    query = select(func.count()).select_from(table).where(*_conditions(selection))
    return int(connection.execute(query).scalar_one())


def select_rows(selection: Selection) -> Select[Any]:
    """The query for them, in their order."""
    table = table_of(selection.dataset)
    key = [table.c[name].asc() for name in selection.dataset.primary]
    query = select(table).where(*_conditions(selection))
    if selection.sort is not None:
        column = table.c[selection.sort]
        query = query.order_by(column.desc() if selection.descending else column.asc())
    return query.order_by(*key)


def _conditions(selection: Selection) -> list[ColumnElement[bool]]:
    table = table_of(selection.dataset)
    conditions = [committed_only(selection.dataset)]
    if selection.number is not None:
        conditions.append(table.c.import_no == selection.number)
    return conditions + [table.c[name] == value for name, value in selection.equal]


def _is_after(selection: Selection, after: Sequence[Any]) -> ColumnElement[bool]:
    """By key, not by position: rows that are added or deleted meanwhile shift nothing."""
    table = table_of(selection.dataset)
    values = list(after)
    beyond: ColumnElement[bool] = false()
    # from the last column of the order: a > x OR (a = x AND (b > y OR …)), which is a range to the servers
    for name, value in reversed(
        list(zip(selection.dataset.primary, values[-len(selection.dataset.primary) :], strict=True))
    ):
        column = table.c[name]
        beyond = or_(column > value, and_(column == value, beyond))
    if selection.sort is None:
        return beyond
    column, value = table.c[selection.sort], values[0]
    # rows that lack a value come first; descending, last
    if value is None:
        return and_(column.is_(None), beyond) if selection.descending else or_(column.is_not(None), beyond)
    further = or_(column < value, column.is_(None)) if selection.descending else column > value
    return or_(further, and_(column == value, beyond))
