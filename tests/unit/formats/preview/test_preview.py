"""Previews: what a file is taken for, its first rows, and what an import would say of them."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from backports import zstd

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.preview.preview import Preview, make_preview

PETS = Dataset(
    "pets",
    (Column("name", ColumnType.TEXT, length=30), Column("age", ColumnType.INTEGER, maximum=99)),
    ("name",),
)
CSV = 'name;age\nRex;1\n"Tom; the\ncat";two\nIda;3\nBen\n'


def preview(
    path: Path,
    data: bytes | str,
    rows: int = 20,
    name: str | None = None,
    dataset: Dataset | None = PETS,
    partial: bool = False,
    **said: str,
) -> Preview:
    content = data.encode() if isinstance(data, str) else data
    path.write_bytes(content)
    file_format = detect(name, None, content[:HEAD_BYTES], dataset or Dataset("", (), ()), parse_options(said))
    return make_preview(path, file_format, dataset, rows, partial=partial)


def shown(found: Preview) -> list[tuple[int, tuple[str | None, ...], str | None]]:
    return [(row.record.line, row.record.values, row.reject and row.reject.code) for row in found.rows]


def mapped(found: Preview) -> list[tuple[str | None, str | None, str]]:
    return [(each.name, each.column, each.status) for each in found.columns]


def test_rows_are_shown_as_they_stand_with_what_an_import_would_refuse(tmp_path: Path) -> None:
    found = preview(tmp_path / "file", CSV)
    assert shown(found) == [
        (2, ("Rex", "1"), None),
        (3, ("Tom; the\ncat", "two"), "control_character"),
        (5, ("Ida", "3"), None),
        (6, ("Ben",), "too_few_fields"),
    ]
    assert mapped(found) == [("name", "name", "mapped"), ("age", "age", "mapped")]
    assert (found.problem, found.cut, found.missing, found.file_format.delimiter) == (None, False, [], ";")
    assert shown(preview(tmp_path / "file", CSV, rows=1)) == [(2, ("Rex", "1"), None)]


def test_columns_are_shown_with_what_becomes_of_them(tmp_path: Path) -> None:
    text = "Pet,age,Notes,reject_line\nRex,1,good,5\n"
    found = preview(tmp_path / "file", text)
    assert mapped(found) == [
        ("Pet", None, "unknown"),
        ("age", "age", "mapped"),
        ("Notes", None, "unknown"),
        ("reject_line", None, "left_out"),
    ]
    assert found.missing == ["name"] and found.problem is not None
    assert (found.problem.code, shown(found)) == ("unknown_column", [(2, ("Rex", "1", "good", "5"), None)])
    mended = preview(tmp_path / "file", text, columns='{"Pet": "name", "Notes": null}')
    assert mended.problem is None and [each.status for each in mended.columns] == [
        "mapped",
        "mapped",
        "left_out",
        "left_out",
    ]


def test_a_file_without_a_header_needs_names(tmp_path: Path) -> None:
    bare = preview(tmp_path / "file", "Rex,1\n", header="false")
    assert bare.problem is not None and bare.problem.code == "columns_needed"
    assert (mapped(bare), bare.missing) == ([(None, None, "unknown")] * 2, ["name", "age"])
    named = preview(tmp_path / "file", "1,Rex\n", header="false", columns="age,name")
    assert (mapped(named), named.problem) == ([(None, "age", "mapped"), (None, "name", "mapped")], None)


ROWS = [(f"Müller {number}", str(number % 99)) for number in range(20_000)]
TEXT = "name;age\r\n" + "".join(f'"{name}";{age}\r\n' for name, age in ROWS)
OBJECTS = [{"name": name, "age": int(age)} for name, age in ROWS]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-16"),
        gzip.compress(TEXT.encode(), 1, mtime=0),
        zstd.compress(TEXT.encode()),
        "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in OBJECTS).encode(),
        json.dumps(OBJECTS, ensure_ascii=False).encode(),
        gzip.compress(json.dumps(OBJECTS, indent=2).encode(), 1, mtime=0),
    ],
    ids=["csv", "utf-16", "gzip", "zstd", "ndjson", "json", "json-gzip"],
)
@pytest.mark.slow
def test_the_beginning_of_a_file_is_enough(tmp_path: Path, data: bytes) -> None:
    for size in (40_000, 40_001, 40_002, 40_003, 65_536):
        found = preview(tmp_path / "file", data[:size], partial=True)
        assert [row.record.values for row in found.rows] == ROWS[:20]
        assert found.cut and found.problem is None and not any(row.reject for row in found.rows)
    whole = preview(tmp_path / "file", data)
    assert [row.record.values for row in whole.rows] == ROWS[:20] and whole.problem is None


@pytest.mark.parametrize("size", range(18, 44))
def test_a_row_that_was_cut_off_is_no_error(tmp_path: Path, size: int) -> None:
    data = b'name,age\nRex,1\n"Tom\n","2"\nIda,3\nBen,4\n'
    found = preview(tmp_path / "file", data[:size], partial=True)
    whole = [(2, ("Rex", "1"), None), (3, ("Tom\n", "2"), "control_character"), (5, ("Ida", "3"), None)]
    whole.append((6, ("Ben", "4"), None))
    assert shown(found) == whole[: len(shown(found))] and found.problem is None
    assert len(shown(found)) == 1 + (size >= 26) + (size >= 32) + (size >= 38)


def test_what_is_cut_off_without_a_word_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT.encode(), 1, mtime=0)
    found = preview(tmp_path / "file", packed[:20_000])
    assert found.problem is not None and found.problem.code == "truncated_gzip" and len(found.rows) == 20
    array = preview(tmp_path / "file", '[{"name": "Rex", "age": 1}, {"name": "To')
    assert array.problem is not None and array.problem.code == "truncated_json"
    assert shown(array) == [(1, ("Rex", "1"), None)]


@pytest.mark.slow
def test_a_quote_that_does_not_close_hides_no_rows(tmp_path: Path) -> None:
    data = 'name,age\n"Rex,1\n' + "Tom,2\n" * 100_000
    found = preview(tmp_path / "file", data, rows=2, partial=True)
    assert [(line, code) for line, _, code in shown(found)] == [(2, "bad_quote"), (3, None)]


def test_blank_rows_are_passed_over_wherever_the_preview_ends(tmp_path: Path) -> None:
    for rows in (1, 2, 3):
        found = preview(tmp_path / "file", "name,age\n\nRex,1\n\n,\n\nTom,x\n,\n,\n\n", rows=rows)
        assert shown(found) == [(3, ("Rex", "1"), None), (7, ("Tom", "x"), "not_an_integer")][:rows]
        assert found.problem is None and found.blank == [0, 1, 6, 6][rows]
    found = preview(tmp_path / "file", "\nRex,1\n", 1, first_line="1", header="false", columns="name,age")
    assert shown(found) == [(2, ("Rex", "1"), None)] and found.blank == 1


def test_elements_on_one_line_are_told_apart(tmp_path: Path) -> None:
    found = preview(tmp_path / "file", '[{"name":"a","age":1},{"name":"b","age":"x"},7,{"age":3,"name":"c"},{"n":1}]')
    assert [code for _, _, code in shown(found)] == [None, "not_an_integer", "not_an_object", None, "unknown_column"]
    assert [(each.name, each.status) for each in found.columns][:2] == [("name", "mapped"), ("age", "mapped")]


def as_xlsx(*tables: list[list[Any]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    for number, table in enumerate(tables, 1):
        sheet = book.add_worksheet(f"Sheet {number}")
        for at, row in enumerate(table):
            sheet.write_row(at, 0, row)
    book.close()
    return out.getvalue()


def test_a_workbook_shows_its_sheets(tmp_path: Path) -> None:
    book = as_xlsx([["x"], [1]], [["Pets"], [], ["name", "age"], ["Rex", 1], [], ["Tom", "two"]])
    found = preview(tmp_path / "file", book, sheet="Sheet 2", first_line="3")
    assert found.sheets == ["Sheet 1", "Sheet 2"] and found.problem is None
    assert shown(found) == [
        (4, ("Rex", "1"), None),
        (6, ("Tom", "two"), "not_an_integer"),
    ]
    assert found.blank == 1
    first = preview(tmp_path / "file", book)
    assert first.problem is not None and first.problem.code == "missing_column" and first.missing == ["name", "age"]
    unknown = preview(tmp_path / "file", book, sheet="none")
    assert unknown.problem is not None and unknown.problem.code == "unknown_sheet" and unknown.rows == []


def test_parquet(tmp_path: Path) -> None:
    out = io.BytesIO()
    pl.DataFrame({"age": [1, 2], "name": ["Rex", "x" * 40], "tags": [["a"], ["b"]]}).write_parquet(out)
    found = preview(tmp_path / "file", out.getvalue(), columns='{"tags": null}')
    assert [(line, values[:2], code) for line, values, code in shown(found)] == [
        (1, ("1", "Rex"), None),
        (2, ("2", "x" * 40), "too_long"),
    ]
    assert preview(tmp_path / "file", out.getvalue()).problem is not None
    damaged = preview(tmp_path / "file", out.getvalue()[:-10])
    assert damaged.problem is not None and damaged.problem.code == "damaged_parquet"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\n\n", "empty_file"),
        (b"name,age\n", "no_rows"),
        (b"[]", "no_rows"),
        (b'[{"name":"a","age":1},]', "trailing_comma"),
        (b'[{"name":"a","age":1} {}]', "missing_comma"),
        (b'[{"name":"a","age":1}] x', "text_after_array"),
        (b"name,age\n\x00\x01,1\n", None),
        (b"\x1f\x8bno gzip at all", "corrupt_gzip"),
        (b"," * 1_000_000 + b"\n1\n", "too_many_columns"),
        (b'"' * 1_000_001, "bad_quote"),
        (b'{"name": ' * 100_000, "not_json"),
        (b"[" * 100_000, "not_json"),
        (gzip.compress(b"x" * 30_000_000, mtime=0), "no_whole_row"),
        (zstd.compress(b"name,age\n" + b"\0" * 30_000_000), "no_whole_row"),
    ],
    ids=[
        "blank",
        "headeronly",
        "array",
        "comma",
        "no-comma",
        "after",
        "nul",
        "gzip",
        "columns",
        "quotes",
        "nested",
        "brackets",
        "bomb",
        "zeros",
    ],
)
@pytest.mark.slow
def test_hostile_files_are_answered(tmp_path: Path, data: bytes, code: str | None) -> None:
    for partial in (False, True):
        found = preview(tmp_path / "file", data, partial=partial)
        if not partial:
            assert (found.problem.code if found.problem else None) == code
        assert preview(tmp_path / "file", data, partial=partial, dataset=None).inferred is not None


def test_objects_are_matched_one_by_one(tmp_path: Path) -> None:
    """A key in capitals is the same column where the object lacks the exact one: to leave it out would lose a value."""
    data = '[{"name":"Rex","age":1},{"Name":"Ida","AGE":2},{"name":"Ben","age":3}]'
    found = preview(tmp_path / "f.json", data)
    assert mapped(found) == [(name, name.lower(), "mapped") for name in ("name", "age", "Name", "AGE")]
    assert found.suggested is None and found.problem is None and not any(row.reject for row in found.rows)
    both = preview(tmp_path / "f.json", '[{"name":"Rex","age":1,"AGE":2}]')
    assert both.problem is not None and "the key 'AGE', which is not a column" in str(both.problem)
