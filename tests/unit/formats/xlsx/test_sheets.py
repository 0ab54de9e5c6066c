"""Workbooks as people have them: titles, several sheets, hidden ones, and OpenDocument."""

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
from tests.opendocument import cell, row, sheet, spreadsheet, typed

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


@BOTH
def test_a_title_stands_above_the_header(tmp_path: Path, write: Any) -> None:
    rows = [["Pets of the week"], [], ["made by us"], HEADER, ["Ann", 1], ["Bob", 2]]
    data = write({"S": rows})
    assert load(tmp_path / "o", data)[0] == [(5, ["Ann", "1"]), (6, ["Bob", "2"])]
    assert load(tmp_path / "o", data, columns="name,age")[0] == [(5, ["Ann", "1"]), (6, ["Bob", "2"])]
    found = look(tmp_path / "o", data)
    assert found.problem is None and [each.record.line for each in found.rows] == [5, 6]
    assert refusal(tmp_path / "o", data, first_line="1").code == "missing_column"
    proposed = look(tmp_path / "o", data, None)
    assert proposed.problem is None and proposed.dataset.column_names == ("name", "age")
    assert (proposed.file_format.first_line, len(proposed.rows)) == (4, 2)


@BOTH
def test_rows_above_a_header_are_no_title(tmp_path: Path, write: Any) -> None:
    data = write({"S": [["Eve", 9], ["Cid", 3], HEADER, ["Ann", 1]]})
    found = refusal(tmp_path / "o", data)
    assert (found.code, found.line) == ("rows_above", 1) and "first_line=3" in found.reason
    assert load(tmp_path / "o", data, first_line="3")[0] == [(4, ["Ann", "1"])]
    rows, reasons, _ = load(tmp_path / "o", data, columns="name,age", header="false")
    assert (len(rows), len(reasons)) == (3, 1)


@BOTH
def test_notes_beside_the_table_can_be_left_out(tmp_path: Path, write: Any) -> None:
    for rows in ([HEADER, ["Ann", 1, "a note"], ["Bob", 2]], [["", *HEADER], ["a note", "Ann", 1], ["", "Bob", 2]]):
        data = write({"S": rows})
        loaded, [reason], _ = load(tmp_path / "o", data)
        assert loaded == [(3, ["Bob", "2"])] and '`"*": null` in `columns` leaves out such cells' in reason
        assert load(tmp_path / "o", data, columns='{"*": null}')[0] == [(2, ["Ann", "1"]), (3, ["Bob", "2"])]


@BOTH
def test_numbers_are_no_header(tmp_path: Path, write: Any) -> None:
    found = look(tmp_path / "o", write({"S": [["Ann", 1], ["Bob", 2]]}), None)
    assert found.problem is None and found.file_format.header is False and len(found.rows) == 2
    assert found.inferred is not None and isinstance(found.inferred.columns, list)
    named = look(tmp_path / "o", write({"S": [["Ann", 1], ["Bob", 2]]}), None, header="true")
    assert named.file_format.header is True and len(named.rows) == 1


@BOTH
def test_the_sheet_that_is_read_is_named(tmp_path: Path, write: Any) -> None:
    data = write({"Notes": [["hello"]], "Pets": [HEADER, ["Ann", 1]], "Old": [HEADER, ["Eve", 9]]}, very="Notes")
    rows, _, file_format = load(tmp_path / "o", data)
    assert (rows, file_format.sheet) == ([(2, ["Ann", "1"])], "Pets")
    assert file_format.as_public_json()["sheet"] == "Pets"
    found = look(tmp_path / "o", data)
    assert (found.file_format.sheet, found.sheets) == ("Pets", ["Notes", "Pets", "Old"])
    assert load(tmp_path / "o", data, sheet="Old")[0] == [(2, ["Eve", "9"])]
    hidden = refusal(tmp_path / "o", data, sheet="Notes")
    assert hidden.code == "missing_column" and "This is the sheet 'Notes'" in hidden.reason
    assert "`sheet=Pets` or `sheet=Old`" in hidden.reason
    unknown = refusal(tmp_path / "o", data, sheet="pets")
    assert unknown.code == "unknown_sheet" and "`sheet=Notes` (hidden) or `sheet=Pets` or `sheet=Old`" in unknown.reason


@BOTH
def test_all_sheets_may_be_hidden(tmp_path: Path, write: Any) -> None:
    if write is workbook:  # its writer does not let all be hidden
        return
    data = write({"Pets": [HEADER, ["Ann", 1]]}, hidden="Pets")
    assert "`sheet=Pets` (hidden)" in refusal(tmp_path / "o", data).reason
    assert load(tmp_path / "o", data, sheet="Pets")[0] == [(2, ["Ann", "1"])]


MONTHS = {
    "Jan": [["January"], HEADER, ["Ann", 1], ["", ""], ["Bob", "x"]],
    "Empty": [],
    "Feb": [HEADER],
    "Secret": [["nothing"]],
    "Mar": [[], HEADER, ["Cid", 3]],
}


@BOTH
def test_all_sheets_are_read_as_one_table(tmp_path: Path, write: Any) -> None:
    data = write(MONTHS, hidden="Secret")
    rows, reasons, file_format = load(tmp_path / "o", data, sheet="*")
    assert (rows, file_format.sheet) == ([(3, ["Ann", "1"]), (3, ["Cid", "3"])], "*")
    assert len(reasons) == 1 and reasons[0].startswith("sheet 'Jan': age must be")
    found = look(tmp_path / "o", data, sheet="*")
    assert found.problem is None and found.blank == 1
    assert [(each.record.line, each.reject and each.reject.code) for each in found.rows] == [
        (3, None),
        (5, "not_an_integer"),
        (3, None),
    ]
    assert look(tmp_path / "o", data, None, sheet="*").dataset.column_names == ("name", "age")
    listed = {"A": [["Ann", 1]], "B": [["Bob", 2]]}
    rows, _, _ = load(tmp_path / "o", write(listed), sheet="*", columns="name,age", header="false")
    assert [values for _, values in rows] == [["Ann", "1"], ["Bob", "2"]]


@BOTH
def test_sheets_with_other_headers_are_not_one_table(tmp_path: Path, write: Any) -> None:
    sheets = {"Jan": [HEADER, ["Ann", 1]], "Feb": [["age", "name"], [2, "Bob"]]}
    found = refusal(tmp_path / "o", write(sheets), sheet="*")
    assert found.code == "sheets_differ" and "'Feb' has the columns age, name" in found.reason
    sheets["Feb"] = [["name", "age", "notes"], ["Bob", 2, "x"]]
    assert refusal(tmp_path / "o", write(sheets), sheet="*").code == "sheets_differ"
    sheets["Feb"] = [HEADER, ["Bob", 2, "beside the table"]]
    _, reasons, _ = load(tmp_path / "o", write(sheets), sheet="*")
    assert reasons[0].startswith("sheet 'Feb': ")
    assert refusal(tmp_path / "o", write({"A": [], "B": [HEADER]}), sheet="*").code == "no_rows"


# --- OpenDocument ----------------------------------------------------------------------------------------------------


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


def test_cells_that_are_repeated_without_end(tmp_path: Path) -> None:
    data = spreadsheet(sheet("S", row(HEADER), row([cell("x" * 99, 16_000)], times=1_000_000)))
    with pytest.raises(ImportFailed) as caught:
        load(tmp_path / "o", data)
    assert caught.value.code == "sheet_too_large"
    assert look(tmp_path / "o", data).cut  # only its beginning was looked at
