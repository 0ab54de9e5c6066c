"""Options for numbers and dates, through the readers."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from app.domain.dataset import Dataset
from app.domain.definition import read_definition
from app.domain.errors import InvalidContent
from app.domain.spelling import NumberFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.infer.schema import as_definition
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.reader import check_head, read_rows

DEFINITION: dict[str, Any] = {
    "name": "goods",
    "columns": [
        {"name": "sku", "type": "text"},
        {"name": "price", "type": "decimal", "precision": 12, "scale": 3, "signed": True, "default": "1.5"},
        {"name": "stock", "type": "integer", "nullable": True},
        {"name": "added", "type": "datetime", "nullable": True},
    ],
}
GOODS = read_definition(DEFINITION)
Rows = list[tuple[str | None, ...]]


def load(path: Path, data: bytes, dataset: Dataset = GOODS, **said: str) -> tuple[Rows, list[str]]:
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], dataset, parse_options(said))
    check_head(path, dataset, file_format)
    batches = list(read_rows(path, dataset, file_format, 1 << 20))
    rows = [values for batch in batches for _, values in read_payload(batch.payload)]
    return rows, [reject.code for batch in batches for reject in batch.rejects]


def test_options_for_the_import_win_over_the_dataset_and_those_for_a_column_over_both(tmp_path: Path) -> None:
    described = json.loads(json.dumps(DEFINITION))
    described["columns"][1]["decimal_mark"] = ","
    german = read_definition(described)
    data = b"sku;price;stock\nx;1,5;2,0\n"
    assert load(tmp_path / "o", data, german) == ([], ["not_an_integer"])
    assert load(tmp_path / "o", data, german, decimal_mark=",")[0] == [("x", "1.5", "2", None)]
    assert load(tmp_path / "o", data, german, decimal_mark=".")[1] == ["not_a_decimal"]
    own = json.dumps({"price": {"decimal_mark": ","}})
    assert load(tmp_path / "o", b"sku;price;stock\nx;1,5;2.0\n", GOODS, decimal_mark=".", columns=own)[0] == [
        ("x", "1.5", "2", None)
    ]


def test_a_default_is_plain_whatever_the_file_has(tmp_path: Path) -> None:
    assert load(tmp_path / "o", b"sku;price\nx;\n", decimal_mark=",", grouping_mark=".")[0] == [
        ("x", "1.5", None, None)
    ]


def test_numbers_of_json_have_a_point_whatever_texts_have(tmp_path: Path) -> None:
    lines = [
        '{"sku": "x", "price": 1.234}',
        '{"sku": "y", "price": "1.234"}',
        '{"sku": "z", "price": 1e3, "stock": 2.0}',
    ]
    expected = [("x", "1.234", None, None), ("y", "1234", None, None), ("z", "1000", "2", None)]
    for data in ("\n".join(lines), f"[{','.join(lines)}]"):
        assert load(tmp_path / "o", data.encode(), decimal_mark=",", grouping_mark=".") == (expected, [])


def test_numbers_of_parquet_have_a_point_whatever_texts_have(tmp_path: Path) -> None:
    pl.DataFrame({"sku": ["x"], "price": [1.234], "stock": ["1.234"]}).write_parquet(tmp_path / "p")
    data = (tmp_path / "p").read_bytes()
    assert load(tmp_path / "o", data, decimal_mark=",", grouping_mark=".")[0] == [("x", "1.234", "1234", None)]


def test_numbers_in_cells_have_a_point_whatever_texts_have(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "price", "stock"])
    sheet.write_row(1, 0, ["x", 1.234, 2])
    sheet.write_row(2, 0, ["y", "1.234", "1.234,0"])
    book.close()
    expected = [("x", "1.234", "2", None), ("y", "1234", "1234", None)]
    assert load(tmp_path / "o", (tmp_path / "x").read_bytes(), decimal_mark=",", grouping_mark=".") == (expected, [])


@pytest.mark.parametrize("format", ["ndjson", "json", "parquet", "xlsx"])
def test_a_refused_number_is_shown_as_the_file_has_it(tmp_path: Path, format: str) -> None:
    path = tmp_path / "f"
    if format == "parquet":
        pl.DataFrame({"sku": ["x", "y"], "price": [1.2345, 1.5]}).write_parquet(path)
    elif format == "xlsx":
        book = xlsxwriter.Workbook(path)
        sheet = book.add_worksheet()
        for at, row in enumerate([["sku", "price"], ["x", 1.2345], ["y", 1.5]]):
            sheet.write_row(at, 0, row)
        book.close()
    else:
        lines = ['{"sku": "x", "price": 1.2345}', '{"sku": "y", "price": 1.5}']
        path.write_text(f"[{','.join(lines)}]" if format == "json" else "\n".join(lines))
    data = path.read_bytes()
    said = parse_options({"decimal_mark": ","})
    file_format = detect(None, None, data[:HEAD_BYTES], GOODS, said)
    [batch] = [batch for batch in read_rows(path, GOODS, file_format, 1 << 20) if batch.rows or batch.rejects]
    [reject] = batch.rejects
    assert (reject.code, reject.value) == ("too_many_decimals", "1.2345")
    assert "1.2345" in reject.text
    assert json.loads(json.dumps(asdict(reject)))["values"][1] == "1,2345"  # so that the reject file loads alike
    assert batch.rows == 1


def test_serial_dates_of_json_are_numbers(tmp_path: Path) -> None:
    data = b'{"sku": "x", "added": 45618.5}\n'
    serial = json.dumps({"added": {"serial": "1900"}})
    assert load(tmp_path / "o", data, columns=serial)[0] == [("x", "1.5", None, "2024-11-22 12:00:00")]
    assert load(tmp_path / "o", data)[1] == ["bad_datetime"]


@pytest.mark.parametrize("is_1904", [False, True])
def test_workbooks_of_both_date_systems(tmp_path: Path, is_1904: bool) -> None:
    moments = [datetime(1904, 3, 1), datetime(2026, 11, 22, 8, 30, 1), datetime(9999, 12, 31, 23, 59, 59)]
    book = xlsxwriter.Workbook(tmp_path / "x", {"date_1904": is_1904})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "added"])
    style = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for row, moment in enumerate(moments, 1):
        sheet.write_string(row, 0, "x")
        sheet.write_datetime(row, 1, moment, style)
    book.close()
    rows, rejects = load(tmp_path / "o", (tmp_path / "x").read_bytes())
    assert rejects == [] and [row[3] for row in rows] == [moment.isoformat(" ") for moment in moments]


@pytest.mark.parametrize(
    ("serial", "added"), [(59, "!"), (60, "!"), (61, "1900-03-01 00:00:00"), (58, "1900-02-27 00:00:00")]
)
def test_the_leap_day_that_1900_had_not(tmp_path: Path, serial: int, added: str) -> None:
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "added"])
    sheet.write_string(1, 0, "x")
    sheet.write_number(1, 1, serial, book.add_format({"num_format": "yyyy-mm-dd"}))
    book.close()
    rows, rejects = load(tmp_path / "o", (tmp_path / "x").read_bytes())
    assert ([row[3] for row in rows], rejects) == (([], ["unsupported_cell"]) if added == "!" else ([added], []))


@pytest.mark.parametrize(
    ("column", "said", "field"),
    [
        ("price", {"decimal_mark": ","}, None),
        ("sku", {"decimal_mark": ","}, "columns"),
        ("price", {"formats": ["%d.%m.%Y"]}, "columns"),
        ("added", {"formats": ["%d.%m"]}, "columns"),
        ("added", {"formats": ["%d.%m.%Y %Z"]}, "columns"),
        ("added", {"zones": {"CET": "one"}}, "columns"),
        ("added", {"zones": {"CET": "+01:00", "cet": "+02:00"}}, "columns"),
        ("price", {"currency": "5"}, "columns"),
        ("price", {"currency": "."}, "columns"),  # `.5` would be 5
    ],
)
def test_options_that_a_column_can_not_have(column: str, said: Any, field: str | None) -> None:
    options = parse_options({"columns": json.dumps({column: said})})
    if field is None:
        detect(None, None, b"sku;price\nx;1\n", GOODS, options)
        return
    with pytest.raises(InvalidContent) as refused:
        detect(None, None, b"sku;price\nx;1\n", GOODS, options)
    assert refused.value.extra["errors"][0]["field"] == field


def test_a_definition_keeps_how_numbers_and_dates_are_written() -> None:
    columns = [
        {"name": "a", "type": "decimal", "precision": 9, "scale": 2, "decimal_mark": ",", "grouping_mark": ".",
         "currency": "kr", "percent": "fraction", "negative": ["parentheses"]},
        {"name": "b", "type": "datetime", "zones": {"CET": "+01:00"}, "formats": ["%d.%m.%Y %Z"], "serial": "1904"},
    ]  # fmt: skip
    dataset = read_definition({"name": "x", "columns": columns, "key": []})
    assert dataset.columns[0].numbers == NumberFormat(",", ".", "kr", "fraction", ("parentheses",))
    kept = json.loads(json.dumps(as_definition(dataset)))
    assert read_definition(kept) == dataset
    assert kept["columns"] == columns


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("decimal_mark", ";"),
        ("grouping_mark", "."),
        ("grouping_mark", "ab"),
        ("currency", 5),
        ("currency", "5$"),
        ("percent", "half"),
        ("negative", ["red"]),
    ],
)
def test_a_definition_that_can_not_be(part: str, value: Any) -> None:
    with pytest.raises(InvalidContent) as refused:
        read_definition({"name": "x", "columns": [{"name": "a", "type": "integer", part: value}]})
    assert refused.value.extra["errors"][0]["field"] == f"columns[0].{part}"
