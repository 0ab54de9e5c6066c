"""Workbooks in, rows or errors out."""

import datetime as dt
import importlib.util
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings, strategies as st

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.domain.file_format import FileFormat
from app.formats.validate.rows import Records, check_records
from app.formats.xlsx import archive as workbook_archive, cells as cell_reader
from app.formats.xlsx.cells import text_of
from app.formats.xlsx.rewriter import REFUSED, Rewriter, is_plain
from app.formats.xlsx.workbook import read_records, resolve_sheet
from tests.fuzz.examples import examples

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


@pytest.mark.child
@pytest.mark.slow
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
    resolve_sheet(path, FileFormat("xlsx"))
    resolve_sheet(path, FileFormat("xlsx", sheet="Other & <more>"))
    for call in (read, lambda path, sheet: resolve_sheet(path, FileFormat("xlsx", sheet=sheet))):
        with pytest.raises(ImportFailed, match="`sheet=Orders` or `sheet=Other") as caught:
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
    for call in (lambda: resolve_sheet(path, FileFormat("xlsx")), lambda: read(path)):
        assert code_of(call) == code


@pytest.mark.slow
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
    assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "encrypted_xlsx"


@pytest.mark.slow
def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    bomb = rewritten(make(tmp_path / "b", [HEADER]), lambda _, data: data, {"xl/bomb.xml": bytes(100_000_000)})
    assert bomb.stat().st_size < 1_000_000
    with monkeypatch.context() as patched:
        patched.setattr(workbook_archive, "MAX_UNPACKED_BYTES", 90_000_000)
        assert code_of(lambda: resolve_sheet(bomb, FileFormat("xlsx"))) == "xlsx_too_large"
        patched.setattr(workbook_archive, "MAX_FILE_BYTES", 1000)
        assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "xlsx_too_large"
    rewritten(path, lambda _, data: data, {f"xl/{n}.xml": b"" for n in range(6000)})
    assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "xlsx_too_large"
    big = make(tmp_path / "i", [HEADER, GOOD])
    rewritten(big, lambda name, data: data + b" " * 5_000_000 if name == "xl/workbook.xml" else data)
    assert code_of(lambda: resolve_sheet(big, FileFormat("xlsx"))) == "xlsx_too_large"


def test_a_directory_that_lies_about_sizes(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(SHEET).file_size
    data = path.read_bytes()
    needle = size.to_bytes(4, "little") + len(SHEET).to_bytes(2, "little")
    at = data.rindex(needle)
    path.write_bytes(data[:at] + (100).to_bytes(4, "little") + data[at + 4 :])
    resolve_sheet(path, FileFormat("xlsx"))
    assert code_of(lambda: read(path)) == "damaged_xlsx"


def test_document_types_are_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    rewritten(
        path,
        lambda name, data: data.replace(b"<workbook", evil + b"<workbook", 1) if name == "xl/workbook.xml" else data,
    )
    assert code_of(lambda: resolve_sheet(path, FileFormat("xlsx"))) == "damaged_xlsx"


@pytest.mark.slow
@pytest.mark.child
def test_cells_far_apart_need_no_memory_of_this_process(tmp_path: Path) -> None:
    body = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = with_rows(tmp_path / "o", body)
    resolve_sheet(path, FileFormat("xlsx"))
    assert code_of(lambda: read(path, PAIR)) == "sheet_too_large"


@pytest.mark.slow
@pytest.mark.child
def test_a_long_text_in_many_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = make(tmp_path / "o", [["a", "t"]])
    cell = b'<row><c t="s"><v>0</v></c></row>'
    sheet = b"<worksheet><sheetData>%b</sheetData></worksheet>" % (cell * 30_000)
    strings = b"<sst><si><t>%b</t></si></sst>" % (b"x" * 1_000_000)
    parts = {SHEET: sheet, "xl/sharedStrings.xml": strings}
    rewritten(book, parts.get)
    assert code_of(lambda: read(book, PAIR)) == "sheet_too_large"


@pytest.mark.slow
@pytest.mark.child
def test_a_reader_that_is_stopped_ends_its_process(tmp_path: Path) -> None:
    path = make(tmp_path / "o", [HEADER, *[GOOD] * 3000])
    records = read_records(path, ORDERS, FileFormat("xlsx"), 1)
    assert next(records).lines == [2]
    records.close()  # warnings are errors: a process or a pipe left open would be one


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "o", [HEADER, GOOD])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedFormat, match="python-calamine"):
        read(path)
    with pytest.raises(UnsupportedFormat):
        resolve_sheet(path, FileFormat("xlsx"))


TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFFF0, exclude_categories=["Cs", "Cc"]), max_size=9)
MOMENTS = st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(9999, 1, 1))
NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=4)


@settings(max_examples=examples(25), deadline=None)
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


# --- cells that the file says too little of --------------------------------------------------------------------------

QUINT = Dataset(
    "quint",
    (Column("a", ColumnType.TEXT, length=99), *(Column(n, ColumnType.TEXT, length=99, nullable=True) for n in "bcd")),
    ("a",),
)


def with_cells(path: Path, *cells: str, prefix: str = "", **parts: bytes) -> Path:
    """A workbook with the columns a, b, c, d and a row for each of these cells, which say that they are in row 2.

    In its column a stands x, in d 1.
    """
    row = '<row r="2"><c r="A2" t="str"><v>x</v></c>%s<c r="D2"><v>1</v></c></row>'
    body = "".join((row % cell).replace('2"', f'{at}"').replace("2'", f"{at}'") for at, cell in enumerate(cells, 2))
    names = "".join(f'<c r="{n.upper()}1" t="str"><v>{n}</v></c>' for n in "abcd")
    xml = f'<worksheet xmlns="m"><sheetData><row r="1">{names}</row>{body}</sheetData></worksheet>'
    if prefix:
        xml = re.sub("<(/?)(?=[a-z])", rf"<\1{prefix}:", xml).replace("xmlns", f"xmlns:{prefix}")
    found = {SHEET: xml.encode(), **{name.replace("__", "/") + ".xml": data for name, data in parts.items()}}
    return rewritten(make(path, [["a"]]), lambda name, data: found.get(name) or data)


WITHOUT_RESULT = [
    '<c r="C2"><f>A1*2</f></c>',
    '<c r="C2"><f>A1*2</f><v/></c>',
    '<c r="C2"><f>A1*2</f><v></v></c>',
    '<c r="C2"><f>A1*2</f><v> </v></c>',
    '<c r="C2"><f>A1*2</f>\n  <v />\n</c>',
    "<c r='C2' s='0'><f>A1*2</f></c>",
    '<c s="0" t="n" r="C2" ><f>A1*2</f><v></v></c >',
    '<c r="C2" t="str"><f>A1*2</f></c>',
    '<c r="C2" t="s"><f>A1*2</f><v/></c>',
    '<c r="C2" t="b"><f>A1*2</f><v></v></c>',
    '<c r="C2"><f/></c>',
    '<c r="C2"><f t="shared" si="0"/></c>',
    '<c r="C2"><f t="shared" si="0"/><v/></c>',
    '<c r="C2"><f t="shared" ref="C2:C9" si="0">A1*2</f></c>',
    '<c r="C2"><f t="array" ref="C2">SUM(A1:A2*2)</f></c>',
    '<c r="C2"><f ca="1">NOW()</f><v></v></c>',
    '<c r="C2"><f>A1&lt;2</f><v/></c>',
    '<c r="C2"><f><![CDATA[A1<2]]></f><v/></c>',
    '<c r="C2"><!-- later --><f>A1*2</f></c>',
    '<c r="C2"><v></v><f>A1*2</f></c>',
    '<c r="C2"><v>7</v><f>A1*2</f></c>',
    "<c r='C2'><f>A1*2</f></c>",
]


@pytest.mark.parametrize("prefix", ["", "x"])
def test_a_formula_without_a_result_is_no_blank(tmp_path: Path, prefix: str) -> None:
    path = with_cells(tmp_path / "o", *WITHOUT_RESULT, prefix=prefix)
    [chunk] = read(path, QUINT)
    assert rows([chunk]) == [] and len(chunk.bad) == len(WITHOUT_RESULT)
    for cell, (line, _, failed) in zip(WITHOUT_RESULT, chunk.bad, strict=True):
        assert (failed.line, failed.code, failed.column) == (line, "cell_error", "c"), cell
        assert f"cell C{line};" in failed.reason and "open and save it in a spreadsheet program" in failed.reason
    assert rows(read(path, QUINT, columns={"c": None})) == [("x", None, None, "1")] * len(WITHOUT_RESULT)


@pytest.mark.parametrize("cell", ["<f>A1</f>", "<f>A1</f><v/>"])
def test_a_row_with_nothing_but_a_formula_is_no_blank_row(tmp_path: Path, cell: str) -> None:
    names = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>t</v></c></row>'
    path = with_rows(tmp_path / "o", f'{names}<row r="2"><c r="B2">{cell}</c></row>'.encode())
    assert [(line, failed.column) for line, _, failed in read(path, PAIR)[0].bad] == [(2, "t")]


LEFT = [
    ('<c r="C2"><f>A1*2</f><v>5</v></c>', "5"),
    ('<c r="C2" t="str"><f>A1</f><v></v></c>', None),  # the empty text is a result
    ('<c r="C2" t="str"><f>A1</f><v/></c>', None),
    ('<c r="C2" t="str"><f>A1</f><v> y</v></c>', " y"),
    ('<c r="C2" t="b"><f>A1</f><v>0</v></c>', "false"),
    ('<c r="C2" t="inlineStr"><f>A1</f><is><t>y</t></is></c>', "y"),
    ('<c r="C2"><f t="shared" si="0"/><v>5</v></c>', "5"),
    ('<c r="C2"><f>A1</f><v xml:space="preserve">5</v></c>', "5"),
    ('<c r="C2"><v></v></c>', None),
    ('<c r="C2" s="0"/>', None),
    ('<!-- <c r="B2"><f>1</f></c> --><c r="C2"><v>5</v></c>', "5"),
    ('<c r="C2" t="str"><v>&lt;f> "e" t="e"</v></c>', '<f> "e" t="e"'),
]


@pytest.mark.parametrize("prefix", ["", "x"])
@pytest.mark.parametrize("odd", [False, True])
def test_cells_that_are_left_as_they_are(tmp_path: Path, prefix: str, odd: bool) -> None:
    cells = [(cell, value) for cell, value in LEFT if odd or "<!" not in cell]
    path = with_cells(tmp_path / "o", *(cell for cell, _ in cells), prefix=prefix)
    assert rows(read(path, QUINT)) == [("x", None, value, "1") for _, value in cells]
    looked = list(cell_reader.messages(str(path), "Orders", SHEET, "0", "100", "1000000"))[2:]  # always with the parser
    assert looked == [(line, ["x", "", value or "", "1"], {}) for line, (_, value) in enumerate(cells, 2)]


def test_a_value_in_parts_is_no_blank(tmp_path: Path) -> None:
    cells = [
        '<c r="C2"><v><![CDATA[7]]></v></c>',
        '<c r="C2"><v><!-- it was 8 -->7</v></c>',
        '<c r="C2"><v>7<?was 8?></v></c>',
        '<c r="C2" t="str"><v>a<![CDATA[b]]></v></c>',
        '<c r="C2" t="inlineStr"><is><t>a<!-- b --></t></is></c>',
        '<c r="C2"><f>A1</f><v><![CDATA[7]]></v></c>',
    ]
    [chunk] = read(with_cells(tmp_path / "o", *cells), QUINT)
    found = [(line, failed.code, failed.column) for line, _, failed in chunk.bad]
    assert found == [(line, "unsupported_cell", "c") for line in range(2, 2 + len(cells))]
    assert chunk.bad[0][2].reason.startswith("cell C2: ")


@pytest.mark.parametrize("prefix", ["", "x"])
def test_errors_name_their_cell(tmp_path: Path, prefix: str) -> None:
    cells = [
        ('<c r="C2" t="e"><f>A1</f><v>#N/A</v></c>', "#N/A"),
        ("<c t='e' r='C2'><v>#DIV/0!</v></c>", "#DIV/0!"),
        ('<c r="C2" t="e"><f>A1</f><v>#SPILL!</v></c>', "#SPILL!"),
        ('<c r="C2" t = "e"><v>#NEW!</v></c>', "#NEW!"),
        ('<c r="C2" t="e"><v></v></c>', "#ERROR"),
        ('<c r="C2" t="e"/>', "#ERROR"),
        ('<c t="e" r="C2"><f t="shared" si="0"/><v>#REF!</v></c>', "#REF!"),
    ]
    [chunk] = read(with_cells(tmp_path / "o", *(cell for cell, _ in cells), prefix=prefix), QUINT)
    found = [(failed.code, failed.column, failed.value) for _, _, failed in chunk.bad]
    assert found == [("cell_error", "c", error) for _, error in cells]
    assert all(f"cell C{line} " in failed.reason for line, _, failed in chunk.bad)


@pytest.mark.slow
def test_every_error_is_found(tmp_path: Path) -> None:
    table = [["a", "b"], *[["x", Formula("#N/A")] for _ in range(11_000)]]
    pair = Dataset("pair", QUINT.columns[:2], ())
    chunks = read(make(tmp_path / "o", table), pair)
    assert sum(len(chunk.bad) for chunk in chunks) == 11_000 and rows(chunks) == []


def test_a_header_without_a_result(tmp_path: Path) -> None:
    path = with_rows(
        tmp_path / "o", b'<row r="3"><c r="B3"><f>"a"</f></c></row><row r="4"><c r="B4"><v>1</v></c></row>'
    )
    with pytest.raises(ImportFailed, match="cell B3") as caught:
        read(path, PAIR)
    assert (caught.value.code, caught.value.line) == ("cell_error", 3)


def test_an_array_without_results_refuses_the_sheet(tmp_path: Path) -> None:
    array = '<c r="B2"><f t="array" ref="B2:C2">A1*2</f>%s</c>'
    with pytest.raises(ImportFailed, match=r"cell B2.*B2:C2") as caught:
        read(with_cells(tmp_path / "o", array % "<v/>"), QUINT)
    assert caught.value.code == "cell_error"
    whole = array % "<v>1</v>" + '<c r="C2"><v>2</v></c>'
    assert rows(read(with_cells(tmp_path / "w", whole), QUINT)) == [("x", "1", "2", "1")]


def test_a_zero_that_is_to_be_calculated_is_no_result(tmp_path: Path) -> None:
    book = b'<workbook xmlns:r="r"><sheets><sheet name="Orders" r:id="rId1"/></sheets>%b</workbook>'
    cells = ['<c r="C2"><f>A1</f><v>0</v></c>', '<c r="C2"><f>A1</f><v>5</v></c>', '<c r="C2"><v>0</v></c>']
    later = {"xl__workbook": book % b'<calcPr fullCalcOnLoad="1"/>'}
    [chunk] = read(with_cells(tmp_path / "o", *cells, **later), QUINT)
    assert [(line, failed.code, failed.column) for line, _, failed in chunk.bad] == [(2, "cell_error", "c")]
    done = {"xl__workbook": book % b'<calcPr calcId="1"/>'}
    assert [row[2] for row in rows(read(with_cells(tmp_path / "p", *cells, **done), QUINT))] == ["0", "5", "0"]


@pytest.mark.parametrize("value", [1e400, float("inf"), float("nan")])
def test_what_is_no_number_is_refused(value: float) -> None:
    assert text_of(value)[1][0] == REFUSED  # type: ignore[index]


CELL = st.sampled_from(
    [
        '<c r="{0}"><v>1</v></c>',
        '<c r="{0}"><f>A1</f><v>1</v></c>',
        '<c r="{0}"><f t="shared" si="0"/><v>1</v></c>',
        '<c r="{0}"><f>A1</f></c>',
        '<c r="{0}"><f>A1</f><v/></c>',
        '<c r="{0}" t="e"><v>#N/A</v></c>',
        '<c r="{0}" t="e"/>',
        '<c r="{0}" s="1"><v>501</v></c>',
        '<c r="{0}" t="inlineStr"><is><t>a b</t></is></c>',
        '<c r="{0}"/>',
        '<c r="{0}"><f><![CDATA[1]]></f><v>1</v></c>',
    ]
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.lists(CELL, max_size=5), max_size=5), st.integers(1, 200))
def test_what_is_plain_is_what_the_parser_leaves_as_it_is(sheet: list[list[str]], size: int) -> None:
    body = "".join(
        f'<row r="{number}">{"".join(cell.format(f"{chr(65 + at)}{number}") for at, cell in enumerate(cells))}</row>'
        for number, cells in enumerate(sheet, 1)
    )
    data = f'<?xml version="1.0"?><worksheet><sheetData>{body}</sheetData><x:f>A1</x:f></worksheet>'.encode()
    styles = {"1": "00000"}

    def cut(size: int) -> Iterator[bytes]:
        return (data[at : at + size] for at in range(0, len(data), size))

    def anew(size: int) -> bytes:
        rewriter = Rewriter(styles, False)
        return b"".join(rewriter.pieces(cut(size))).replace(rewriter.token.encode(), b"")

    whole = anew(len(data))
    assert anew(size) == whole
    assert is_plain(cut(len(data)), styles, False) == (whole == data) or b"<!" in data
    if is_plain(cut(size), styles, False):
        assert whole == data
