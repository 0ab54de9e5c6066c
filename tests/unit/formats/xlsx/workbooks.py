"""Workbooks to read, good ones and rewritten ones."""

import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.validate.rows import Records
from app.formats.xlsx.workbook import read_records

HEADER = list(ORDERS.column_names)
MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5)
GOOD: list[Any] = ["Amazon", "A-1", "Jane Doe", "j@example.com", "1 Main St", "AB-1", 2, 12.5, "USD", "paid", MOMENT]
VALUES = tuple(str(value) for value in GOOD)
PAIR = Dataset("pair", (Column("a", ColumnType.TEXT, length=99), Column("t", ColumnType.DATETIME)), ("a",))


def make(path: Path, table: list[list[Any]], row: int = 0, column: int = 0) -> Path:
    """A workbook whose table begins there, counted from 0; a function in a cell writes it itself."""
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet("Orders")
    for down, cells in enumerate(table, row):
        for right, cell in enumerate(cells, column):
            if isinstance(cell, Formula):
                sheet.write_formula(down, right, "=A1", None, cell.value)
            elif isinstance(cell, str):
                sheet.write_string(down, right, cell)
            elif cell is not None:
                sheet.write(down, right, cell)
    book.add_worksheet("Other & <more>").write_row(0, 0, ["a", "t"])
    book.close()
    return path


class Formula:
    def __init__(self, value: str) -> None:
        self.value = value


def read(path: Path, dataset: Dataset = ORDERS, batch_bytes: int = 1 << 20, **parts: Any) -> list[Records]:
    return list(read_records(path, dataset, FileFormat("xlsx", **parts), batch_bytes))


def rows(chunks: list[Records]) -> list[tuple[str, ...]]:
    return [row for chunk in chunks for row in zip(*chunk.columns.values(), strict=True)]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ImportFailed) as caught:
        call()
    assert caught.value.reason
    return caught.value.code


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None], extra: dict[str, bytes] | None = None) -> Path:
    found = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
        for name, data in (extra or {}).items():
            new.writestr(name, data)
    path.write_bytes(found.getvalue())
    return path


SHEET = "xl/worksheets/sheet1.xml"


def with_rows(path: Path, body: bytes) -> Path:
    """A workbook whose sheet has only this."""
    xml = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%b</sheetData></worksheet>'
    return rewritten(make(path, [["a", "t"]]), lambda name, data: xml % body if name == SHEET else data)
