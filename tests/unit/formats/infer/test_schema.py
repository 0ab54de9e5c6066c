"""A dataset for a file: it must accept every row of the sample that suggested it, exactly."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Controls, Dataset
from app.domain.definition import read_definition
from app.formats.detection import HEAD_BYTES, detect
from app.formats.infer.names import make_names
from app.formats.infer.schema import Inferred, as_definition
from app.formats.options import parse_options
from app.formats.preview.preview import Preview, make_preview
from tests.fuzz.examples import examples


def inferred(path: Path, data: bytes | str, rows: int = 10_000, **said: str) -> Preview:
    content = data.encode() if isinstance(data, str) else data
    path.write_bytes(content)
    file_format = detect(None, None, content[:HEAD_BYTES], Dataset("", (), ()), parse_options(said))
    found = make_preview(path, file_format, None, rows, name="new")
    assert found.problem is None, found.problem
    return found


def of(found: Preview) -> Inferred:
    assert found.inferred is not None
    return found.inferred


def definition(found: Preview) -> dict[str, Any]:
    return as_definition(of(found).dataset)


def column_of(tmp_path: Path, *values: str) -> Column:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", "value"])
    writer.writerows([f"r{at}", value] for at, value in enumerate(values))
    found = inferred(tmp_path / "file", out.getvalue(), header="true")
    assert not any(row.reject for row in found.rows)
    assert read_definition(json.loads(json.dumps(definition(found)))) == of(found).dataset
    return of(found).dataset.columns[1]


INTEGER = {"minimum": -(2**63), "maximum": 2**63 - 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-5", "300"], Column("value", ColumnType.INTEGER, **INTEGER)),
        (["18446744073709551615"], Column("value", ColumnType.INTEGER, minimum=0, maximum=2**64 - 1)),
        (["18446744073709551616"], Column("value", ColumnType.DECIMAL, precision=24, scale=2, signed=True)),
        (["007", "8"], Column("value", ColumnType.TEXT, length=16)),
        (["-0"], Column("value", ColumnType.TEXT, length=16)),
        (["+1"], Column("value", ColumnType.TEXT, length=16)),
        (["1.5", "2"], Column("value", ColumnType.DECIMAL, precision=11, scale=2, signed=True)),
        (["1.2345"], Column("value", ColumnType.DECIMAL, precision=13, scale=4, signed=True)),
        (["12,50", "3,99"], Column("value", ColumnType.TEXT, length=16)),
        (["1,234.50"], Column("value", ColumnType.TEXT, length=16)),
        (["1e5"], Column("value", ColumnType.TEXT, length=16)),
        (["2026-01-02 03:04:05"], Column("value", ColumnType.DATETIME)),
        (["2026-01-02T03:04:05.250Z", "2026-01-02T03:04:05+02:00"], Column("value", ColumnType.DATETIME, scale=3)),
        (["2026-01-02 3:04"], Column("value", ColumnType.TEXT, length=32)),
        (["31/12/2026 23:59", "01/02/2026 00:00"], Column("value", ColumnType.DATETIME, formats=("%d/%m/%Y %H:%M",))),
        (["12/31/2026 11:59 PM"], Column("value", ColumnType.DATETIME, formats=("%m/%d/%Y %I:%M %p",))),
        (["2026-01-02"], Column("value", ColumnType.DATE)),
        (["31.12.2026", "01.02.2026"], Column("value", ColumnType.DATE, formats=("%d.%m.%Y",))),
        (["31/12/2026", "01/02/2026"], Column("value", ColumnType.DATE, formats=("%d/%m/%Y",))),
        (["12/31/2026", "01/02/2026"], Column("value", ColumnType.DATE, formats=("%m/%d/%Y",))),
        (["05/06/2026", "01/02/2026"], Column("value", ColumnType.TEXT, length=16)),
        (["true", "FALSE"], Column("value", ColumnType.BOOLEAN)),
        (["Yes", "no"], Column("value", ColumnType.BOOLEAN)),
        (["true", "no"], Column("value", ColumnType.TEXT, length=16)),
        (["5", ""], Column("value", ColumnType.INTEGER, nullable=True, **INTEGER)),
        (["", ""], Column("value", ColumnType.TEXT, length=255, empty=True, nullable=True)),
        (["a\nb"], Column("value", ColumnType.TEXT, length=16, controls=Controls.LINES)),
        (["a\x00b"], Column("value", ColumnType.TEXT, length=16, controls=Controls.ANY)),
        (["-1.50"], Column("value", ColumnType.DECIMAL, precision=11, scale=2, signed=True)),
        (["2026-02-30 03:04:05"], Column("value", ColumnType.TEXT, length=32)),
        (["a@example.com", "b@example.org"], Column("value", ColumnType.EMAIL, length=254)),
        (["a@example"], Column("value", ColumnType.TEXT, length=16)),
        (["EUR", "USD"], Column("value", ColumnType.CURRENCY)),
        (["EUR", "XXL"], Column("value", ColumnType.TEXT, length=16)),
        (["x" * 100], Column("value", ColumnType.TEXT, length=255)),
        (["x" * 20_000], Column("value", ColumnType.TEXT, length=1_000_000)),
        (["paid", "open"] * 60, Column("value", ColumnType.ENUM, choices=("open", "paid"))),
        (["paid", "open"] * 10, Column("value", ColumnType.TEXT, length=16)),
        (["paid"] * 200, Column("value", ColumnType.TEXT, length=16)),
    ],
)
def test_the_narrowest_type(tmp_path: Path, values: list[str], expected: Column) -> None:
    assert column_of(tmp_path, *values) == expected


def notes(found: Preview) -> dict[str | None, tuple[str, ...]]:
    return {each.name: each.notes for each in of(found).proposals}


def test_a_note_says_that_the_encoding_may_be_another(tmp_path: Path) -> None:
    for text in ("a\x92s", "a\ufeffb", "a\uffff"):
        found = inferred(tmp_path / "file", f"name,age\n{text},1\n")
        assert "encoding" in notes(found)["name"][0] and not notes(found)["age"]
        assert of(found).dataset.columns[0].controls is Controls.ANY


def test_names_stay_as_they_are_so_that_the_file_fits(tmp_path: Path) -> None:
    found = inferred(tmp_path / "file", "Order No,select,Größe,order no,import_no,\nA1,x,L,y,z,\n")
    names = [column.name for column in of(found).dataset.columns]
    assert names == ["Order No", "select", "Größe", "order no_2", "import_no_2"]
    assert of(found).columns == {"order no": "order no_2", "import_no": "import_no_2"}
    assert not any(row.reject for row in found.rows)
    doubled = inferred(tmp_path / "file", "a,a,\n1,2,3\n")
    assert of(doubled).columns == ["a", "a_2", "column_3"]
    read_definition(definition(doubled))


@given(st.lists(st.text(max_size=80), max_size=30))
def test_names_are_always_names(names: list[str]) -> None:
    made = make_names([name.strip() for name in names])
    columns = [{"name": name, "type": "text"} for name in made]
    assert [
        column.name
        for column in read_definition({"name": "x", "columns": columns or [{"name": "a", "type": "text"}]}).columns
    ][: len(made)] == made


def test_a_key_is_a_column_that_tells_the_rows_apart(tmp_path: Path) -> None:
    rows = "".join(f"x,{number},N-{number}\n" for number in range(50))
    assert of(inferred(tmp_path / "file", "a,b,order_number\n" + rows)).dataset.key == ("order_number",)
    assert of(inferred(tmp_path / "file", "a,b,c\n" + rows)).dataset.key == ()
    assert of(inferred(tmp_path / "file", "a,b,c\n" + rows + rows)).dataset.key == ()
    many = "".join(f"x,{number},N-{number}\n" for number in range(150))
    assert of(inferred(tmp_path / "file", "a,b,c\n" + many)).dataset.key == ("b",)
    blanks = "a,id\nx,1\ny,1 \n"
    assert of(inferred(tmp_path / "file", blanks)).dataset.key == ()


def test_a_file_without_a_header_is_noticed(tmp_path: Path) -> None:
    found = inferred(tmp_path / "file", "Rex,2026-01-02 03:04:05,7\nTom,2026-01-02 03:04:06,8\n")
    assert found.file_format.header is False and len(found.rows) == 2
    assert [column.name for column in of(found).dataset.columns] == ["column_1", "column_2", "column_3"]
    assert of(found).columns == ["column_1", "column_2", "column_3"]
    assert not any(row.reject for row in found.rows)


def test_a_report_with_a_preamble(tmp_path: Path) -> None:
    text = "Report of the week; all shops\n\nfrom;2026-01-01\n\nsku;price;shop\n" + "A-1;1.50;north\n" * 20
    found = inferred(tmp_path / "file", text)
    assert (found.file_format.first_line, found.file_format.delimiter) == (5, ";")
    assert [column.type for column in of(found).dataset.columns] == ["text", "decimal", "text"]


def test_objects_keep_the_kinds_of_json(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "price": 1.50, "no": "007", "mixed": 1, "tags": ["a"], "e": 1e30},
        {"id": 2, "price": 3, "no": "8", "mixed": "x", "tags": [], "e": 1},
    ]
    for text in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        found = inferred(tmp_path / "file", text)
        assert [(column.name, column.type) for column in of(found).dataset.columns] == [
            ("id", "integer"),
            ("price", "decimal"),
            ("no", "text"),
            ("mixed", "text"),
            ("e", "decimal"),
        ]
        assert of(found).columns == {"tags": None}
        assert all(notes(found)[name] for name in ("mixed", "tags"))
        assert not any(row.reject for row in found.rows)


@pytest.mark.slow
def test_a_wide_file_fits_into_a_row(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(400))
    found = inferred(tmp_path / "file", header + "\n" + ",".join(["x" * 100] * 400) + "\n")
    read_definition(definition(found))
    assert len(of(found).dataset.columns) == 400 and not any(row.reject for row in found.rows)
    too_wide = inferred(tmp_path / "file", ",".join(f"c{number}" for number in range(600)) + "\n" + "," * 599 + "x\n")
    assert of(too_wide).too_many and len(of(too_wide).dataset.columns) == 500


words = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.sampled_from(
        ["NULL", "\\N", "true", "0", "007", "1.50", "2026-01-02 03:04:05", "a@b.de", "EUR", "😀", '"', "1e3"]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: format(number, "f")[:90]),
    st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S")),
    st.dates().map(lambda day: day.strftime("%d/%m/%Y")),
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(words, min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(max_examples=examples(200), deadline=None)
@given(tables)
def test_every_row_of_the_sample_is_accepted(tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([f"c{at}" for at in range(len(table[0]))])
    writer.writerows(table)
    said = {"delimiter": ",", "first_line": "1", "quote": '"', "escape": "", "header": "true"}
    found = inferred(tmp_path_factory.getbasetemp() / "inferred", out.getvalue(), **said)
    assert [row.record.values for row in found.rows] == [tuple(row) for row in table]
    assert [row.reject for row in found.rows] == [None] * len(table)
    assert read_definition(definition(found)) == of(found).dataset


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"), words | st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9), min_size=3
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_object_of_the_sample_is_accepted(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]]
) -> None:
    assume(any(value is not None for one in objects for value in one.values()))  # a file of blank rows has no rows
    found = inferred(tmp_path_factory.getbasetemp() / "inferred", json.dumps(objects))
    if of(found).dataset.columns:
        filled = [one for one in objects if any(value is not None for value in one.values())]
        assert [row.reject for row in found.rows] == [None] * len(filled)
        assert found.blank == len(objects) - len(filled)


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"id,Ann\xe9e\n1,2\n", "Ann\\xe9e"), (b'{"id": 1, "\\ud83d": 2}\n', "\\ud83d"), (b'[{"a\xff": 2}]', "a\\xff")],
)
def test_names_that_are_no_unicode_are_a_problem_and_never_an_option(tmp_path: Path, data: bytes, shown: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    file_format = detect(None, None, data, Dataset("", (), ()), parse_options({}))
    found = make_preview(path, file_format, None, 20)
    assert found.problem is not None and found.problem.code == "not_utf8" and found.problem.column == shown
    assert found.file_format.columns is None and of(found).columns is None
    json.dumps(definition(found), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("data", "is_noted"),
    [
        ('{"a": "x", "v": 1.0}\n{"a": "y", "v": 1e2}\n', False),
        ('{"a": "x", "v": 1.005}\n', False),
        ("a,v\nx,1.005\n", True),
        ("a,v\nx,1.0\ny,100\n", False),
    ],
)
def test_only_a_text_has_a_doubtful_point(tmp_path: Path, data: str, is_noted: bool) -> None:
    notes = of(inferred(tmp_path / "f", data)).proposals[1].notes
    assert any("taken for a decimal mark" in note for note in notes) == is_noted


def test_a_currency_is_proposed_with_its_sign_and_not_for_several(tmp_path: Path) -> None:
    [note] = of(inferred(tmp_path / "f", "a,v\nx,$19.90\ny,$5.00\n")).proposals[1].notes
    assert 'columns={"v": {"currency": "$"}}' in note
    assert of(inferred(tmp_path / "f", "a,v\nx,$19.90\ny,€5.00\n")).proposals[1].notes == ()
    assert of(inferred(tmp_path / "f", 'a,v\nx,"$1,500"\ny,-€5.00\n')).proposals[1].notes == ()


def test_a_proposal_with_options_takes_what_an_import_takes(tmp_path: Path) -> None:
    found = inferred(tmp_path / "f", "a,v\nx,1.000\ny,2.000\n", percent="true")
    assert not any(row.reject for row in found.rows)
