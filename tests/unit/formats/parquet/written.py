"""Parquet of another library, and what is read of it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.parquet.footer import list_of, read_footer
from app.formats.parquet.table import check_parquet, read_records, read_texts
from app.formats.parquet.thrift import I32, STRUCT, encode

ONE = Dataset("one", (Column("a", ColumnType.TEXT, length=99_999),), ("a",))
ONE_OR_NONE = Dataset("one", (Column("a", ColumnType.TEXT, length=99, nullable=True),), ())
READING = FileFormat("parquet")
DATES = [dt.date(1, 1, 1), dt.date(1582, 10, 14), dt.date(1969, 12, 31), dt.date(9999, 12, 31), None]
MOMENTS = [
    dt.datetime(1, 1, 1),
    dt.datetime(1000, 2, 28, 23, 59, 59),
    dt.datetime(1677, 9, 21, 0, 12, 43),
    dt.datetime(1969, 12, 31, 23, 59, 59),
    dt.datetime(2262, 4, 11, 23, 47, 17),
    dt.datetime(9999, 12, 31, 23, 59, 59),
    None,
]
IN_FRACTIONS = [*MOMENTS, dt.datetime(9999, 12, 31, 23, 59, 59, 999000), dt.datetime(1, 1, 1, 0, 0, 0, 1000)]
NANOSECONDS = [1, -1, 1001, 10**18 + 123456789, 2**63 - 1, -(2**63) + 1, None]

# with and without what Arrow adds of types
SCHEMAS = pytest.mark.parametrize("store_schema", [True, False])


def read(path: Path) -> list[str | None]:
    check_parquet(path, ONE, READING)
    found = [text for chunk in read_records(path, ONE, READING, 1 << 20) for text in chunk.columns["a"]]
    assert read_texts(path, 10_000, 99_999, 1 << 30)[2] == [(text,) for text in found]  # a preview shows the same
    return found


def texts(path: Path, values: pa.Array, **options: Any) -> list[str | None]:
    pq.write_table(pa.table({"a": values}), path, **options)
    return read(path)


def written(moment: dt.datetime, digits: int) -> str:
    fraction = f".{moment.microsecond:06d}000"[: digits + 1] if moment.microsecond else ""
    return moment.isoformat(" ", "seconds") + fraction


def refusal(path: Path) -> tuple[str, str | None]:
    with pytest.raises(ImportFailed) as caught:
        read(path)
    return caught.value.code, caught.value.column


def patched(path: Path, table: pa.Table, change: Callable[[Any], None], **options: Any) -> None:
    """The table, written with a changed footer."""
    pq.write_table(table, path, **options)
    with path.open("rb") as file:
        begin, footer = read_footer(file)
        file.seek(0)
        body = file.read(begin)
    change(footer)
    data = encode(footer)
    path.write_bytes(body + data + len(data).to_bytes(4, "little") + b"PAR1")


def unknown_logical(footer: Any) -> None:
    list_of(footer, 2)[1][10] = (STRUCT, {99: (STRUCT, {})})


def unknown_converted(footer: Any) -> None:
    list_of(footer, 2)[1][6] = (I32, 77)


def unknown_type(footer: Any) -> None:
    list_of(footer, 2)[1][1] = (I32, 77)


def too_short_for_its_type(footer: Any) -> None:
    list_of(footer, 2)[1][10] = (STRUCT, {15: (STRUCT, {})})


WORDS = pa.array(["apple", "apply", "", None, "é" * 40] * 50)
