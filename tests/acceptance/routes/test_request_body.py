"""What attackers, broken clients and spoiled files send: refused at the door or failed whole, and always in words."""

import gzip
import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from backports import zstd
from werkzeug.exceptions import RequestTimeout

from app.domain.dataset import ORDERS
from app.domain.errors import BadRequest
from app.routes.request_body import Body
from tests.stack import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

GOOD = {
    "marketplace": "shop",
    "order_number": "A-1",
    "customer": "Jo Doe",
    "email": "jo@example.com",
    "ship_to": "1 Main St, Springfield",
    "sku": "SKU-1",
    "quantity": "1",
    "unit_price": "12.50",
    "currency": "EUR",
    "status": "paid",
    "ordered_at": "2026-01-31 23:59:59",
}
HEADER = ",".join(ORDERS.column_names)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
MISSING = [UNKNOWN, "nope", "1", "a" * 3000, "%00", "%ff", "%0a", "%F0%9F%98%80", "'%20OR%20'1'='1", "..%2f..%2fetc"]


def line(**values: str) -> str:
    """A good row with some values replaced."""
    quoted = [value.replace('"', '""') for value in (GOOD | values).values()]
    return ",".join(f'"{value}"' for value in quoted)


def file_of(*lines: str | bytes, header: str | bytes = HEADER) -> bytes:
    whole = [text if isinstance(text, bytes) else text.encode() for text in (header, *lines)]
    return b"".join(text + b"\n" for text in whole)


def check_problem(answer: requests.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer that must be one."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    document = dict(answer.json())
    assert document["type"] == f"/problems/{kind}" and document["status"] == status, document
    assert document["title"] and document["detail"]
    assert document["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text and 'File "' not in answer.text
    return document


def uploads(stack: Stack) -> set[str]:
    """The files in the spool, without the file of the generation."""
    return {entry.name for entry in os.scandir(stack.spool) if not entry.name.startswith(".")}


@contextmanager
def nothing_kept(stack: Stack) -> Iterator[None]:
    """What happens inside must be refused at the door: no import, no file, no row, and no trace in the log."""

    def look() -> tuple[set[str], set[str], int]:
        imports = stack.get("/v1/imports?limit=200").json()["imports"]
        return {found["id"] for found in imports}, uploads(stack), stack.count()

    stack.spool.mkdir(exist_ok=True, mode=0o700)
    before, logged = look(), stack.log("web").stat().st_size
    yield
    assert look() == before
    with stack.log("web").open("rb") as log:
        log.seek(logged)
        assert b"Traceback" not in log.read()


def send_raw(stack: Stack, *pieces: bytes) -> requests.Response:
    """Send bytes that no HTTP library would, hang up, and read the first answer."""
    with socket.create_connection(("127.0.0.1", stack.port), patience()) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        raw = b""
        while received := connection.recv(65536):
            raw += received
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    answer = requests.Response()
    answer.status_code = int(status.split(" ")[1])
    answer.headers.update(dict(field.split(": ", 1) for field in fields))
    answer._content = body[: int(answer.headers["Content-Length"])]
    return answer


def raw_post(*headers: str, content_type: str = "text/csv") -> bytes:
    fields = ["POST /v1/imports HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", *headers]
    return "\r\n".join([*fields, "", ""]).encode()


def failure(stack: Stack, answer: requests.Response) -> dict[str, Any]:
    """The error of an accepted import that must fail."""
    assert answer.status_code == 202, answer.text
    found = stack.wait_state(answer.json()["id"])
    assert found["state"] == "failed", found
    assert found["percent"] < 100
    return dict(found["error"])


# --- numbers and ids --------------------------------------------------------------------------------------------------


def test_a_number_of_rows_that_is_none(stack: Stack) -> None:
    out_of_range = ["0", "-1", "-0", "1000000000000", "9" * 30, "9" * 3000, "10000001"]
    no_number = [
        "abc",
        "1.5",
        "1e3",
        "0x10",
        "+5",
        "%205",
        "5%20",
        "1_000",
        "%00",
        "%D9%A1",
        "NaN",
        "5;1",
        "--1",
        "%0a1",
    ]
    with nothing_kept(stack):
        for endpoint in ("/insert/", "/dpd_insert/"):
            for number in out_of_range:
                document = check_problem(stack.post(endpoint + number), 422, "invalid-content")
                assert "from 1 to 10,000,000" in document["detail"] and len(document["detail"]) < 200
                (mistake,) = document["errors"]
                assert (mistake["minimum"], mistake["maximum"]) == (1, 10_000_000)
                assert document["success"] is False and document["message"] == document["detail"]
            for number in no_number:
                document = check_problem(stack.get(endpoint + number), 400, "bad-request")
                assert document["errors"] == [{"field": "n"}] and "whole number" in document["detail"]
        for number in out_of_range[:4]:
            document = check_problem(stack.post("/v1/imports", json={"generate": int(number)}), 422, "invalid-content")
            assert document["errors"][0]["field"] == "generate"


BAD_JSON: list[tuple[str, int, str | None]] = [
    ('{"generate": "5"}', 422, "generate"),
    ('{"generate": 1.0}', 422, "generate"),
    ('{"generate": 1e400}', 422, "generate"),
    ('{"generate": NaN}', 422, "generate"),
    ('{"generate": true}', 422, "generate"),
    ('{"generate": null}', 422, "generate"),
    ("{}", 422, "generate"),
    ('{"generate": 1, "rows": 2}', 422, "rows"),
    ('{"generate": 1, "dataset": "users"}', 422, "dataset"),
    ('{"generate": 1, "dataset": ["orders"]}', 422, "dataset"),
    ('{"generate": 1, "dataset": "\\ud800"}', 422, "dataset"),
    ('{"generate": 1, "seed": "A"}', 422, "seed"),
    ('{"generate": 1, "seed": "a/../b"}', 422, "seed"),
    ('{"generate": 1, "seed": "' + "a" * 25 + '"}', 422, "seed"),
    ('{"generate": 1, "seed": 7}', 422, "seed"),
    ('{"generate": ' + "1" * 5000 + "}", 400, None),
    ("[" * 10_000, 400, None),
    ('{"a":' * 10_000, 400, None),
    ("[1]", 400, None),
    ('"generate"', 400, None),
    ('{"generate": 1', 400, None),
    ("", 400, None),
    ("\xff", 400, None),
    (" " * 70_000 + '{"generate": 1}', 413, None),
]


def test_a_json_request_that_makes_no_sense(stack: Stack) -> None:
    kinds = {400: "bad-request", 413: "request-entity-too-large", 422: "invalid-content"}
    with nothing_kept(stack):
        for text, status, field in BAD_JSON:
            body = text.encode("latin-1")
            for data in (body, iter([body])):  # with its length, and in chunks
                answer = stack.post("/v1/imports", data=data, headers={"Content-Type": "application/json"})
                document = check_problem(answer, status, kinds[status])
                named = [mistake["field"] for mistake in document.get("errors", [])]
                assert named == ([field] if field else []), text[:40]


def test_an_id_that_nobody_has(stack: Stack) -> None:
    asks = [stack.get, stack.get, stack.post, stack.get, stack.post]
    paths = ["/status/{}", "/stop/{}", "/stop/{}", "/v1/imports/{}", "/v1/imports/{}/stop"]
    with nothing_kept(stack):
        for id in MISSING:
            for ask, path in zip(asks, paths, strict=True):
                kind = "not-found" if "%2f" in id else "import-not-found"
                document = check_problem(ask(path.format(id)), 404, kind)
                if kind == "import-not-found" and not path.startswith("/v1"):
                    assert document["success"] is False and document["task_id"] == document["import_id"]


def test_stop_is_as_true_the_second_time(stack: Stack) -> None:
    stopped, committed = (stack.get(f"/insert/{rows}").json()["task_id"] for rows in (3_000_000, 5))
    stack.wait_rows(stopped)
    for _ in range(2):
        assert stack.get(f"/stop/{stopped}").json()["success"] is True
        assert stack.post(f"/v1/imports/{stopped}/stop").json()["state"] in ("stopping", "stopped")
    stack.wait_state(committed)
    failed = stack.send(file_of(line(quantity="0"))).json()["id"]
    stack.wait_state(failed)
    for id, state, words in ((committed, "committed", "too late"), (failed, "failed", "nothing to stop")):
        for path in (f"/stop/{id}", f"/v1/imports/{id}/stop") * 2:
            document = check_problem(stack.post(path), 409, "already-decided")
            assert (document["import_id"], document["state"]) == (id, state) and words in document["detail"]
        assert stack.find(id)["state"] == state
    assert stack.wait_state(stopped)["state"] == "stopped"
    assert stack.post(f"/v1/imports/{stopped}/stop").json()["state"] == "stopped"
    assert stack.count() == 5


# --- files ------------------------------------------------------------------------------------------------------------


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


# --- bodies -----------------------------------------------------------------------------------------------------------


def test_a_body_that_was_cut_off_is_no_import(stack: Stack) -> None:
    """Whole rows of a file that goes on: nobody could tell them from a whole file later."""
    body = file_of(line(), line(order_number="A-2"))
    form = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + body
    multipart = "multipart/form-data; boundary=XX"
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    chunked = raw_post("Transfer-Encoding: chunked")
    cut = [
        (raw_post("Content-Length: 100000"), body),
        (raw_post(f"Content-Length: {len(body) + 1}"), body),
        (raw_post("Content-Length: 500", content_type="application/json"), b'{"generate": 5}'),
        (raw_post("Transfer-Encoding: chunked", content_type="application/json"), b'f\r\n{"generate": 5}\r\n'),
        (chunked, chunk),
        (chunked, chunk + b"0\r\n"),
        (chunked, chunk[: len(body)]),
        (chunked, chunk + b"zz\r\n"),
        (chunked, chunk[:-2] + b"XX0\r\n\r\n"),
        (chunked, b"-5\r\n" + chunk),
        (chunked, b"ffffffffffffffff\r\n" + body),
        (raw_post(f"Content-Length: {len(form)}", content_type=multipart), form),
        (raw_post(f"Content-Length: {len(form)}", content_type=multipart), form[:-20]),
        (raw_post(f"Content-Length: {len(form) + 10}", content_type=multipart), form + b"\r\n--XX"),
        (raw_post("Transfer-Encoding: chunked", content_type=multipart), b"%x\r\n%s\r\n" % (len(form), form)),
    ]
    with nothing_kept(stack):
        for pieces in cut:
            check_problem(send_raw(stack, *pieces), 400, "bad-request")
        # a client that resets the connection gets no answer, and leaves nothing either
        for pieces in (cut[0], cut[4]):
            connection = socket.create_connection(("127.0.0.1", stack.port), 10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"".join(pieces))
            wait_for(lambda: list(stack.spool.glob("*.part")), "the upload began")
            connection.close()
            wait_for(lambda: not list(stack.spool.glob("*.part")), "the upload ended")


def test_a_body_that_stalls_does_not_hold_its_thread() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb", buffering=0) as stream:
        body = Body(stream, 10, ours, stall_seconds=0.2)
        theirs.sendall(b"12345")
        assert body.read(5) == b"12345"
        with pytest.raises(RequestTimeout):
            body.read(5)
        assert ours.gettimeout() is None
    with pytest.raises(BadRequest, match="5 of 10 bytes"):
        Body(io.BytesIO(b"12345"), 10).read_all(100)


def test_a_refusal_leaves_the_connection_as_it_was(stack: Stack) -> None:
    """Else the client's next request, on a connection that is said to be kept, is lost."""
    with socket.create_connection(("127.0.0.1", stack.port), 20) as connection:
        for path, status in (("/v1/imports?dataset=nope", 422), ("/v1/nope", 404), ("/livez", 405)):
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
            connection.sendall(head.encode() + bytes(2_000_000))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == status and json.loads(answer.read())["status"] == status


def test_a_length_that_lies(stack: Stack) -> None:
    body = file_of(line(), line(order_number="A-2"))
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with nothing_kept(stack):
        for headers in (
            ["Content-Length: -5"],
            ["Content-Length: abc"],
            ["Content-Length: +5"],
            ["Content-Length: 0x5"],
            ["Content-Length: 5, 6"],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Content-Length : 5"],
            [f"Content-Length: {len(chunk)}", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: identity"],
            ["Transfer-Encoding: xchunked"],
            ["Content-Length:\n 5"],
        ):
            assert send_raw(stack, raw_post(*headers), chunk).status_code in (400, 501), headers
        # larger than the limit: refused before it is sent
        for length in ("99999999999999999999999", "10737418241"):
            check_problem(send_raw(stack, raw_post(f"Content-Length: {length}")), 413, "content-too-large")
        # what follows a body that is too short for its headers is never a part of it, nor a request behind our back
        for head in ("POST /v1/imports?dataset=nope", "POST /v1/nope"):
            inside = b"POST /insert/3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            request = f"{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inside)}\r\n\r\n".encode()
            assert send_raw(stack, request, inside).status_code in (404, 422)
        broken = b"zz\r\nPOST /insert/3 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        check_problem(send_raw(stack, raw_post("Transfer-Encoding: chunked"), broken), 400, "bad-request")
    # too small: the file ends where it said, here inside the last row
    short = send_raw(stack, raw_post(f"Content-Length: {len(body) - 12}", "Connection: close"), body)
    error = failure(stack, short)
    assert (error["code"], error["line"]) == ("bad_quote", 3) and stack.count() == 0


def test_a_form_that_is_none(stack: Stack) -> None:
    good = file_of(line())

    def part(name: bytes, data: bytes, extra: bytes = b"") -> bytes:
        return b'--XX\r\nContent-Disposition: form-data; name="' + name + b'"' + extra + b"\r\n\r\n" + data + b"\r\n"

    file = part(b"file", good, b'; filename="a.csv"')
    end = b"--XX--\r\n"
    forms: list[tuple[bytes, int, str]] = [
        (b"", 400, "boundary"),
        (b"garbage", 400, "boundary"),
        (file, 400, "boundary"),
        (file.replace(b"XX", b"YY") + b"--YY--", 400, "boundary"),
        (b"--XX\r\n\r\nabc\r\n" + end, 400, "boundary"),
        (b"--XX\r\nContent-Disposition: nonsense\r\n\r\nabc\r\n" + end, 400, "has no file"),
        (part(b"file", good) + end, 400, "has no file"),
        (file + file + end, 400, "one file"),
        (part(b"note", b"a" * 2_000_000) + file + end, 413, "at most"),
        (part(b"note", b"a") * 50 + file + end, 413, "at most"),
        (part(b"file", good, b'; filename="a"; x="' + b"a" * 2_000_000 + b'"') + end, 413, "at most"),
        (part(b"file", b"", b'; filename=""') + end, 422, "empty"),
        (part(b"file", good, b'; filename="\xff.csv"') + end, 400, "multipart"),
    ]
    kinds = {400: "bad-request", 413: "request-entity-too-large", 422: "invalid-content"}
    with nothing_kept(stack):
        for body, status, words in forms:
            answer = stack.send(body, "multipart/form-data; boundary=XX")
            assert words in check_problem(answer, status, kinds[status])["detail"], body[:80]
        check_problem(stack.send(file + end, "multipart/form-data"), 400, "bad-request")
        # a field beside the file that is no option may be one that was misspelt
        answer = stack.send(part(b"note", b"hello") + file + end, "multipart/form-data; boundary=XX")
        assert check_problem(answer, 422, "invalid-content")["errors"] == [{"field": "note", "reason": "unknown"}]
    answer = stack.send(part(b"encoding", b"utf-8") + file + end, "multipart/form-data; boundary=XX")
    assert stack.wait_state(answer.json()["id"])["state"] == "committed"


NAMES = [
    ("../../../../tmp/backout-escaped", None),
    ("/tmp/backout-escaped", None),
    ("..", None),
    (".", None),
    ("night.csv\0.sh", "night.csv\ufffd.sh"),
    ("night\r\nSet-Cookie: x=1.csv", "night\ufffd\ufffdSet-Cookie: x=1.csv"),
    ("\x1b[2J\x1b]0;owned\x07.csv", "\ufffd[2J\ufffd]0;owned\ufffd.csv"),
    ("evil\u202evsc.exe", "evil\ufffdvsc.exe"),
    ("x" * 3000, "x" * 255),
    ("<img src=x onerror=alert(1)>\"'&.csv", None),
    ("'; DROP TABLE imports; --", None),
    ("{{ 7*7 }}%s%n.csv", None),
    ("Bestellungen 💶 März.csv", None),
]


def test_a_hostile_file_name_is_only_ever_a_name(stack: Stack) -> None:
    stray = Path("/tmp/backout-escaped")
    stray.unlink(missing_ok=True)
    shown = {}
    for number, (name, expected) in enumerate(NAMES):
        body = file_of(line(order_number=f"N-{number}"))
        answer = stack.send(body, params={"file_name": name})
        assert answer.status_code == 202, answer.text
        assert answer.json()["source"]["name"] == (expected or name)
        assert not [field for field in answer.headers if field.lower() == "set-cookie"]
        shown[answer.json()["id"]] = expected or name
    long = "y" * 10_000 + ".csv"
    answer = stack.post("/v1/imports", files={"file": (long, file_of(line(order_number="N-long")), "text/csv")})
    shown[answer.json()["id"]] = long[:255]
    answer = stack.send(file_of(line(order_number="N-head")), headers={"X-File-Name": "../" * 2000})
    shown[answer.json()["id"]] = ("../" * 2000)[:255]
    for id, name in shown.items():
        done = stack.wait_state(id)
        assert (done["state"], done["source"]["name"]) == ("committed", name)
    assert not stray.exists()
    assert uploads(stack) >= set(shown)
    assert all(len(name.removesuffix(".rejects").partition(".")[0]) == 36 for name in uploads(stack))
    page = stack.get("/", headers={"Accept": "text/html"}).text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page and "<img src=x" not in page and "{{ 7*7 }}" in page
    assert "\x1b" not in page and "\0" not in page


# --- sizes ------------------------------------------------------------------------------------------------------------


def peak_memory(stack: Stack) -> int:
    """The highest resident memory, in bytes, of the process that answers requests."""
    children = Path(f"/proc/{stack.pid('web')}/task/{stack.pid('web')}/children").read_text().split()
    peaks = [
        int(field.split()[1]) * 1024
        for pid in children
        for field in Path(f"/proc/{pid}/status").read_text().splitlines()
        if field.startswith("VmHWM:")
    ]
    assert peaks
    return max(peaks)


def rows_of(size: int, marketplace: str) -> Iterator[bytes]:
    """A file of about so many bytes, a piece at a time."""
    yield HEADER.encode() + b"\n"
    padding = line(marketplace=marketplace, ship_to="x" * 255, order_number="#").encode() + b"\n"
    piece_rows, number = 1000, 0
    while size > 0:
        piece = b"".join(padding.replace(b"#", b"%d" % (number + row)) for row in range(piece_rows))
        number += piece_rows
        size -= len(piece)
        yield piece


def as_form(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    yield from pieces
    yield b"\r\n--XX--\r\n"


@pytest.mark.parametrize(
    "size",
    [60_000_000, pytest.param(1_000_000_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["60MB", "1GB"],
)
def test_memory_stays_flat_however_large_the_file(new_stack: Callable[..., Stack], size: int) -> None:
    """Nobody loads here: the web server alone takes the files."""
    stack = new_stack().start("web")
    for pieces, content_type in (
        (rows_of(100_000, "warm"), "text/csv"),
        (as_form(rows_of(100_000, "warm")), "multipart/form-data; boundary=XX"),
    ):
        stack.send(pieces, content_type)  # type: ignore[arg-type]
    before = peak_memory(stack)
    answer = stack.http.post(
        f"{stack.url}/v1/imports", data=rows_of(size, "a"), headers={"Content-Type": "text/csv"}, timeout=patience(600)
    )
    assert answer.status_code == 202 and answer.json()["bytes_total"] > size
    form = {"Content-Type": "multipart/form-data; boundary=XX"}
    answer = stack.http.post(
        f"{stack.url}/v1/imports", data=as_form(rows_of(size, "b")), headers=form, timeout=patience(600)
    )
    assert answer.status_code == 202 and answer.json()["bytes_total"] > size
    # one chunk as large as the file: read ahead by the web server, but not all of it
    body = b"".join(rows_of(60_000_000, "c"))
    head = raw_post("Transfer-Encoding: chunked", "Connection: close")
    assert send_raw(stack, head, b"%x\r\n" % len(body), body, b"\r\n0\r\n\r\n").status_code == 202
    # the same file again, while the first one waits, takes a key that says that it is meant
    head = raw_post(f"Content-Length: {len(body)}", "Idempotency-Key: again", "Connection: close")
    assert send_raw(stack, head, body).status_code == 202
    assert peak_memory(stack) - before < 30_000_000
    shutil.rmtree(stack.spool)


def test_a_file_larger_than_the_limit_is_refused_and_not_kept(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(max_upload_bytes=1_000_000).start("web")
    body = b"".join(rows_of(20_000_000, "a"))
    small = b"".join(rows_of(500_000, "a"))
    form = "multipart/form-data; boundary=XX"
    with nothing_kept(stack):
        for data, content_type in (
            (body, "text/csv"),  # known by its length
            (rows_of(20_000_000, "a"), "text/csv"),  # found while it comes
            (b"".join(as_form(iter([body]))), form),
            (as_form(iter([body])), form),
            (b"".join(as_form(iter([small, small, small]))), form),  # the form's length alone tells nothing yet
        ):
            document = check_problem(stack.send(data, content_type), 413, "content-too-large")  # type: ignore[arg-type]
            assert "1,000,000 bytes" in document["detail"] and "BACKOUT_MAX_UPLOAD_BYTES" in document["detail"]
        begun = time.monotonic()
        check_problem(send_raw(stack, raw_post("Content-Length: 9000000000")), 413, "content-too-large")
        assert time.monotonic() - begun < patience()  # nobody waits for nine gigabytes
    assert stack.send(small).status_code == 202
    # what people have: curl says `Expect: 100-continue` for a large file, and is told before it sends
    big = stack.folder / "big.csv"
    big.write_bytes(body)
    curl = [
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--data-binary",
        f"@{big}",
        f"{stack.url}/v1/imports",
    ]
    done = subprocess.run(curl, capture_output=True, text=True, timeout=patience(), check=False)
    assert (done.stdout, done.stderr) == ("413", "")
