"""Rows, headers and objects that are malformed."""

import gzip
import json
from pathlib import Path

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.reader import read_rows
from tests.unit.formats.orders import GOOD, HEADER, OBJECT, changed, error_of, head_error


@pytest.mark.parametrize(
    ("bad", "code", "value"),
    [
        ("x", "too_few_fields", "x"),
        (GOOD.rpartition(",")[0], "too_few_fields", None),
        (GOOD + ",", "too_many_fields", None),
        (GOOD + ",x,y", "too_many_fields", None),
        (GOOD.replace('"', ""), "too_many_fields", None),
        (changed("sku", 'a"b'), "bad_quote", 'a"b'),
        (changed("sku", '"a"b'), "bad_quote", '"a"b'),
        (changed("sku", ' "a"'), "bad_quote", ' "a"'),
        (changed("sku", '"a'), "bad_quote", '"a'),
        (changed("sku", '"a""'), "bad_quote", '"a""'),
    ],
)
@pytest.mark.parametrize("batch_bytes", [30, 1 << 20])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_bad_rows(tmp_path: Path, bad: str, code: str, value: str | None, batch_bytes: int, ending: str) -> None:
    error = error_of(tmp_path, ending.join([HEADER, GOOD, bad, GOOD, ""]), batch_bytes=batch_bytes)
    assert (error["code"], error["line"], error["row"]) == (code, 3, 2)
    if value is not None:
        assert error["value"].startswith(value)


def test_empty_lines_in_a_file_of_one_column_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("word\n\nx\n\r\n\n\nx\n\n")
    for null, reject in ((True, False), (False, True)):
        words = Dataset("words", (Column("word", ColumnType.TEXT, length=9, nullable=null),), ())
        for batch_bytes in (1, 2, 7, 150, 1 << 20):
            batches = list(read_rows(path, words, FileFormat("csv"), batch_bytes))
            assert sum(batch.blank for batch in batches) == 0
            assert sum(batch.rows for batch in batches) == (6 if null else 2)
            found = [(bad.line, bad.row, bad.code) for batch in batches for bad in batch.rejects]
            assert found == [(line, line - 1, "empty") for line in (2, 4, 5, 6)] * reject


@pytest.mark.parametrize(
    ("header", "code", "column"),
    [
        (HEADER + ",notes", "unknown_column", "notes"),
        (HEADER.replace("sku", "S K U"), "unknown_column", "S K U"),
        (HEADER.replace(",sku", ""), "missing_column", "sku"),
        (HEADER + ",sku", "doubled_column", "sku"),
        (HEADER.replace(",", ";"), "other_delimiter", None),
        (GOOD, "missing_column", "marketplace"),
        ("", "missing_column", "marketplace"),
        (HEADER + ',"sku', "bad_quote", None),
        (HEADER + ',no"tes', "bad_quote", None),
    ],
)
def test_bad_headers(tmp_path: Path, header: str, code: str, column: str | None) -> None:
    for error in (error_of(tmp_path, f"{header}\n{GOOD}"), head_error(tmp_path, f"{header}\n{GOOD}")):
        assert (error["code"], error.get("column"), error["line"]) == (code, column, 1)


@pytest.mark.parametrize("data", ["", "\n", "\r\n\n", "\ufeff", "\ufeff\n"])
def test_empty_files(tmp_path: Path, data: str) -> None:
    for format in ("csv", "ndjson"):
        assert error_of(tmp_path, data, format)["code"] == "empty_file"
        assert head_error(tmp_path, data, format)["code"] == "empty_file"
        assert head_error(tmp_path, gzip.compress(data.encode()), format, "gzip")["code"] == "empty_file"


@pytest.mark.parametrize("data", [HEADER, HEADER + "\n", HEADER + "\r\n\r\n\n"])
def test_a_header_alone_is_no_file_of_rows(tmp_path: Path, data: str) -> None:
    assert error_of(tmp_path, data)["code"] == "no_rows"
    assert head_error(tmp_path, data)["code"] == "no_rows"


def without(column: str) -> str:
    return json.dumps({name: value for name, value in OBJECT.items() if name != column})


@pytest.mark.parametrize(
    ("bad", "code", "column", "value"),
    [
        ("x", "not_json", None, "x"),
        ('{"a": 1', "not_json", None, '{"a": 1'),
        (json.dumps(OBJECT) * 2, "not_json", None, None),
        (json.dumps(OBJECT) + ",", "not_json", None, None),
        (json.dumps(OBJECT).replace('"12.50"', "NaN"), "not_json", None, None),
        ("[" * 100_000, "not_json", None, "[" * 200),
        ("[1]", "not_an_object", None, "[1]"),
        ("1", "not_an_object", None, "1"),
        ("null", "not_an_object", None, "null"),
        (without("sku"), "missing_column", "sku", None),
        (json.dumps(OBJECT | {"notes": 1}), "unknown_column", "notes", None),
        (json.dumps(OBJECT)[:-1] + ', "sku": "AB-1"}', "doubled_key", "sku", None),
        (json.dumps(OBJECT | {"quantity": True}), "wrong_json_type", "quantity", "true"),
        (json.dumps(OBJECT | {"sku": None}), "wrong_json_type", "sku", "null"),
        (json.dumps(OBJECT | {"sku": ["a"]}), "wrong_json_type", "sku", None),
        (json.dumps(OBJECT | {"quantity": {}}), "wrong_json_type", "quantity", None),
        (json.dumps(OBJECT | {"quantity": 2.5}), "not_an_integer", "quantity", "2.5"),
        (json.dumps(OBJECT | {"quantity": -2}), "out_of_range", "quantity", "-2"),
        (json.dumps(OBJECT).replace('"12.50"', "1e-3"), "too_many_decimals", "unit_price", "1e-3"),
        (json.dumps(OBJECT).replace('"12.50"', "12.505"), "too_many_decimals", "unit_price", "12.505"),
        (json.dumps(OBJECT | {"customer": "a\nb"}), "control_character", "customer", "a\nb"),
        (json.dumps(OBJECT | {"customer": "a\0b"}), "nul_byte", "customer", "a\0b"),
        (json.dumps(OBJECT).replace("Jane Doe", "\\ud800"), "not_utf8", "customer", "\\ud800"),
    ],
)
@pytest.mark.parametrize("batch_bytes", [10, 1 << 20])
def test_bad_objects(
    tmp_path: Path, bad: str, code: str, column: str | None, value: str | None, batch_bytes: int
) -> None:
    good = json.dumps(OBJECT)
    error = error_of(tmp_path, "\n".join([good, bad, good]), "ndjson", batch_bytes=batch_bytes)
    assert (error["code"], error["line"], error["row"], error.get("column")) == (code, 2, 2, column)
    if value is not None:
        assert error["value"] == value


def test_the_head_of_ndjson(tmp_path: Path) -> None:
    assert head_error(tmp_path, HEADER, "ndjson") == {"code": "not_json", "line": 1, "value": HEADER}
    assert head_error(tmp_path, "[1]\n", "ndjson")["code"] == "not_an_object"
    assert head_error(tmp_path, without("sku"), "ndjson")["code"] == "missing_column"
