"""Proposals of whole files: what they propose loads, and their notes name the option for what stays text."""

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from app.domain.column_options import ColumnOptions
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.definition import read_definition
from app.formats.detection import HEAD_BYTES, detect
from app.formats.infer.schema import as_definition
from app.formats.options import parse_options
from app.formats.preview import whole_file
from app.formats.preview.preview import make_preview
from app.formats.preview.serializer import serialize_preview
from app.formats.reader import read_rows


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, a whole file is read."""
    monkeypatch.setattr(whole_file, "MAX_SECONDS", 300)


def proposed(path: Path, data: bytes, *, partial: bool = False, **said: str) -> dict[str, tuple[Column | None, str]]:
    """The proposed columns and their notes. The whole file must load into the proposed dataset."""
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], Dataset("", (), ()), parse_options(said))
    found = make_preview(path, file_format, None, 5, partial=partial)
    assert found.inferred is not None and found.problem is None
    assert read_definition(json.loads(json.dumps(as_definition(found.inferred.dataset)))) == found.inferred.dataset
    if not partial:
        batches = list(read_rows(path, found.inferred.dataset, found.file_format, 1 << 20))
        assert [reject for batch in batches for reject in batch.rejects] == []
    return {each.name or "": (each.column, " ".join(each.notes)) for each in found.inferred.proposals}


def test_a_proposal_names_the_option_for_what_stays_text(tmp_path: Path) -> None:
    data = b"Datum;Preis;Tag;Rate\n3.4.2026;1.012,50;03/04/2026;5%\n22.11.2026;-3,99;04/05/2026;6%\n"
    notes = {
        name: note
        for name, (column, note) in proposed(tmp_path / "o", data).items()
        if column and column.type == "text"
    }
    assert 'columns={"Datum": {"formats": ["%d.%m.%Y"]}}' in notes["Datum"]
    assert 'columns={"Preis": {"decimal_mark": ",", "grouping_mark": "."}}' in notes["Preis"]
    assert all(f'columns={{"Tag": {{"formats": ["{format}"]}}}}' in notes["Tag"] for format in ("%d/%m/%Y", "%m/%d/%Y"))
    assert '{"percent": true}' in notes["Rate"] and '{"percent": "fraction"}' in notes["Rate"]


def test_a_proposal_follows_the_options(tmp_path: Path) -> None:
    data = b"Datum;Preis;Tag\n3.4.2026;1.012,50;03/04/2026\n22.11.2026;-3,99;04/05/2026\n"
    columns = {"Datum": {"formats": ["%d.%m.%Y"]}, "Tag": {"formats": ["%m/%d/%Y"]}}
    said = {"columns": json.dumps(columns), "decimal_mark": ",", "grouping_mark": "."}
    found = proposed(tmp_path / "o", data, **said)
    assert [column and column.type for column, _ in found.values()] == ["date", "decimal", "date"]


def test_an_option_for_all_columns_leaves_no_column_that_refuses_the_file(tmp_path: Path) -> None:
    data = b"Sale Date,Date Paid,n\n01/31/26,01/31/2026,1.5\n02/01/26,02/01/2026,2\n"
    found = proposed(tmp_path / "o", data, formats="%m/%d/%y", decimal_mark=",")
    assert [column and column.type for column, _ in found.values()] == ["date", "text", "text"]


@pytest.mark.parametrize("format", ["ndjson", "parquet", "xlsx"])
def test_numbers_that_are_no_texts_have_a_point(tmp_path: Path, format: str) -> None:
    frame = pl.DataFrame({"sku": ["x", "y"], "price": [1.234, 2.5]})
    path = tmp_path / "f"
    if format == "ndjson":
        frame.write_ndjson(path)
    elif format == "parquet":
        frame.write_parquet(path)
    else:
        book = xlsxwriter.Workbook(path)
        sheet = book.add_worksheet()
        for at, row in enumerate([frame.columns, *frame.rows()]):
            sheet.write_row(at, 0, row)
        book.close()
    found = proposed(tmp_path / "o", path.read_bytes(), decimal_mark=",", grouping_mark=".")
    column = found["price"][0]
    assert column is not None and (column.type, column.scale) == ("decimal", 3)


def test_a_file_that_takes_too_long_is_said_to_be_proposed_by_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_file, "MAX_SECONDS", -1)
    path, data = tmp_path / "o", f"id,n,t,d\n{ROWS}".encode()
    path.write_bytes(data)
    found = make_preview(path, detect(None, None, data[:HEAD_BYTES], Dataset("", (), ()), parse_options({})), None, 5)
    assert found.inferred is not None and "only the first rows count" in found.inferred.notes[0]
    assert serialize_preview(found)["notes"][0]["column"] is None


def test_numbers_with_exponents_are_decimals(tmp_path: Path) -> None:
    [(column, _)] = proposed(tmp_path / "o", b"x\n1e-05\n2.5e+03\n3\n", header="true").values()
    assert column is not None and (column.type, column.scale) == (ColumnType.DECIMAL, 5)


def test_points_that_may_group_are_noted(tmp_path: Path) -> None:
    assert "1234" in proposed(tmp_path / "o", b"x;y\n1.234;a\n12;b\n")["x"][1]


ROWS = "".join(f"A{number},{number},x{number % 7},2026-01-02\n" for number in range(60_000))


@pytest.mark.slow
def test_a_proposal_of_a_whole_file_takes_it_all(tmp_path: Path) -> None:
    data = f"id,n,t,d\n{ROWS}A5,1.5,{'y' * 300},\nB,,z,31.12.2026\n".encode()
    found = proposed(tmp_path / "o", data)
    kinds = {name: (column.type, column.nullable) for name, (column, _) in found.items() if column}
    assert kinds == {"id": ("text", False), "n": ("decimal", True), "t": ("text", False), "d": ("text", True)}
    path = tmp_path / "o"
    made = make_preview(path, detect(None, None, data[:HEAD_BYTES], Dataset("", (), ()), parse_options({})), None, 5)
    assert made.inferred is not None and made.inferred.dataset.key == ()  # A5 is there twice


def test_a_proposal_of_a_beginning_is_nullable_or_says_what_is_unknown(tmp_path: Path) -> None:
    found = proposed(tmp_path / "o", f"id,n,t,d\n{ROWS[:2000]}".encode(), partial=True)
    assert all(column.nullable or "later ones" in note for column, note in found.values() if column)
    assert "later ones" in found["id"][1]


@pytest.mark.slow
def test_a_proposal_takes_objects_with_keys_that_come_late(tmp_path: Path) -> None:
    lines = [json.dumps({"id": number, "price": 1.5}) for number in range(60_000)]
    data = "\n".join([*lines, '{"id": 1000000, "late": "x"}', '{"price": null, "id": 1000001}']).encode()
    found = proposed(tmp_path / "o", data)
    assert found["late"][0] is not None and found["price"][0] is not None and found["price"][0].nullable


def test_a_proposal_takes_all_of_a_sheet_and_of_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(3000), "t": ["x"] * 2999 + [None], "s": ["a"] * 2999 + ["b" * 500]})
    frame.write_parquet(tmp_path / "p")
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, frame.columns)
    for row, values in enumerate(frame.rows(), 1):
        sheet.write_row(row, 0, [value or "" for value in values])
    book.close()
    for file in ("p", "x"):
        found = proposed(tmp_path / "o", (tmp_path / file).read_bytes())
        assert found["t"][0] is not None and found["t"][0].nullable
        assert found["s"][0] is not None and found["s"][0].length >= 500


def test_nanoseconds_that_are_whole_microseconds_are_datetimes(tmp_path: Path) -> None:
    moments = pl.Series([datetime(2026, 1, 2, 3, 4, 5, 123456)]).cast(pl.Datetime("ns"))
    odd = (moments.to_physical() + 1).cast(pl.Datetime("ns"))
    pl.DataFrame({"at": moments, "odd": odd}).write_parquet(tmp_path / "p")
    found = proposed(tmp_path / "o", (tmp_path / "p").read_bytes())
    assert found["at"][0] is not None and (found["at"][0].type, found["at"][0].scale) == ("datetime", 6)
    assert found["odd"][0] is not None and found["odd"][0].type == "text"


def test_wide_options_leave_other_columns_alone() -> None:
    options = parse_options({"decimal_mark": ",", "formats": "%d.%m.%Y %H:%M"})
    assert options.all_columns == ColumnOptions(decimal_mark=",", formats=("%d.%m.%Y %H:%M",))
