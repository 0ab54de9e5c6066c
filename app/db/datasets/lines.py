"""Lines: the rows of a selection as an export writes them, each made by the server.

To fetch a row's values one by one, and write them here, takes five times as long.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import CHAR, DECIMAL, ColumnElement, Connection, Select, case, cast, func
from sqlalchemy.dialects.mysql import CHAR as CHAR_OF

from app.db.datasets.rows import READ_SIZE
from app.db.datasets.tables import table_of
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.requests.export import FORMULA, ExportForm
from app.domain.row_size import CHARACTER_BYTES, text_length

# A longer line may be over the server's `max_allowed_packet`, and would be NULL (manuals, "CONCAT").
MAX_LINE_BYTES = 1024 * 1024
ESCAPED = 6  # times as long: what JSON makes of a control character
Sql = ColumnElement[Any]


def fits(dataset: Dataset) -> bool:
    """Whether the server can make the longest line of this dataset."""
    return sum(text_length(column) * CHARACTER_BYTES * ESCAPED + 200 for column in dataset.columns) <= MAX_LINE_BYTES


def stream_lines(
    connection: Connection, dataset: Dataset, query: Select[Any], form: ExportForm, *, numbered: bool = False
) -> Iterator[str]:
    """The line of each row of a query, streamed: memory stays flat. It runs when this is called. The dataset `fits`. Of
    NDJSON, `numbered` ones begin with the numbers of import and row."""
    query = query.with_only_columns(_line(dataset, form, numbered))
    result = connection.execution_options(stream_results=True, max_row_buffer=READ_SIZE).execute(query)
    return iter(result.scalars().yield_per(READ_SIZE))


def _line(dataset: Dataset, form: ExportForm, numbered: bool) -> Sql:
    table = table_of(dataset)
    parts: list[Any] = []
    if numbered:
        parts = ['{"import_no": ', table.c.import_no, ', "row_no": ', table.c.row_no]
    for column in dataset.columns:
        stored: Sql = table.c[column.name]
        if column.type not in _PLAIN and dataset.adopted:  # each may have another encoding, which CONCAT refuses to mix
            stored = cast(stored, CHAR_OF(charset="utf8mb4"))
        if form in (ExportForm.NDJSON, ExportForm.PARQUET):
            name = json.dumps(column.name, ensure_ascii=False)
            parts += [", " if parts else "{", name, ": ", func.coalesce(_json(column, stored, form), "null")]
        else:
            parts += ["," if parts else "", func.coalesce(_field(column, stored, form), "")]
    return func.concat(*parts, "}\n" if form in (ExportForm.NDJSON, ExportForm.PARQUET) else "\n")


def _json(column: Column, stored: Sql, form: ExportForm) -> Sql:
    if column.type is ColumnType.BOOLEAN and form is ExportForm.PARQUET:
        return stored + 0
    if column.type in (ColumnType.INTEGER, ColumnType.BOOLEAN):
        return _number(column, stored)
    return func.concat('"', _text(column, stored), '"') if column.type in _PLAIN else func.json_quote(stored)


def _field(column: Column, stored: Sql, form: ExportForm) -> Sql:
    if column.type in (ColumnType.INTEGER, ColumnType.BOOLEAN):
        return _number(column, stored)
    if column.type in _PLAIN:
        return func.concat('"', _text(column, stored), '"')
    quoted = func.replace(stored, '"', '""')
    if form is not ExportForm.SPREADSHEET:
        return func.concat('"', quoted, '"')
    # by their bytes, whatever the column's collation takes for the same
    first = func.hex(func.left(stored, 1))
    is_formula = first.in_([mark.encode().hex().upper() for mark in FORMULA])
    return func.concat('"', case((is_formula, "'"), else_=""), quoted, '"')


_PLAIN = (ColumnType.INTEGER, ColumnType.BOOLEAN, ColumnType.DECIMAL, ColumnType.DATE, ColumnType.DATETIME)


def _number(column: Column, stored: Sql) -> Sql:
    number = stored + 0  # without the zeros of a ZEROFILL
    if column.type is ColumnType.INTEGER:
        return number
    return case((stored == 1, "true"), (stored == 0, "false"), else_=cast(number, CHAR))  # an adopted table has others


def _text(column: Column, stored: Sql) -> Sql:
    """A decimal with all digits, a date, or a time in UTC with a Z, without quotes."""
    if column.type is ColumnType.DECIMAL:
        return cast(stored, DECIMAL(column.precision, column.scale))
    written: Sql = cast(stored, CHAR)
    return func.concat(func.replace(written, " ", "T"), "Z") if column.type is ColumnType.DATETIME else written
