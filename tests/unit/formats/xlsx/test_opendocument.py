"""Cells of OpenDocument: every type, repeated ones, and files that are damaged or hostile."""

from pathlib import Path

import pytest

from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.payload import read_payload
from app.formats.reader import read_rows
from tests.files.opendocument import cell, row, sheet, spreadsheet, typed
from tests.unit.formats.xlsx.sheets import HEADER, MIXED, load, look, refusal


def one(path: Path, made: str, column: str = "t") -> str | None:
    """What a cell comes to in a column. Raises ImportFailed for a reject."""
    names = list(MIXED.column_names)
    cells: list[str | None] = [None] * len(names)
    cells[names.index(column)] = made
    data = spreadsheet(sheet("S", row(names), row(cells)))
    path.write_bytes(data)
    for batch in read_rows(path, MIXED, FileFormat("ods"), 1 << 20):
        for bad in batch.rejects:
            raise bad.as_failure()
        for _, values in read_payload(batch.payload):
            return values[names.index(column)]
    raise AssertionError


@pytest.mark.parametrize(
    ("made", "column", "expected"),
    [
        (cell("Ann & <Bob>"), "t", "Ann & <Bob>"),
        (cell("00501"), "t", "00501"),
        (
            '<table:table-cell office:value-type="string"><text:p>a<text:s text:c="3"/>b \n c</text:p>'
            "</table:table-cell>",
            "t",
            "a   b c",
        ),
        (
            '<table:table-cell office:value-type="string"><text:p>a<text:span>b<text:line-break/>c</text:span></text:p>'
            "<text:p>d<text:tab/></text:p></table:table-cell>",
            "t",
            "ab\nc\nd\t",
        ),
        (
            '<table:table-cell office:value-type="string"><office:annotation><text:p>a comment</text:p>'
            "</office:annotation><text:p>x</text:p></table:table-cell>",
            "t",
            "x",
        ),
        (typed("string", "shown", string_value="real"), "t", "real"),
        (typed("float", "12.50", value="12.5"), "n", "12.5"),
        (typed("float", "12.50", value="12.5"), "t", "12.5"),
        (typed("float", "1.234,50", value="1234.5"), "n", "1234.5"),
        (typed("float", "0,3", value="0.30000000000000004"), "n", "0.3"),
        (typed("float", "1E-05", value="1E-005"), "n", "0.00001"),
        (typed("float", "00501", value="501"), "t", "00501"),
        (typed("float", "00501", value="501"), "n", "501"),
        (typed("float", "SKU-7", value="7"), "t", "SKU-7"),
        (typed("percentage", "12,5 %", value="0.125"), "n", "0.125"),
        (typed("currency", "EUR 3.50", value="3.5", currency="EUR"), "t", "3.5"),
        (typed("boolean", "WAHR", boolean_value="true"), "t", "true"),
        (typed("date", "02.01.26", date_value="2026-01-02"), "d", "2026-01-02"),
        (typed("date", "02.01.26", date_value="2026-01-02"), "m", "2026-01-02 00:00:00"),
        (typed("date", "02.01.26", date_value="2026-01-02T00:00:00"), "d", "2026-01-02"),
        (typed("date", "x", date_value="2026-01-02T03:04:05.500000000"), "m", "2026-01-02 03:04:05.5"),
        (typed("time", "03:04", time_value="PT03H04M00S"), "t", "03:04:00"),
        (typed("time", "03:04", time_value="PT03H04M05.250S"), "t", "03:04:05.25"),
        (typed("string", "ab", formula="of:=A1"), "t", "ab"),
        (typed("float", "3", formula="of:=1+2", value="3"), "n", "3"),
        (cell("#N/A"), "t", "#N/A"),  # a text that somebody typed
    ],
)
def test_cells_of_opendocument(tmp_path: Path, made: str, column: str, expected: str) -> None:
    assert one(tmp_path / "o", made, column) == expected


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (typed("string", "#DIV/0!", formula="of:=1/0", calc="error", string_value=""), "cell_error"),
        (typed("float", "#DIV/0!", formula="of:=1/0", value="0"), "cell_error"),
        (typed("float", "Err:502", formula="of:=X()", value="0"), "cell_error"),
        (typed("string", "#NAME?", formula="of:=X()"), "cell_error"),
        ('<table:table-cell table:formula="of:=1+1"/>', "cell_error"),
        (typed("float", "1"), "unsupported_cell"),
        (typed("float", "1", value="NaN"), "unsupported_cell"),
        (typed("float", "x", value="1e400"), "unsupported_cell"),
        (typed("float", "x", value="12345678901234567890"), "unsupported_cell"),
        (typed("time", "27:00", time_value="PT27H00M00S"), "unsupported_cell"),
        (typed("date", "x", date_value="-0044-03-15"), "unsupported_cell"),
        (typed("matrix", "x"), "unsupported_cell"),
    ],
)
def test_cells_of_opendocument_without_a_text(tmp_path: Path, made: str, code: str) -> None:
    with pytest.raises(ImportFailed) as caught:
        one(tmp_path / "o", made)
    assert caught.value.code == code and "A2" in caught.value.reason


def test_repeated_cells_and_rows(tmp_path: Path) -> None:
    data = spreadsheet(
        sheet(
            "S",
            row(HEADER),
            row(["x", typed("float", "7", value="7")], times=3),
            row([None], times=2),
            row([cell("5", 2)]),
            '<table:table-row-group><table:table-row><table:table-cell office:value-type="string"><text:p>g</text:p>'
            '</table:table-cell><table:covered-table-cell office:value-type="float" office:value="8"/>'
            "</table:table-row></table:table-row-group>",
        )
    )
    rows, _, _ = load(tmp_path / "o", data)
    seven = ["x", "7"]
    assert rows == [(2, seven), (3, seven), (4, seven), (7, ["5", "5"]), (8, ["g", "8"])]


@pytest.mark.child
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (spreadsheet(sheet("S", row([cell("x", 16_385)]))), "damaged_xlsx"),
        (spreadsheet(sheet("S", row(HEADER)), before='<!DOCTYPE x [<!ENTITY a "b">]>'), "damaged_xlsx"),
        (spreadsheet(sheet("S", row(HEADER)), manifest="<encryption-data/>"), "encrypted_xlsx"),
        (spreadsheet(sheet("S", row(HEADER)), sheet("S", row(HEADER))), "damaged_xlsx"),
        (spreadsheet(), "unknown_sheet"),
        (spreadsheet("<table:table"), "damaged_xlsx"),
        (spreadsheet(sheet("S", row(HEADER)))[:-40], "not_xlsx"),
    ],
)
def test_opendocument_that_is_damaged_or_hostile(tmp_path: Path, data: bytes, code: str) -> None:
    assert refusal(tmp_path / "o", data).code == code


@pytest.mark.child
@pytest.mark.slow
def test_cells_that_are_repeated_without_end(tmp_path: Path) -> None:
    data = spreadsheet(sheet("S", row(HEADER), row([cell("x" * 99, 16_000)], times=1_000_000)))
    with pytest.raises(ImportFailed) as caught:
        load(tmp_path / "o", data)
    assert caught.value.code == "sheet_too_large"
    assert look(tmp_path / "o", data).cut  # only its beginning was looked at
