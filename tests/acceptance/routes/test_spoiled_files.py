"""Spoiled files: refused at the door or failed whole, and good ones read back byte for byte."""

import gzip
import json
from typing import Any

import pytest
from backports import zstd

from app.domain.dataset import ORDERS
from tests.acceptance.routes.bodies import GOOD, HEADER, check_problem, failure, file_of, line, nothing_kept
from tests.stack import Stack

pytestmark = pytest.mark.in_turn


def test_what_the_head_of_a_file_shows_is_refused_at_the_door(stack: Stack) -> None:
    columns = list(ORDERS.column_names)
    ndjson = json.dumps(GOOD)
    at_the_door: list[tuple[bytes, str, dict[str, Any]]] = [
        (file_of(line(), header=HEADER + ",colour"), "unknown_column", {"line": 1, "column": "colour"}),
        (file_of(line(), header=HEADER.replace("sku", "skus")), "unknown_column", {"line": 1, "column": "skus"}),
        (file_of(line(), header=HEADER + ",sku"), "doubled_column", {"line": 1, "column": "sku"}),
        (file_of(line(), header=",".join(columns[:-1])), "missing_column", {"line": 1, "column": "ordered_at"}),
        (file_of(line(), line(), header=line()), "missing_column", {"line": 1, "column": "marketplace"}),
        (file_of(line(), header=HEADER.encode() + b',"\xff"'), "unknown_column", {"line": 1, "column": "\\xff"}),
        (file_of(header=HEADER), "no_rows", {}),
        (HEADER.encode() + b"\n\r\n\n", "no_rows", {}),
        (b"\n" * 5, "empty_file", {}),
        (b"\xef\xbb\xbf", "empty_file", {}),
        (b'"' + b"x" * 1_100_000, "header_too_long", {"line": 1}),
        (gzip.compress(file_of(line()))[:-9], "truncated_gzip", {}),
        (gzip.compress(b""), "empty_file", {}),
        (gzip.compress(file_of(line())) + b"junk", "corrupt_gzip", {}),
        (b"\x1f\x8b" + b"junk" * 20, "corrupt_gzip", {}),
        (gzip.compress(b"x" * 100_000_000, 1), "header_too_long", {"line": 1}),
        (zstd.compress(file_of(line()))[:-9], "truncated_zstd", {}),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 60, "corrupt_zstd", {}),
        (b"PAR1" + bytes(60), "damaged_parquet", {}),
        (b"[]", "no_rows", {}),
        (b"[1]", "not_an_object", {"line": 1}),
        (ndjson.replace('"sku"', '"skus"').encode(), "unknown_column", {"line": 1, "column": "skus"}),
        (ndjson.replace('"sku": "SKU-1", ', "").encode(), "missing_column", {"line": 1, "column": "sku"}),
        (ndjson.replace('"sku"', '"status"').encode(), "doubled_key", {"line": 1, "column": "status"}),
        (b"{" * 200_000, "not_json", {"line": 1}),
        (b"{}", "missing_column", {"line": 1, "column": "marketplace"}),
    ]
    with nothing_kept(stack):
        for body, code, where in at_the_door:
            answer = stack.send(body)
            (mistake,) = check_problem(answer, 422, "invalid-content")["errors"]
            assert mistake["field"] == "file" and mistake["code"] == code and mistake["reason"], (mistake, code)
            assert {name: mistake.get(name) for name in where} == where
        for empty in (b"", iter([])):
            answer = stack.post("/v1/imports", data=empty, headers={"Content-Type": "text/csv"})
            document = check_problem(answer, 422, "invalid-content")
            assert "empty" in document["detail"] and document["errors"] == [{"field": "file"}]


def test_what_is_no_table_of_text_is_refused_at_the_door(stack: Stack) -> None:
    text = file_of(line())
    others = [
        b"PK\x03\x04" + bytes(60),
        b"%PDF-1.7\n",
        gzip.compress(gzip.compress(text)),
        bytes(5000),
        b"\0" + text,
    ]
    with nothing_kept(stack):
        for body in others:
            document = check_problem(stack.send(body), 415, "unsupported-format")
            assert "supported are CSV, TSV, NDJSON" in document["detail"]
        for encoding in ("br", "deflate", "gzip, gzip"):
            document = check_problem(
                stack.send(text, headers={"Content-Encoding": encoding}), 415, "unsupported-format"
            )
            assert encoding in document["detail"]


# What a server would round, cut, coerce or guess: column, value, and the code that refuses it.
BAD_VALUES = [
    ("marketplace", "m" * 33, "too_long"),
    ("order_number", "a\tb", "control_character"),
    ("order_number", "a\u0085b", "control_character"),
    ("sku", "\ufeffa", "control_character"),
    ("quantity", "07", "not_an_integer"),
    ("unit_price", "07.50", "not_a_decimal"),
    ("customer", "é" * 121, "too_long"),
    ("customer", "two\nlines", "control_character"),
    ("customer", "nul\0byte", "nul_byte"),
    ("email", "nobody", "not_an_email"),
    ("quantity", "0", "out_of_range"),
    ("quantity", "1000001", "out_of_range"),
    ("quantity", "4294967297", "out_of_range"),
    ("quantity", "9" * 5000, "out_of_range"),
    ("quantity", "1e-3", "not_an_integer"),
    ("quantity", "NULL", "not_an_integer"),
    ("unit_price", "1.005", "too_many_decimals"),
    ("unit_price", "12345678901.00", "too_many_digits"),
    ("unit_price", "-1.00", "not_a_decimal"),
    ("unit_price", "NaN", "not_a_decimal"),
    ("currency", "eur", "unknown_currency"),
    ("status", "PAID", "not_a_choice"),
    ("ordered_at", "2026-02-30 00:00:00", "impossible_date"),
    ("ordered_at", "0000-00-00 00:00:00", "impossible_date"),
    ("ordered_at", "2026-01-01 00:00:00.5", "too_many_decimals"),
    ("ordered_at", "2026-01-01 00:00:00+2", "bad_datetime"),
]


def test_a_value_that_would_have_to_be_adjusted_fails_the_import(stack: Stack) -> None:
    """Good rows before and after it: none of them stays."""
    answers = [
        stack.send(
            file_of(
                line(),
                line(order_number="A-2") if column != "order_number" else line(**{column: value}),
                line(**({"order_number": "A-3"} | {column: value})),
            )
        )
        for column, value, _ in BAD_VALUES
    ]
    for (column, value, code), answer in zip(BAD_VALUES, answers, strict=True):
        error = failure(stack, answer)
        at = 3 if column == "order_number" else 4
        assert (error["code"], error["line"], error["row"], error["column"]) == (code, at, at - 1, column), error
        assert error["value"] == value[:200] and error["reason"] and error["message"].startswith(f"line {at}: ")
    assert stack.count() == 0


def test_a_row_that_does_not_fit_its_header_fails_the_import(stack: Stack) -> None:
    ndjson, good = json.dumps(GOOD), file_of(line())
    bodies: list[tuple[bytes, str, int]] = [
        (good + b"a,b,c\n", "too_few_fields", 3),
        (good + line().encode() + b",more\n", "too_many_fields", 3),
        (good + line(order_number="A-2").encode()[:-1], "bad_quote", 3),
        (good + line(order_number="A-2").replace('"SKU-1"', '"SKU"-1').encode(), "bad_quote", 3),
        (good + line(customer="Jo \udcff").encode("utf-8", "surrogateescape"), "not_utf8", 3),
        (good + line(customer="\udced\udca0\udc80").encode("utf-8", "surrogateescape"), "not_utf8", 3),
        (gzip.compress(file_of(*(line(order_number=f"A-{n}") for n in range(40_000))), 1)[:-9], "truncated_gzip", 0),
        (ndjson.encode() + b'\n{"sku": 1}', "missing_column", 2),
        (ndjson.encode() + b"\n" + ndjson.replace('"12.50"', "NaN").encode(), "not_json", 2),
        (ndjson.encode() + b"\n" + ndjson.replace('"12.50"', "1.005").encode(), "too_many_decimals", 2),
        (ndjson.encode() + b"\n" + ndjson.replace('"Jo Doe"', "null").encode(), "wrong_json_type", 2),
        (ndjson.encode() + b"\n" + ndjson.replace("Jo Doe", "\\u0000").encode(), "nul_byte", 2),
        (ndjson.encode() + b"\n" + ndjson.replace("Jo Doe", "\\ud800").encode(), "not_utf8", 2),
        (file_of(gzip_bomb_row()), "record_too_long", 2),
    ]
    bodies[-1] = (gzip.compress(bodies[-1][0], 1), *bodies[-1][1:])
    answers = [stack.send(body) for body, _, _ in bodies]
    for (body, code, at), answer in zip(bodies, answers, strict=True):
        error = failure(stack, answer)
        assert (error["code"], error.get("line", 0)) == (code, at), (body[-60:], error)
        assert len(json.dumps(error)) < 2000
    assert stack.count() == 0


def gzip_bomb_row() -> bytes:
    """One record that fills 60 MB, and under 100 kB when packed."""
    return b'"' + b"x" * 60_000_000 + b'"'


def test_a_doubled_order_is_named_with_its_lines(stack: Stack) -> None:
    rows = [line(order_number=f"B-{number:05}") for number in range(6000)]  # several batches: they are 256 KiB here
    same_batch = failure(stack, stack.send(file_of(line(), line(order_number="A-2"), line(sku="other"))))
    other_batch = failure(stack, stack.send(file_of(*rows, rows[7])))
    assert stack.count() == 0
    for error, at, order, first in ((same_batch, 4, "A-1", "line 2"), (other_batch, 6002, "B-00007", "row 8")):
        assert (error["code"], error["line"], error["row"]) == ("duplicate_key", at, at - 1)
        assert (error["column"], error["value"]) == ("order_number", order)
        assert f"order number {order}" in error["reason"] and first in error["reason"]

    before = stack.send(file_of(line())).json()["id"]
    stack.wait_state(before)
    against = failure(stack, stack.send(file_of(line(order_number="A-0"), line(customer="Somebody Else"))))
    assert (against["code"], against["line"], against["value"]) == ("duplicate_key", 3, "A-1")
    assert against["other_import"] == before and before in against["reason"]
    # to a server, blanks at the end do not count
    padded = failure(stack, stack.send(file_of(line(order_number="A-1  "))))
    assert (padded["code"], padded["value"], padded["other_import"]) == ("duplicate_key", "A-1  ", before)
    # the same number at another marketplace, in another case or in another Unicode form is another order
    others = [line(marketplace="mart"), line(order_number="a-1"), line(order_number="Ä"), line(order_number="A\u0308")]
    assert stack.wait_state(stack.send(file_of(*others)).json()["id"])["state"] == "committed"
    (kept,) = [row for row in stack.get("/get_data").json()["data"] if row["import_no"] == stack.find(before)["number"]]
    assert kept["customer"] == "Jo Doe" and stack.count() == 5


def test_values_are_read_back_byte_for_byte(stack: Stack) -> None:
    texts = [
        'say "hi"',
        '"',
        '""',
        "back\\slash",
        "\\",
        '\\"',
        "\\N",
        "NULL",
        "null",
        "\\n\\0\\Z",
        "'; DROP TABLE orders; -- ",
        "%s %(x)s {0} ${y}",
        "a,b;c|d",
        " leading and trailing  ",
        "no\u00a0break\u2028separator",
        "👩‍👩‍👧‍👦 🇩🇪 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "\U0010ffff\ufffd",
        "é e\u0301",
        "عربي עברית",
        "<script>alert(1)</script>",
        "=1+1",
        "0012",
        "1e5",
        "true",
    ]
    fields = ("customer", "ship_to", "sku", "order_number")
    rows = [
        GOOD | {"order_number": f"{number}{text}"} | dict.fromkeys(fields[:3], text)
        for number, text in enumerate(texts)
    ]
    as_csv = file_of(*(line(**row) for row in rows))
    as_ndjson = "\n".join(json.dumps(row | {"marketplace": "mart"}, ensure_ascii=False) for row in rows).encode()
    for body in (as_csv, as_ndjson):
        done = stack.wait_state(stack.send(body).json()["id"])
        assert done["state"] == "committed", done["error"]
    data = stack.get("/get_data").json()["data"]
    assert len(data) == stack.count() == 2 * len(texts)
    for number, loaded in enumerate(data):
        sent = rows[number % len(texts)]
        assert {name: loaded[name] for name in fields} == {name: sent[name] for name in fields}
        assert (loaded["unit_price"], loaded["ordered_at"]) == ("12.50", "2026-01-31T23:59:59Z")
