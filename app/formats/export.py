"""Exports: rows as CSV and NDJSON that can be imported again without a loss."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset

_PIECE_ROWS = 500  # how many rows are sent at once
_TEXTS = (ColumnType.TEXT, ColumnType.EMAIL, ColumnType.CURRENCY, ColumnType.ENUM)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


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


def write_ndjson(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """NDJSON: one object for each row, with the dataset's columns. Yields UTF-8 pieces of 500 rows."""
    columns = dataset.columns

    def line(row: Mapping[str, Any]) -> str:
        values = {column.name: serialize_value(column, row[column.name]) for column in columns}
        return json.dumps(values, ensure_ascii=False) + "\n"

    return _pieces(line, rows)


def write_csv(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """CSV with a header. Texts are quoted; NULL is an empty field, an empty text a quoted one. Yields UTF-8 pieces."""
    columns = dataset.columns
    yield (",".join(_quoted(column.name) for column in columns) + "\n").encode()

    def line(row: Mapping[str, Any]) -> str:
        return ",".join([_field(serialize_value(column, row[column.name])) for column in columns]) + "\n"

    yield from _pieces(line, rows)


def write_spreadsheet(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """CSV for people who open it in a spreadsheet: a text that begins like a formula has an apostrophe before it, so
    that nothing in it is calculated (OWASP, "CSV Injection"), and a byte order mark says that it is UTF-8. Yields
    pieces."""
    columns = dataset.columns
    yield ("\ufeff" + ",".join(_quoted(_harmless(column.name)) for column in columns) + "\n").encode()

    def field(column: Column, value: Any) -> str:
        is_text = column.type in _TEXTS and isinstance(value, str)
        return _field(_harmless(value) if is_text else serialize_value(column, value))

    yield from _pieces(lambda row: ",".join(field(column, row[column.name]) for column in columns) + "\n", rows)


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def _pieces(line: Callable[[Mapping[str, Any]], str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    lines: list[str] = []
    for row in rows:
        lines.append(line(row))
        if len(lines) == _PIECE_ROWS:
            yield "".join(lines).encode()
            lines = []
    if lines:
        yield "".join(lines).encode()


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
