"""Whether a first line is a header, with a list of columns; and columns that a list would swap."""

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import file_format_from_json
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows

PETS = Dataset(
    "pets", (Column("name", ColumnType.TEXT, length=30), Column("age", ColumnType.INTEGER, maximum=9999)), ("name",)
)
TEXTS = Dataset(
    "texts", tuple(Column(name, ColumnType.TEXT, length=30, nullable=True) for name in ("name", "city", "ship_to")), ()
)
KINDS = Dataset(
    "kinds",
    (
        Column("name", ColumnType.TEXT, length=30),
        Column("tame", ColumnType.BOOLEAN),
        Column("kind", ColumnType.ENUM, choices=("cat", "dog")),
    ),
    (),
)


def as_csv(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def as_semicolons(rows: list[list[str]]) -> bytes:
    return "\r\n".join(";".join(f'"{each}"' for each in row) for row in rows).encode("utf-16")


def as_xlsx(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(at, column, int(value) if value.isdigit() else value)
    book.close()
    return out.getvalue()


every_format = pytest.mark.parametrize("write", [as_csv, as_semicolons, as_xlsx])


def read(path: Path, data: bytes, dataset: Dataset, **said: str) -> list[list[str | None]]:
    """The rows, as the import reads them and as the preview shows them."""
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], dataset, parse_options(said))
    kept = file_format_from_json(file_format.as_json())
    found = make_preview(path, file_format, dataset, 100)
    try:
        check_head(path, dataset, file_format)
        batches = list(read_rows(path, dataset, kept, 1 << 20))
    except ImportFailed as failed:
        assert found.problem is not None and found.problem.as_dict() == failed.as_dict()
        raise
    assert found.problem is None
    assert len(found.rows) == sum(batch.rows + len(batch.rejects) for batch in batches)
    return [list(values) for batch in batches for _, values in read_payload(batch.payload)]


def failure(path: Path, data: bytes, dataset: Dataset, **said: str) -> ImportFailed:
    with pytest.raises(ImportFailed) as caught:
        read(path, data, dataset, **said)
    return caught.value


@every_format
@pytest.mark.parametrize(
    ("dataset", "columns", "first", "is_header"),
    [
        (PETS, "name,age", ["name", "age"], True),
        (PETS, "name,age", [" Name ", "AGE"], True),
        (PETS, "name,age", ["Name", "Years"], True),
        (PETS, "age,name", ["age", "name"], True),
        (PETS, "name,age", ["Rex", "1"], False),
        (PETS, "name,age", ["Rex", "1942"], False),
        (PETS, "name,,age", ["name", "what", "age"], True),
        (PETS, "name,,age", ["Rex", "what", "3"], False),
        (TEXTS, "name,city", ["Name", "City"], True),
        (TEXTS, "name,ship_to", ["Name", "Ship To"], True),
        (TEXTS, "name,city", ["Ann", "2026-01-31"], False),
        (TEXTS, "name,city", ["ann@example.com", "Ulm"], False),
        (KINDS, "name,tame,kind", ["Rex", "yes", "dog"], False),
    ],
)
def test_what_the_first_line_is(
    tmp_path: Path, write: Any, dataset: Dataset, columns: str, first: list[str], is_header: bool
) -> None:
    listed = columns.split(",")
    good = ["dog" if name == "kind" else "1" if name in ("age", "tame") else "Tom" for name in listed]
    for below in (1, 2):
        rows = read(tmp_path / "file", write([first, *[good] * below]), dataset, columns=columns)
        assert len(rows) == below + (not is_header)


@every_format
@pytest.mark.parametrize(
    ("dataset", "columns", "first"),
    [
        (TEXTS, "name,city", ["Kunde", "Ort"]),
        (TEXTS, "name,city", ["name", "Ort"]),
        (TEXTS, "name,city", ["Ann", "Ulm"]),
        (PETS, "name,age", ["Kunde", "Alter"]),
        (PETS, "name,age", ["name", "5"]),
        (KINDS, "name,tame,kind", ["Kunde", "zahm", "Art"]),
    ],
)
def test_what_cannot_be_told_is_asked(
    tmp_path: Path, write: Any, dataset: Dataset, columns: str, first: list[str]
) -> None:
    good = ["dog" if name == "kind" else "1" if name in ("age", "tame") else "Tom" for name in columns.split(",")]
    data = write([first, good])
    found = failure(tmp_path / "file", data, dataset, columns=columns)
    assert (found.code, found.line) == ("header_unclear", 1)
    assert "line 1 " in found.reason and "header=true or header=false" in found.reason
    assert read(tmp_path / "file", data, dataset, columns=columns, header="true")[0][: len(good)] == good


def test_titles_of_years_are_no_numbers(tmp_path: Path) -> None:
    columns = tuple(Column(name, ColumnType.INTEGER, maximum=9999) for name in ("a", "b"))
    dataset = Dataset("sales", (Column("region", ColumnType.TEXT, length=30), *columns), ())
    for data in (as_csv, as_xlsx):
        found = failure(
            tmp_path / "file", data([["Region", "2024", "2025"], ["North", "7", "8"]]), dataset, columns="region,a,b"
        )
        assert found.code == "header_unclear"


def as_parquet(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({name: [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])}).write_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize("write", [as_csv, as_semicolons, as_xlsx, as_parquet])
@pytest.mark.parametrize("header", [None, "true"])
@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["name", "city"], ["city", "name"]),
        (["name", "city"], ["City", "NAME"]),
        (["ship_to", "name"], ["name", "Ship To"]),
        (["name", None, "city"], ["city", "what", "name"]),
        (["name", None], ["city", "name"]),
        (["name", "ship_to"], ["city", "ship_to"]),
    ],
)
def test_columns_are_never_swapped(
    tmp_path: Path, write: Any, header: str | None, columns: list[str | None], names: list[str]
) -> None:
    said = {"header": header} if header and write is not as_parquet else {}
    data = write([names, ["Ann"] * len(names)])
    found = failure(tmp_path / "file", data, TEXTS, columns=",".join(name or "" for name in columns), **said)
    assert (found.code, found.line) == ("columns_differ", 1)
    assert "columns" in found.reason


def test_names_that_are_there_twice_may_be_listed(tmp_path: Path) -> None:
    for names, columns in ((["name", "name"], "name,city"), (["name", "city"], ",city"), (["city", "x"], ",name")):
        said = {"header": "true"}
        assert len(read(tmp_path / "file", as_csv([names, ["Ann", "Ulm"]]), TEXTS, columns=columns, **said)) == 1


@every_format
@pytest.mark.parametrize(
    "rows",
    [
        [["Rex", "1"], ["Tom", "2"]],
        [["name", "age"], ["Rex", "1"]],
        [["age", "age"], ["1", "2"]],
        [["import_id", "import_id"], ["x", "y"]],
        [["x 2", "x", "x"], ["a", "b", "c"]],
        [["Größe", "GRÖSSE", ""], ["1", "2", ""], ["1", "2", ""]],
    ],
)
def test_a_proposal_is_imported_as_it_was_shown(tmp_path: Path, write: Any, rows: list[list[str]]) -> None:
    path, data = tmp_path / "file", write(rows)
    path.write_bytes(data)
    nothing = Dataset("", (), ())
    shown = make_preview(path, detect(None, None, data, nothing, parse_options({})), None, 100)
    assert shown.inferred is not None and shown.problem is None
    said = {}
    if shown.file_format.columns is not None:
        said["columns"] = json.dumps(shown.file_format.columns)
    assert len(read(path, data, shown.inferred.dataset, **said)) == len(shown.rows)


def test_a_list_names_the_columns_of_a_proposal(tmp_path: Path) -> None:
    for data in (as_csv([["Rex", "1"], ["Tom", "2"]]), as_xlsx([["Rex", "1"], ["Tom", "2"]])):
        path = tmp_path / "file"
        path.write_bytes(data)
        file_format = detect(None, None, data, Dataset("", (), ()), parse_options({"columns": "pet,age"}))
        found = make_preview(path, file_format, None, 100)
        assert found.inferred is not None and found.problem is None and found.file_format.header is False
        assert found.inferred.dataset.column_names == ("pet", "age") and len(found.rows) == 2


def test_a_sheet_has_no_rows_above_its_header(tmp_path: Path) -> None:
    data = as_xlsx([["Ann", "2026-01-02"], ["Bob", "2026-01-03"], ["name", "city"], ["Cid", "2026-01-04"]])
    found = failure(tmp_path / "file", data, TEXTS, columns="name,city")
    assert (found.code, found.line) == ("rows_above", 1)
    assert len(read(tmp_path / "file", data, TEXTS, columns="name,city", header="false")) == 4
    assert len(read(tmp_path / "file", data, TEXTS, columns="name,city", first_line="3")) == 1


def test_empty_rows_below_a_sheets_header_are_counted_alike(tmp_path: Path) -> None:
    data = as_xlsx([["name", "age"], [], [], ["Rex", "1"], ["Tom", "two"]])
    path = tmp_path / "file"
    path.write_bytes(data)
    file_format = detect(None, None, data, PETS, parse_options({}))
    [batch] = read_rows(path, PETS, file_format, 1 << 20)
    found = make_preview(path, file_format, PETS, 100)
    shown = [(row.record.line, row.reject.line, row.reject.code) for row in found.rows if row.reject]
    assert shown == [(bad.line, bad.line, bad.code) for bad in batch.rejects]
