"""Workbooks and OpenDocument files of several sheets, and what is loaded of them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat, file_format_from_json
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import Preview, make_preview
from app.formats.reader import check_head, read_rows
from tests.files.opendocument import row, sheet, spreadsheet, typed

PETS = Dataset("pets", (Column("name", ColumnType.TEXT, length=40), Column("age", ColumnType.INTEGER, maximum=99)), ())
MIXED = Dataset(
    "mixed",
    (
        Column("t", ColumnType.TEXT, length=60, nullable=True, controls=Controls.LINES),
        Column("n", ColumnType.DECIMAL, precision=20, scale=6, signed=True, nullable=True),
        Column("d", ColumnType.DATE, nullable=True),
        Column("m", ColumnType.DATETIME, scale=6, nullable=True),
    ),
    (),
)
HEADER = ["name", "age"]


def workbook(sheets: dict[str, list[list[Any]]], hidden: str = "", very: str = "") -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    shown = next(name for name in sheets if name not in (hidden, very))
    for name, rows in sheets.items():
        made = book.add_worksheet(name)
        for at, cells in enumerate(rows):
            made.write_row(at, 0, cells)
        if name == shown:
            made.activate()
            made.set_first_sheet()
        if name == hidden:
            made.hide()
        if name == very:
            made.very_hidden()
    book.close()
    return out.getvalue()


def opendocument(sheets: dict[str, list[list[Any]]], hidden: str = "", very: str = "") -> bytes:
    def made(value: Any) -> str | None:
        if isinstance(value, int):
            return typed("float", str(value), value=str(value))
        return None if value == "" else value

    return spreadsheet(
        *(
            sheet(name, *(row([made(each) for each in cells]) for cells in rows), hidden=name in (hidden, very))
            for name, rows in sheets.items()
        )
    )


BOTH = pytest.mark.parametrize("write", [workbook, opendocument])
Loaded = list[tuple[int | None, list[str | None]]]


def load(path: Path, data: bytes, dataset: Dataset = PETS, **options: str) -> tuple[Loaded, list[str], FileFormat]:
    """Rows by their lines, the rejects' reasons, and how the file was read. Raises ImportFailed."""
    path.write_bytes(data)
    file_format = detect("x", None, data[:HEAD_BYTES], dataset, parse_options(options))
    file_format = check_head(path, dataset, file_format).file_format
    file_format = file_format_from_json(json.loads(json.dumps(file_format.as_json())))  # as the ledger keeps it
    rows: Loaded = []
    reasons = []
    bytes_read = 0
    for batch in read_rows(path, dataset, file_format, 100):
        rows += [
            (batch.line_of(number), list(values))
            for number, (_, values) in zip(batch.row_numbers, read_payload(batch.payload), strict=True)
        ]
        reasons += [bad.reason for bad in batch.rejects]
        assert bytes_read <= batch.source_bytes <= len(data)
        bytes_read = batch.source_bytes
    return rows, reasons, file_format


def refusal(path: Path, data: bytes, dataset: Dataset = PETS, **options: str) -> ImportFailed:
    with pytest.raises(ImportFailed) as caught:
        load(path, data, dataset, **options)
    found = look(path, data, dataset, **options).problem
    assert found is not None and found.code == caught.value.code  # a preview says the same
    return caught.value


def look(path: Path, data: bytes, dataset: Dataset | None = PETS, **options: str) -> Preview:
    path.write_bytes(data)
    meant = dataset or Dataset("", (), ())
    return make_preview(path, detect("x", None, data[:HEAD_BYTES], meant, parse_options(options)), dataset, 20)
