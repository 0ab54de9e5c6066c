"""Exports: rows as they can be read back exactly, here or elsewhere."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from app.domain.dataset import Column, ColumnType, Dataset

_PIECE_ROWS = 500  # how many rows are sent at once


def show_value(column: Column, value: Any) -> Any:
    """A value of the table as JSON has it: decimals as text, times in UTC with a Z, each to the last digit."""
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
            return _moment(value, column.scale)
        case _:
            return value


def serialize_row(dataset: Dataset, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as JSON has it, with the numbers of import and row where it carries them."""
    numbers = {} if dataset.adopted else {name: row[name] for name in ("import_no", "row_no")}
    return {**numbers, **{column.name: show_value(column, row[column.name]) for column in dataset.columns}}


def write_ndjson(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A JSON object a line, with the dataset's columns."""
    columns = dataset.columns

    def line(row: Mapping[str, Any]) -> str:
        values = {column.name: show_value(column, row[column.name]) for column in columns}
        return json.dumps(values, ensure_ascii=False) + "\n"

    return _pieces(line, rows)


def write_csv(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """CSV with a header. Texts are quoted; a value that lacks is an empty field, an empty text a quoted one."""
    columns = dataset.columns
    yield (",".join(_quoted(column.name) for column in columns) + "\n").encode()

    def line(row: Mapping[str, Any]) -> str:
        return ",".join([_field(show_value(column, row[column.name])) for column in columns]) + "\n"

    yield from _pieces(line, rows)


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


def _moment(value: Any, scale: int) -> str:
    whole: str = value.isoformat(timespec="microseconds")
    return (whole[: 20 + scale] if scale else whole[:19]) + "Z"
