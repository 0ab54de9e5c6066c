"""Workbooks in, rows or errors out."""

import datetime as dt
import importlib.util
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.domain.reading import Reading
from app.formats import workbook_cells, workbook_zip
from app.formats.records import Records, check_records
from app.formats.workbook import check_workbook, read_records
from app.formats.workbook_cells import REFUSED, text_of

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
    return list(read_records(path, dataset, Reading("xlsx", **parts), batch_bytes))


def rows(chunks: list[Records]) -> list[tuple[str, ...]]:
    return [row for chunk in chunks for row in zip(*chunk.columns.values(), strict=True)]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ImportFailed) as caught:
        call()
    assert caught.value.reason
    return caught.value.code


def test_rows(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD, GOOD, GOOD])
    for batch_bytes in (1, 1 << 20):
        chunks = read(path, batch_bytes=batch_bytes)
        assert rows(chunks) == [VALUES] * 3
        assert [line for chunk in chunks for line in chunk.lines] == [2, 3, 4]
        assert chunks[-1].source_bytes == path.stat().st_size
        assert all(tuple(chunk.columns) == ORDERS.column_names for chunk in chunks)
    size = path.stat().st_size
    assert [chunk.source_bytes for chunk in read(path, batch_bytes=1)] == [size * 2 // 4, size * 3 // 4, size]
    [batch] = check_records(read(path)[0], ORDERS, 1)
    assert (batch.rows, batch.rejects) == (3, [])


def test_a_table_may_stand_anywhere(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD, GOOD], row=4, column=3)
    for first_line in (1, 3, 5):
        [chunk] = read(path, first_line=first_line)
        assert (rows([chunk]), chunk.lines) == ([VALUES] * 2, [6, 7])
    titled = make(tmp_path / "t", [["Export"], [], [None, None, *HEADER], [None, None, *GOOD]])
    [chunk] = read(titled, first_line=2)
    assert (rows([chunk]), chunk.lines) == ([VALUES], [4])
    assert code_of(lambda: read(titled)) == "missing_column"


def test_without_a_header(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [GOOD, GOOD], row=1, column=1)
    [chunk] = read(path, header=False, columns=[None, *HEADER])
    assert (rows([chunk]), chunk.lines) == ([VALUES] * 2, [2, 3])
    [chunk] = read(path, header=False, columns=[None, *HEADER], first_line=3)
    assert chunk.lines == [3]
    assert code_of(lambda: read(path, header=False)) == "columns_needed"


def test_columns_are_renamed(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [["Notes", *HEADER[:-1], "When"], ["n", *GOOD]])
    assert rows(read(path, columns={"Notes": None, "When": "ordered_at"})) == [VALUES]
    assert code_of(lambda: read(path)) == "unknown_column"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("text", "text"),
        ("  3 ", "  3 "),
        ("=1+1", "=1+1"),
        (3, "3"),
        (-3, "-3"),
        (3.0, "3"),
        (1234567890123456, "1234567890123456"),
        (12.5, "12.5"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (123456789.125, "123456789.125"),
        (True, "true"),
        (False, "false"),
        (MOMENT, "2026-01-02 03:04:05"),
        (MOMENT.replace(microsecond=250_000), "2026-01-02 03:04:05.25"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4, 5), "03:04:05"),
        (Formula("5"), "5"),
        (Formula("text"), "text"),
    ],
)
def test_cells(tmp_path: Path, cell: Any, text: str) -> None:
    path = make(tmp_path / "o", [["a", "t"], [cell, MOMENT]])
    assert rows(read(path, PAIR)) == [(text, "2026-01-02 03:04:05")]


def test_a_day_in_a_column_of_moments_is_its_midnight(tmp_path: Path) -> None:
    path = make(
        tmp_path / "o", [["x", "a", "t"], [1, dt.date(2026, 1, 2), dt.date(2026, 1, 2)], [1, "b", "2026-01-02"]]
    )
    expected = [("2026-01-02", "2026-01-02 00:00:00"), ("b", "2026-01-02")]
    assert rows(read(path, PAIR, columns={"x": None})) == expected


@pytest.mark.parametrize(
    ("cell", "code", "value"),
    [
        (Formula("#N/A"), "cell_error", "#N/A"),
        (Formula("#DIV/0!"), "cell_error", "#DIV/0!"),
        (2.0**53, "unsupported_cell", "9007199254740992"),
        (1e300, "unsupported_cell", None),
    ],
)
@pytest.mark.parametrize("column", [0, 2])
def test_cells_without_a_text(tmp_path: Path, cell: Any, code: str, value: str | None, column: int) -> None:
    path = make(tmp_path / "o", [["a", "t"], ["x", MOMENT], [cell, MOMENT], ["y", MOMENT]], column=column)
    [chunk] = read(path, PAIR)
    assert (chunk.lines, chunk.columns["a"]) == ([2, 4], ("x", "y"))
    [(line, text, failed)] = chunk.bad
    assert (line, failed.code, failed.line, failed.column) == (3, code, 3, "a")
    assert value is None or (failed.value == value and value in text)
    left_out = make(tmp_path / "l", [["n", "a", "t"], [cell, "x", MOMENT]])
    assert rows(read(left_out, PAIR, columns={"n": None})) == [("x", str(MOMENT))]


def test_the_text_of_an_error_is_text(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [["a", "t"], ["#N/A", MOMENT], [None, MOMENT]])
    [chunk] = read(path, PAIR)
    assert (chunk.columns["a"], chunk.bad) == (("#N/A", None), [])


def test_durations_are_refused() -> None:
    assert text_of(dt.timedelta(hours=30))[1][0] == REFUSED  # type: ignore[index]
    assert text_of(None)[1][0] == REFUSED  # type: ignore[index]


def test_empty_rows(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD, [], [""], GOOD, [], []])
    [chunk] = read(path)
    assert chunk.lines == [2, 5]
    assert (chunk.blank, chunk.bad) == (2, [])
    [gap] = read(make(tmp_path / "g", [HEADER, [], GOOD]))
    assert (gap.lines, gap.blank, gap.bad) == ([3], 1, [])


def test_cells_beside_the_table(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [["", *HEADER], ["", *GOOD], ["x", *GOOD], ["", *GOOD, "y"], ["", *GOOD[:-1]]])
    [chunk] = read(path)
    assert (chunk.lines, chunk.columns["ordered_at"]) == ([2, 5], (str(MOMENT), None))
    assert [(line, bad.code, bad.value) for line, _, bad in chunk.bad] == [
        (3, "too_many_fields", "x"),
        (4, "too_many_fields", "y"),
    ]


@pytest.mark.parametrize("table", [[], [HEADER], [HEADER, [], [""]]])
def test_no_rows(tmp_path: Path, table: list[list[Any]]) -> None:
    assert code_of(lambda: read(make(tmp_path / "o", table))) == "no_rows"


def test_sheets(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    assert rows(read(path, sheet="Orders")) == [VALUES]
    assert code_of(lambda: read(path, PAIR, sheet="Other & <more>")) == "no_rows"
    check_workbook(path, Reading("xlsx"))
    check_workbook(path, Reading("xlsx", sheet="Other & <more>"))
    for call in (read, lambda path, sheet: check_workbook(path, Reading("xlsx", sheet=sheet))):
        with pytest.raises(ImportFailed, match="Orders, Other") as caught:
            call(path, sheet="orders")
        assert caught.value.code == "unknown_sheet"


def test_a_hidden_sheet_is_not_the_first(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "o")
    book.add_worksheet("Hidden").write_row(0, 0, ["no", "table"])
    book.worksheets()[0].hide()
    shown = book.add_worksheet("Shown")
    shown.write_row(0, 0, ["a", "t"])
    shown.write_row(1, 0, ["x", "y"])
    shown.activate()
    book.close()
    assert rows(read(tmp_path / "o", PAIR)) == [("x", "y")]


# --- damaged and hostile files ---------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_xlsx"),
        (b"PK\3\4", "not_xlsx"),
        (b"a,b\n1,2\n", "not_xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "encrypted_xlsx"),
    ],
)
def test_files_that_are_no_workbooks(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "o"
    path.write_bytes(data)
    for call in (lambda: check_workbook(path, Reading("xlsx")), lambda: read(path)):
        assert code_of(call) == code


def test_damaged_workbooks(tmp_path: Path) -> None:
    whole = make(tmp_path / "o", [HEADER, *[[*GOOD[:1], f"A-{n * 7919 % 10007}", *GOOD[2:]] for n in range(500)]])
    data = whole.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[: len(data) // 2])
    assert code_of(lambda: read(cut)) == "not_xlsx"
    flipped = bytearray(data)
    with zipfile.ZipFile(whole) as archive:
        flipped[archive.getinfo(SHEET).header_offset + 500] ^= 0xFF
    cut.write_bytes(flipped)
    assert code_of(lambda: read(cut)) == "damaged_xlsx"
    for name, becomes, code in [
        (SHEET, b"<worksheet><sheetData><row", "damaged_xlsx"),
        (SHEET, None, "damaged_xlsx"),
        ("xl/workbook.xml", None, "not_xlsx"),
        ("xl/workbook.xml", b"<workbook", "damaged_xlsx"),
        ("xl/workbook.xml", b"<workbook/>", "unknown_sheet"),
        ("xl/_rels/workbook.xml.rels", None, "damaged_xlsx"),
        ("xl/sharedStrings.xml", b"<sst><si>", "damaged_xlsx"),
    ]:
        path = make(tmp_path / "p", [HEADER, GOOD])
        rewritten(path, lambda part, data, name=name, becomes=becomes: becomes if part == name else data)
        assert code_of(lambda path=path: read(path)) == code, name


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")
    path.write_bytes(data[: at + 8] + bytes([data[at + 8] | 1]) + data[at + 9 :])
    assert code_of(lambda: check_workbook(path, Reading("xlsx"))) == "encrypted_xlsx"


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    bomb = rewritten(make(tmp_path / "b", [HEADER]), lambda _, data: data, {"xl/bomb.xml": bytes(100_000_000)})
    assert bomb.stat().st_size < 1_000_000
    with monkeypatch.context() as patched:
        patched.setattr(workbook_zip, "MOST_UNPACKED_BYTES", 90_000_000)
        assert code_of(lambda: check_workbook(bomb, Reading("xlsx"))) == "xlsx_too_large"
        patched.setattr(workbook_zip, "MOST_FILE_BYTES", 1000)
        assert code_of(lambda: check_workbook(path, Reading("xlsx"))) == "xlsx_too_large"
    rewritten(path, lambda _, data: data, {f"xl/{n}.xml": b"" for n in range(6000)})
    assert code_of(lambda: check_workbook(path, Reading("xlsx"))) == "xlsx_too_large"
    big = make(tmp_path / "i", [HEADER, GOOD])
    rewritten(big, lambda name, data: data + b" " * 5_000_000 if name == "xl/workbook.xml" else data)
    assert code_of(lambda: check_workbook(big, Reading("xlsx"))) == "xlsx_too_large"


def test_a_directory_that_lies_about_sizes(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SHEET).file_size
    data = path.read_bytes()
    needle = size.to_bytes(4, "little") + len(SHEET).to_bytes(2, "little")
    at = data.rindex(needle)
    path.write_bytes(data[:at] + (100).to_bytes(4, "little") + data[at + 4 :])
    check_workbook(path, Reading("xlsx"))
    assert code_of(lambda: read(path)) == "damaged_xlsx"


def test_document_types_are_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    rewritten(
        path,
        lambda name, data: data.replace(b"<workbook", evil + b"<workbook", 1) if name == "xl/workbook.xml" else data,
    )
    assert code_of(lambda: check_workbook(path, Reading("xlsx"))) == "damaged_xlsx"


def test_cells_far_apart_need_no_memory_of_this_process(tmp_path: Path) -> None:
    body = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = with_rows(tmp_path / "o", body)
    check_workbook(path, Reading("xlsx"))
    assert code_of(lambda: read(path, PAIR)) == "sheet_too_large"


def test_a_long_text_in_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = make(tmp_path / "o", [["a", "t"]])
    cell = b'<row><c t="s"><v>0</v></c></row>'
    sheet = b"<worksheet><sheetData>%b</sheetData></worksheet>" % (cell * 30_000)
    strings = b"<sst><si><t>%b</t></si></sst>" % (b"x" * 1_000_000)
    parts = {SHEET: sheet, "xl/sharedStrings.xml": strings}
    rewritten(book, parts.get)
    assert code_of(lambda: read(book, PAIR)) == "sheet_too_large"


def test_a_reader_that_is_stopped_ends_its_process(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, *[GOOD] * 3000])
    records = read_records(path, ORDERS, Reading("xlsx"), 1)
    assert next(records).lines == [2]
    records.close()  # warnings are errors: a process or a pipe left open would be one


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedFormat, match=r"backout\[xlsx\]"):
        read(path)
    with pytest.raises(UnsupportedFormat):
        check_workbook(path, Reading("xlsx"))


def test_errors_are_found_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "o", [["a", "t"], *[[Formula("#N/A"), n] for n in range(40)], ["a", Formula("#REF!")]])
    found = {(row, 0): "#N/A" for row in range(2, 42)} | {(42, 1): "#REF!"}
    assert workbook_cells.find_errors(str(path), SHEET) == found
    monkeypatch.setattr(workbook_cells, "_PIECE_BYTES", 50)
    assert workbook_cells.find_errors(str(path), SHEET) == found


TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFFF0, exclude_categories=["Cs", "Cc"]), max_size=9)
MOMENTS = st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(9999, 1, 1))
NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=4)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(TEXTS.filter(bool), NUMBERS, st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(9999, 1, 1))),
        min_size=1,
        max_size=20,
    )
)
def test_what_a_writer_wrote_is_read(tmp_path_factory: pytest.TempPathFactory, table: list[tuple[Any, ...]]) -> None:
    table = [(text, number, moment.replace(microsecond=0)) for text, number, moment in table]
    triple = Dataset("triple", (PAIR.columns[0], Column("n", ColumnType.DECIMAL), PAIR.columns[1]), ("a",))
    path = make(tmp_path_factory.mktemp("x") / "o", [["a", "n", "t"], *map(list, table)])
    expected = [(text, format(number.normalize() + 0, "f"), str(moment)) for text, number, moment in table]
    assert rows(read(path, triple)) == expected
