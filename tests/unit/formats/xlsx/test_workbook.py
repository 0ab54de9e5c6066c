"""Workbooks in, rows or errors out."""

import datetime as dt
import importlib.util
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings, strategies as st

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.domain.file_format import FileFormat
from app.formats.validate.rows import check_records
from app.formats.xlsx.cells import text_of
from app.formats.xlsx.rewriter import REFUSED
from app.formats.xlsx.workbook import read_records, resolve_sheet
from tests.fuzz.examples import examples
from tests.unit.formats.xlsx.workbooks import GOOD, HEADER, MOMENT, PAIR, VALUES, Formula, code_of, make, read, rows


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
