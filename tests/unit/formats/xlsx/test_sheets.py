"""Workbooks as people have them: titles, several sheets, hidden ones, and OpenDocument."""

from pathlib import Path
from typing import Any

from tests.unit.formats.xlsx.sheets import BOTH, HEADER, load, look, refusal, workbook


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
