"""Files in, batches or the first error out."""

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.csv.grammar import grammar
from app.formats.reader import check_head, read_rows
from app.formats.streams import blocks
from tests.waiting import patience

HEADER = ",".join(ORDERS.column_names)
GOOD = 'Amazon,A-1,Jane Doe,jane@example.com,"1 Main St, Springfield",AB-1,2,12.50,USD,paid,2026-01-02 03:04:05'
PAYLOAD = (
    '"Amazon","A-1","Jane Doe","jane@example.com","1 Main St, Springfield","AB-1","2","12.50","USD","paid",'
    '"2026-01-02 03:04:05"\n'
)
OBJECT: dict[str, Any] = {
    "marketplace": "Amazon",
    "order_number": "A-1",
    "customer": "Jane Doe",
    "email": "jane@example.com",
    "ship_to": "1 Main St, Springfield",
    "sku": "AB-1",
    "quantity": 2,
    "unit_price": "12.50",
    "currency": "USD",
    "status": "paid",
    "ordered_at": "2026-01-02T03:04:05Z",
}


def read(
    tmp_path: Path,
    data: str | bytes,
    format: str = "csv",
    compression: str = "none",
    batch_bytes: int = 1 << 20,
    **parts: Any,
) -> list[Batch]:
    path = tmp_path / "orders"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    batches = []
    for batch in read_rows(path, ORDERS, FileFormat(format, compression, **parts), batch_bytes):
        if batch.rejects:
            raise batch.rejects[0].as_failure()
        batches.append(batch)
    return batches


def error_of(tmp_path: Path, data: str | bytes, *arguments: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(ImportFailed) as caught:
        read(tmp_path, data, *arguments, **options)
    assert caught.value.reason
    return {k: v for k, v in caught.value.as_dict().items() if k not in ("reason", "message")}


def head_error(tmp_path: Path, data: str | bytes, format: str = "csv", compression: str = "none") -> dict[str, Any]:
    path = tmp_path / "orders"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(ImportFailed) as caught:
        check_head(path, ORDERS, FileFormat(format, compression))
    return {k: v for k, v in caught.value.as_dict().items() if k not in ("reason", "message")}


def changed(column: str, value: str) -> str:
    """The good row with the field as it stands in `value`, quotes and all."""
    fields = GOOD.replace('"1 Main St, Springfield"', "1 Main St").split(",")
    fields[ORDERS.column_names.index(column)] = value
    return ",".join(fields)


# --- good files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n", "\r", "\r\n", "\n\n\r\n\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("batch_bytes", [1, 100, 1 << 20])
def test_line_ends_and_batches_make_no_difference(
    tmp_path: Path, ending: str, last: str, bom: bytes, batch_bytes: int
) -> None:
    data = bom + (ending.join([HEADER, GOOD, GOOD, GOOD]) + last).encode()
    batches = read(tmp_path, data, batch_bytes=batch_bytes)
    assert b"".join(b.payload for b in batches).decode() == "".join(f"{row},{PAYLOAD}" for row in (1, 2, 3))
    lines = [(batch.first_row + i, batch.line_of(batch.first_row + i)) for batch in batches for i in range(batch.rows)]
    assert lines == [(1, 2), (2, 3), (3, 4)]
    assert [key for batch in batches for key in batch.keys] == [("Amazon", "A-1")] * 3
    assert [batch.keys[-1] for batch in batches] == [("Amazon", "A-1")] * len(batches)
    assert batches[-1].source_bytes == len(data)


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    names = list(reversed(ORDERS.column_names))
    values = dict(zip(ORDERS.column_names, GOOD.replace('"1 Main St, Springfield"', "#").split(","), strict=True))
    values["ship_to"] = '"1 Main St, Springfield"'
    data = " , ".join(names) + "\n" + ",".join(values[name] for name in names) + "\n"
    assert read(tmp_path, data)[0].payload.decode() == f"1,{PAYLOAD}"


def test_quotes_nulls_and_backslashes_stay_text(tmp_path: Path) -> None:
    data = "\n".join([HEADER, changed("customer", '"say ""hi"" \\N"'), changed("customer", "NULL")])
    payload = read(tmp_path, data)[0].payload.decode()
    assert ',"say ""hi"" \\N",' in payload
    assert ',"NULL",' in payload
    assert list(read(tmp_path, data)[0].keys) == [("Amazon", "A-1")] * 2


def test_a_key_with_quotes_and_commas_is_read_back(tmp_path: Path) -> None:
    data = "\n".join([HEADER, GOOD, changed("order_number", '"a""b,😀"')])
    [batch] = read(tmp_path, data)
    assert batch.keys[1] == ("Amazon", 'a"b,😀')
    assert batch.keys[0:2] == [("Amazon", "A-1"), ("Amazon", 'a"b,😀')]
    with pytest.raises(IndexError):
        batch.keys[2]


def test_gzip_of_several_members_and_padding(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *[GOOD] * 2000])
    data = gzip.compress(text[:5000].encode()) + gzip.compress(b"") + gzip.compress(text[5000:].encode()) + bytes(512)
    batches = read(tmp_path, data, compression="gzip", batch_bytes=10_000)
    assert sum(batch.rows for batch in batches) == 2000
    assert len(batches) > 10
    assert batches[-1].source_bytes <= len(data)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_ndjson(tmp_path: Path, ending: str, last: str, batch_bytes: int) -> None:
    other = dict(reversed(OBJECT.items())) | {"quantity": "2", "ordered_at": "2026-01-02 03:04:05"}
    number = json.dumps(OBJECT).replace('"12.50"', "12.50")  # a JSON number keeps its digits
    data = ending.join([json.dumps(OBJECT), json.dumps(other), number]) + last
    batches = read(tmp_path, data, "ndjson", batch_bytes=batch_bytes)
    assert b"".join(b.payload for b in batches).decode() == "".join(f"{row},{PAYLOAD}" for row in (1, 2, 3))
    assert [line for batch in batches for line in batch.lines or ()] == [1, 2, 3]


# --- bad values ------------------------------------------------------------------------------------------------------


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


# --- bad structure ---------------------------------------------------------------------------------------------------


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


# --- limits and hostile files ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_huge_header(tmp_path: Path) -> None:
    for header in ("x" * 3_000_000, '"' + "x\n" * 1_000_000, "a," * 1_000_000):
        assert error_of(tmp_path, header)["code"] == "header_too_long"
        assert head_error(tmp_path, header)["code"] == "header_too_long"
    assert error_of(tmp_path, ",".join(f"c{n}" for n in range(100_000)))["code"] == "too_many_columns"


def test_a_quote_that_never_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = "\n".join([HEADER, GOOD, changed("customer", '"Jane'), *[GOOD.replace('"', "").replace(", ", " ")] * 2000])
    error = error_of(tmp_path, data, batch_bytes=1000)
    assert (error["code"], error["line"], error["row"]) == ("bad_quote", 3, 2)
    monkeypatch.setattr(blocks, "RECORD_BYTES", 100_000)
    error = error_of(tmp_path, data, batch_bytes=1000)
    assert (error["code"], error["line"], error["row"]) == ("record_too_long", 3, 2)


def test_a_stray_quote_is_found_though_no_block_ends_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "RECORD_BYTES", 100_000)
    plain = GOOD.replace('"', "").replace(", ", " ")
    data = "\n".join([HEADER, plain, changed("customer", 'Ja"ne'), *[plain] * 2000, GOOD])
    assert error_of(tmp_path, data, batch_bytes=1000)["code"] == "bad_quote"


@pytest.mark.parametrize("format", ["csv", "ndjson"])
@pytest.mark.slow
def test_a_record_without_end(tmp_path: Path, format: str) -> None:
    begin = f"{HEADER}\n{GOOD}\n" if format == "csv" else json.dumps(OBJECT) + "\n"
    error = error_of(tmp_path, gzip.compress((begin + "x" * 40_000_000).encode(), 1), format, "gzip")
    assert (error["code"], error["row"]) == ("record_too_long", 2)


@pytest.mark.parametrize(
    "body",
    [
        '"\n' * 2_000_000,
        '""' * 2_000_000,
        "," * 4_000_000,
        "\n" * 4_000_000 + "x",
        ",\n" * 4_000_000 + "x",
        '\n"' + '"' * 4_000_000,
    ],
)
@pytest.mark.slow
def test_hostile_files_take_no_longer_than_others(tmp_path: Path, body: str) -> None:
    began = time.monotonic()
    error_of(tmp_path, f"{HEADER}\n{GOOD}\n{body}", batch_bytes=1 << 20)
    assert time.monotonic() - began < patience()  # seconds; quadratic, it would be hours


def test_truncated_and_damaged_gzip(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *[GOOD.replace("A-1", f"A-{n * 7919 % 10007}") for n in range(2000)]]).encode()
    whole = gzip.compress(text)
    assert error_of(tmp_path, whole[:-5], compression="gzip")["code"] == "truncated_gzip"
    assert error_of(tmp_path, whole[: len(whole) // 2], compression="gzip")["code"] == "truncated_gzip"
    assert error_of(tmp_path, whole[:1], compression="gzip")["code"] == "not_gzip"
    assert error_of(tmp_path, whole + b"xyz", compression="gzip")["code"] == "corrupt_gzip"
    assert error_of(tmp_path, whole[:-8] + bytes(8), compression="gzip")["code"] == "corrupt_gzip"
    assert error_of(tmp_path, text, compression="gzip")["code"] == "not_gzip"
    assert head_error(tmp_path, text, compression="gzip")["code"] == "not_gzip"
    assert head_error(tmp_path, whole[:12], compression="gzip")["code"] == "truncated_gzip"


# --- NDJSON ----------------------------------------------------------------------------------------------------------


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


def test_a_good_head_passes(tmp_path: Path) -> None:
    path = tmp_path / "orders"
    path.write_text(f"{HEADER}\n{GOOD}\nnonsense")
    check_head(path, ORDERS, FileFormat("csv"))
    path.write_bytes(gzip.compress(path.read_bytes()))
    check_head(path, ORDERS, FileFormat("csv", "gzip"))
    path.write_text(json.dumps(OBJECT) + "\nnonsense")
    check_head(path, ORDERS, FileFormat("ndjson"))


@pytest.mark.slow
def test_nothing_that_starts_threads_is_imported_before_a_row_is_read() -> None:
    program = (
        "import sys, app.formats.reader, app.formats.generate.orders, app.formats.detection;"
        "sys.exit(bool({'polars', 'numpy', 'faker', 'pyarrow', 'python_calamine'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
