"""Values that are refused: which one is named, with its line."""

import json
from pathlib import Path

import pytest

from app.domain.dataset import ORDERS
from app.domain.errors import ImportFailed
from app.formats.csv.grammar import grammar
from tests.unit.formats.orders import GOOD, HEADER, OBJECT, changed, error_of, read

BAD_VALUES = [
    ("quantity", "x", "not_an_integer"),
    ("quantity", "1.5", "not_an_integer"),
    ("quantity", "++1", "not_an_integer"),
    ("quantity", " 1", "not_an_integer"),
    ("quantity", "٣", "not_an_integer"),
    ("quantity", "0", "out_of_range"),
    ("quantity", "-1", "out_of_range"),
    ("quantity", "1000001", "out_of_range"),
    ("quantity", "9" * 5000, "out_of_range"),
    ("unit_price", "abc", "not_a_decimal"),
    ("unit_price", "-1.00", "not_a_decimal"),
    ("unit_price", "1e-3", "too_many_decimals"),
    ("unit_price", ".", "not_a_decimal"),
    ("unit_price", "NaN", "not_a_decimal"),
    ("unit_price", "1.005", "too_many_decimals"),
    ("unit_price", "12345678901.00", "too_many_digits"),
    ("ordered_at", "2026-01-02", "bad_datetime"),
    ("ordered_at", "02.01.2026 03:04:05", "bad_datetime"),
    ("ordered_at", "2026-01-02 03:04:05 CET", "bad_datetime"),
    ("ordered_at", "2026-02-30 03:04:05", "impossible_date"),
    ("ordered_at", "2026-13-01 03:04:05", "impossible_date"),
    ("ordered_at", "2026-01-02 24:00:00", "impossible_date"),
    ("ordered_at", "2026-01-02 23:59:60", "impossible_date"),
    ("ordered_at", "0000-01-02 03:04:05", "impossible_date"),
    ("ordered_at", "0999-01-02 03:04:05", "out_of_range"),
    ("email", "jane", "not_an_email"),
    ("email", "a@b@c", "not_an_email"),
    ("email", "@b", "not_an_email"),
    ("email", "a@", "not_an_email"),
    ("email", "a b@c", "not_an_email"),
    ("email", "a@b..c", "not_an_email"),
    ("email", "a@" + "b" * 253, "too_long"),
    ("currency", "usd", "unknown_currency"),
    ("currency", "XXX", "unknown_currency"),
    ("status", "Paid", "not_a_choice"),
    ("status", "paid ", "not_a_choice"),
    ("customer", "é" * 121, "too_long"),
    ("customer", "a\tb", "control_character"),
    ("customer", "a\x7f", "control_character"),
    ("customer", "a\x00b", "nul_byte"),
    *[(name, "", "empty") for name in ORDERS.column_names],
]


@pytest.mark.parametrize(("column", "value", "code"), BAD_VALUES)
@pytest.mark.parametrize("batch_bytes", [50, 1 << 20])
def test_bad_values(tmp_path: Path, column: str, value: str, code: str, batch_bytes: int) -> None:
    expected = {"code": code, "column": column, "value": value[:200], "row": 3}
    data = "\n".join([HEADER, GOOD, GOOD, changed(column, value), changed("quantity", "bad too")])
    assert error_of(tmp_path, data, batch_bytes=batch_bytes) == expected | {"line": 4}
    objects = [json.dumps(row) for row in (OBJECT, OBJECT, OBJECT | {column: value}, OBJECT | {"quantity": "bad too"})]
    assert error_of(tmp_path, "\n".join(objects), "ndjson", batch_bytes=batch_bytes) == expected | {"line": 3}


def test_leading_zeros_belong_to_a_text(tmp_path: Path) -> None:
    for column, code in (("quantity", "not_an_integer"), ("unit_price", "not_a_decimal")):
        for value in ("07", "0" * 5000 + "7", "00"):
            with pytest.raises(ImportFailed, match=r"leading zeros.*make the column a text") as caught:
                read(tmp_path, f"{HEADER}\n{changed(column, value)}")
            assert (caught.value.code, caught.value.column) == (code, column)


@pytest.mark.parametrize(
    ("value", "said"),
    [("a\x85", "encoding=windows-1252"), ("a\ufeff", "were two files joined"), ("\uffffa", "`encoding`")],
)
@pytest.mark.parametrize("column", ["customer", "email"])
def test_what_a_wrong_encoding_makes_is_no_text(tmp_path: Path, value: str, said: str, column: str) -> None:
    value = f"a@b{value}" if column == "email" else value
    with pytest.raises(ImportFailed, match=said) as caught:
        read(tmp_path, f"{HEADER}\n{changed(column, value)}")
    assert (caught.value.code, caught.value.column) == ("control_character", column)


def test_the_first_bad_value_in_the_file_is_named(tmp_path: Path) -> None:
    names = ",".join(reversed(ORDERS.column_names))
    row = ",".join(reversed(changed("status", "gone").replace("USD", "usd").split(",")))
    assert error_of(tmp_path, f"{names}\n{row}")["column"] == "status"


def test_lines_are_right_after_quoted_line_breaks(tmp_path: Path) -> None:
    """A quoted line break is itself refused; the header is where one can come before a row."""
    header = HEADER.replace("marketplace", '" marketplace\n\n"')
    assert error_of(tmp_path, f"{header}\n{GOOD}\n{changed('sku', '')}")["line"] == 5
    data = "\n".join([HEADER, GOOD, changed("ship_to", '"1 Main St\r\nSpringfield"'), GOOD])
    for batch_bytes in (10, 1 << 20):
        error = error_of(tmp_path, data, batch_bytes=batch_bytes)
        value = "1 Main St\r\nSpringfield"
        assert error == {"code": "control_character", "column": "ship_to", "line": 3, "row": 2, "value": value}


def test_records_know_their_lines() -> None:
    text = 'a,"b\n\nc"\r\nd,"e""\n"\nf,g'
    assert list(grammar(",", '"').records(text, 5, 2)) == [
        (5, 'a,"b\n\nc"\r\n', ["a", "b\n\nc"]),
        (8, 'd,"e""\n"\n', ["d", 'e"\n']),
        (10, "f,g", ["f", "g"]),
    ]


@pytest.mark.parametrize("batch_bytes", [50, 1 << 20])
def test_bytes_that_are_no_utf8(tmp_path: Path, batch_bytes: int) -> None:
    data = "\n".join([HEADER, GOOD, changed("customer", "Jörg"), GOOD]).encode("cp1252")
    error = error_of(tmp_path, data, batch_bytes=batch_bytes)
    assert error == {"code": "not_utf8", "column": "customer", "line": 3, "row": 2, "value": "J\\xf6rg"}
    objects = "\n".join(json.dumps(row, ensure_ascii=False) for row in (OBJECT, OBJECT | {"customer": "Jörg"}))
    error = error_of(tmp_path, objects.encode("cp1252"), "ndjson", batch_bytes=batch_bytes)
    assert (error["code"], error["line"], error["row"]) == ("not_utf8", 2, 2)
