"""Numbers that a sheet shows with more than their digits."""

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.preview.preview import make_preview
from app.formats.xlsx.number_formats import formats_of, keeps_prefix, show
from app.formats.xlsx.workbook import read_records

TEXTS = Dataset("texts", (Column("a", ColumnType.TEXT, length=30), Column("b", ColumnType.TEXT, length=30)), ())
NUMBERS = Dataset(
    "numbers",
    (Column("a", ColumnType.INTEGER, maximum=10**12), Column("b", ColumnType.DECIMAL, signed=True)),
    (),
)
ORDINARY = [
    *("General", "0", "0.00", "#,##0", "#,##0.00", "0%", "0.00%", "0.00E+00", "##0.0E+0", "@", "# ?/?", '0" pcs"'),
    *("yyyy-mm-dd", "dd.mm.yyyy hh:mm", "hh:mm:ss.00", "mm:ss.0", "[h]:mm:ss", '"on "yyyy', "", '"', "[", "\\"),
    *(
        '#,##0.00 "€"',
        "[$€-407] #,##0.00",
        "_(* #,##0.00_);_(* (#,##0.00)",
        '_("$"* #,##0_)',
        "0.00;[Red]-0.00",
        "$0.00",
    ),
]
COUNTING = [
    ("00000", 501, "00501"),
    ("00000", 1234567, "1234567"),
    ("00000", 0, "00000"),
    ("00000", -501, "-00501"),
    ("00000", 501.5, None),
    ("[$-407]00000", 501, "00501"),
    ("000-00-0000", 12345678, "012-34-5678"),
    (r"000\-00\-0000", 12345678, "012-34-5678"),
    ("(000) 000-0000", 123456789, "(012) 345-6789"),
    ('"EAN "0', 501, "EAN 501"),
    ('"EAN "General', 501, "EAN 501"),
    (r"\A0", 5, "A5"),
    ('"49"0', 501, "49501"),
    ('"EAN "0', -501, None),
    ("00000;-00000", 501, None),
    ("[<=9999999]000-0000;(000) 000-0000", 501, None),
    ("0,000", 501, None),
    ("00.00", 5, None),
    ("#00", 5, None),
    ("00%", 5, None),
    ("[Red]00000", 501, None),
    ("00000", 2.0**53, None),
]


@pytest.mark.parametrize("code", ORDINARY)
def test_ordinary_formats_do_not_count(code: str) -> None:
    assert not keeps_prefix(code)


@pytest.mark.parametrize(("code", "number", "shown"), COUNTING)
def test_formats_that_count(code: str, number: float, shown: str | None) -> None:
    assert keeps_prefix(code)
    assert show(number, code) == shown


def make(path: Path, rows: list[tuple[str, Any]]) -> Path:
    """In column a the numbers in these formats, in b an ordinary one."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    price = book.add_format({"num_format": "0.00"})
    for at, (code, value) in enumerate(rows, 1):
        format = book.add_format({"num_format": code})
        if isinstance(value, str) and value.startswith("="):
            sheet.write_formula(at, 0, value, format, 501)
        else:
            sheet.write(at, 0, value, format)
        sheet.write_number(at, 1, 5, price)
    book.close()
    return path


ROWS: list[tuple[str, Any]] = [
    ("00000", 501),
    ("000-00-0000", 12345678),
    ("00000", "00701"),
    ("0", 501),
    ("00000", "=A1"),
    ("[<=9]000-0;00-0", 501),
    ("00000", 501.5),
]


def test_a_text_is_what_is_shown_or_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "o", ROWS)
    [chunk] = read_records(path, TEXTS, FileFormat("xlsx"), 1 << 20)
    assert chunk.columns["a"] == ("00501", "012-34-5678", "00701", "501", "00501")
    assert set(chunk.columns["b"]) == {"5"}
    assert [(line, failed.code, failed.column, failed.value) for line, _, failed in chunk.bad] == [
        (7, "unsupported_cell", "a", "501"),
        (8, "unsupported_cell", "a", "501.5"),
    ]
    assert (
        "cell A7 contains the number 501" in chunk.bad[0][2].reason and "make the cell a text" in chunk.bad[0][2].reason
    )


def test_a_number_is_the_number(tmp_path: Path) -> None:
    path = make(tmp_path / "o", ROWS)
    [chunk] = read_records(path, NUMBERS, FileFormat("xlsx"), 1 << 20)
    assert chunk.columns["a"] == ("501", "12345678", "00701", "501", "501", "501", "501.5") and chunk.bad == []


def test_a_column_of_shown_zeros_is_proposed_as_text(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [("00000", 501), ("00000", 10115)])
    found = make_preview(path, FileFormat("xlsx"), None, 10)
    assert [(each.name, each.type) for each in found.dataset.columns] == [
        ("a", ColumnType.TEXT),
        ("b", ColumnType.INTEGER),
    ]
    assert [(row.record.values, row.reject) for row in found.rows] == [(("00501", "5"), None), (("10115", "5"), None)]
    assert [row.record.values[0] for row in make_preview(path, FileFormat("xlsx"), TEXTS, 10).rows] == [
        "00501",
        "10115",
    ]


def test_a_column_that_is_shown_otherwise_is_not_proposed(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [("[<=9]000-0;00-0", 501), ("0", 5)])
    found = make_preview(path, FileFormat("xlsx"), None, 10)
    assert found.inferred is not None and [each.name for each in found.dataset.columns] == ["b"]
    assert "make its cells texts" in found.inferred.proposals[0].notes[0]
    assert [row.reject for row in found.rows] == [None, None]


def test_styles_of_a_workbook(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [("00000", 1), ("yyyy", 2), ("0.00", 3)])
    assert list(formats_of(str(path)).values()) == ["00000"]
