"""Exports: rows as CSV and NDJSON that can be imported again without a loss."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.requests.export import FORMULA, ExportForm

LINES = 500  # how many are written at once
_TEXTS = (ColumnType.TEXT, ColumnType.EMAIL, ColumnType.CURRENCY, ColumnType.ENUM)


def serialize_value(column: Column, value: Any) -> Any:
    """A value of the table for JSON: decimals as texts with all digits, times in UTC with a Z."""
    if value is None:
        return None
    match column.type:
        case ColumnType.DECIMAL:
            return format(value, "f")
        case ColumnType.BOOLEAN:
            return bool(value) if value in (0, 1) else value  # an adopted table may hold other numbers
        case ColumnType.DATE:
            return value.isoformat()
        case ColumnType.DATETIME:
            return _datetime_text(value, column.scale)
        case _:
            return value


def serialize_row(dataset: Dataset, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row for JSON, with the numbers of import and row unless the table is adopted."""
    numbers = {} if dataset.adopted else {name: row[name] for name in ("import_no", "row_no")}
    return {**numbers, **{column.name: serialize_value(column, row[column.name]) for column in dataset.columns}}


def make_line(dataset: Dataset, form: ExportForm) -> Callable[[Mapping[str, Any]], str]:
    """What writes a row as one line of this form, as the database does where a line is not too long for it.

    NDJSON is an object with the dataset's columns. In CSV texts are quoted; NULL is an empty field, an empty text a
    quoted one. For spreadsheets a text that begins like a formula has an apostrophe before it, so that nothing in it is
    calculated (OWASP, "CSV Injection").
    """
    columns = dataset.columns
    if form in (ExportForm.NDJSON, ExportForm.PARQUET):
        value = _typed if form is ExportForm.PARQUET else serialize_value
        return lambda row: (
            json.dumps({each.name: value(each, row[each.name]) for each in columns}, ensure_ascii=False) + "\n"
        )
    field = _spreadsheet_field if form is ExportForm.SPREADSHEET else _csv_field
    return lambda row: ",".join([field(each, row[each.name]) for each in columns]) + "\n"


def write_lines(dataset: Dataset, form: ExportForm, lines: Iterable[str], *, head: bool = True) -> Iterator[bytes]:
    """CSV with a header, NDJSON, or CSV for spreadsheets, which begins with a byte order mark; without its `head`, what
    follows another part. Yields UTF-8 pieces of 500 lines."""
    names = dataset.column_names
    if head and form is ExportForm.CSV:
        yield (",".join(map(_quoted, names)) + "\n").encode()
    elif head and form is ExportForm.SPREADSHEET:
        yield ("\ufeff" + ",".join(_quoted(_harmless(name)) for name in names) + "\n").encode()
    for some in batched(lines, LINES):
        yield "".join(some).encode()


def batched(lines: Iterable[str], count: int) -> Iterator[list[str]]:
    """Lists of `count` lines; the last one may be shorter."""
    left = iter(lines)
    while some := list(islice(left, count)):
        yield some


def _typed(column: Column, value: Any) -> Any:
    return value if column.type is ColumnType.BOOLEAN else serialize_value(column, value)


def _csv_field(column: Column, value: Any) -> str:
    return _field(serialize_value(column, value))


def _spreadsheet_field(column: Column, value: Any) -> str:
    return _field(_harmless(value)) if column.type in _TEXTS and value is not None else _csv_field(column, value)


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(FORMULA) else text


def _field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _datetime_text(value: Any, scale: int) -> str:
    whole: str = value.isoformat(timespec="microseconds")
    return (whole[: 20 + scale] if scale else whole[:19]) + "Z"
