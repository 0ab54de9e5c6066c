"""Exports for spreadsheets: no cell is a formula, and every other value is as it was."""

import csv
import io
from decimal import Decimal

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.requests.export import ExportForm
from app.formats.export import make_line, write_lines

DATASET = Dataset(
    "parts",
    (
        Column("name", ColumnType.TEXT, length=40),
        Column("price", ColumnType.DECIMAL, precision=8, scale=2, nullable=True),
        Column("=cmd", ColumnType.TEXT, length=40, nullable=True),
    ),
    ("name",),
)


def export(name: str, price: Decimal | None = None, other: str | None = None) -> list[str]:
    """The cells of one row, as a spreadsheet reads them."""
    row = {"name": name, "price": price, "=cmd": other}
    line = make_line(DATASET, ExportForm.SPREADSHEET)(row)
    text = b"".join(write_lines(DATASET, ExportForm.SPREADSHEET, [line])).decode("utf-8-sig")
    header, cells = csv.reader(io.StringIO(text, newline=""))
    assert header == ["name", "price", "'=cmd"]
    return cells


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_text_like_a_formula_gets_an_apostrophe(begin: str) -> None:
    text = begin + 'HYPERLINK("http://example.com";"a")'
    assert export(text, other=text) == ["'" + text, "", "'" + text]


@pytest.mark.parametrize("text", ["", "a=1", "'=1", " =1", "5", 'a "quoted", text', "größer"])
def test_other_texts_stay(text: str) -> None:
    assert export(text, other=None) == [text, "", ""]


def test_a_negative_number_stays_a_number() -> None:
    assert export("a", Decimal("-5.10")) == ["a", "-5.10", ""]
