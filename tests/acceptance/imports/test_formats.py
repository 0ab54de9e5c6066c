"""Files of every format, dialect and encoding over HTTP, and what becomes of their bad rows."""

import csv
import io
import json
from typing import Any

import pytest
from backports import zstd

from tests.acceptance.conftest import Stack
from tests.acceptance.imports.orders import NAMES, OBJECTS, ROWS, as_csv, as_parquet, as_xlsx, order

pytestmark = pytest.mark.in_turn


@pytest.mark.parametrize(
    ("body", "options", "shown"),
    [
        (
            as_csv(ROWS, delimiter=";").encode("cp1252"),
            {"encoding": "cp1252"},
            {"delimiter": ";", "encoding": "cp1252"},
        ),
        (as_csv(ROWS, delimiter="\t").encode("utf-16"), {}, {"delimiter": "\t", "encoding": "utf-16"}),
        (b"# from the shop\r\r" + as_csv(ROWS, lineterminator="\r").encode(), {}, {"first_line": 3}),
        (zstd.compress(as_csv(ROWS, quotechar="'").encode()), {}, {"quote": "'", "compression": "zstd"}),
        (
            as_csv(ROWS, [name.upper() for name in NAMES]).encode(),
            {"columns": json.dumps({name.upper(): name for name in NAMES})},
            {"format": "csv"},
        ),
        (
            as_csv(ROWS).partition("\r\n")[2].encode(),
            {"header": "false", "columns": ",".join(NAMES)},
            {"header": False},
        ),
        (json.dumps(OBJECTS, indent=1).encode(), {}, {"format": "json"}),
        (zstd.compress(json.dumps(OBJECTS).encode()), {}, {"format": "json", "compression": "zstd"}),
        (as_xlsx(ROWS), {"sheet": "Orders"}, {"format": "xlsx", "sheet": "Orders"}),
        (as_parquet(ROWS), {}, {"format": "parquet"}),
    ],
    ids=["cp1252", "utf-16", "cr", "zstd", "columns", "headless", "json", "json-zstd", "xlsx", "parquet"],
)
def test_a_file_of_any_kind(stack: Stack, body: bytes, options: dict[str, str], shown: dict[str, Any]) -> None:
    accepted = stack.send(body, "application/octet-stream", params=options)
    assert accepted.status_code == 202, accepted.text
    source = accepted.json()["source"]
    assert {name: source[name] for name in shown} == shown
    done = stack.wait_state(accepted.json()["id"])
    assert (done["state"], done["rows_done"], done["rows_rejected"]) == ("committed", 300, 0), done["error"]
    data = stack.get("/get_data").json()["data"]
    assert [row["order_number"] for row in data] == [row[1] for row in ROWS]
    assert {(row["customer"], row["ship_to"], row["quantity"], row["unit_price"]) for row in data} == {
        ("Jörg Ä", "Weg 1, Köln", 2, "12.50")
    }
    assert {row["ordered_at"] for row in data} == {"2026-01-02T03:04:05Z"}


def test_options_come_in_a_form_as_well(stack: Stack) -> None:
    body = as_csv(ROWS, delimiter="|").encode("cp1252")
    answer = stack.post(
        "/v1/imports",
        files={"file": ("o.csv", body)},
        data={"encoding": "cp1252", "delimiter": "|", "dataset": "orders"},
    )
    assert answer.status_code == 202, answer.text
    assert stack.wait_state(answer.json()["id"])["rows_done"] == 300
    wrong = stack.post("/v1/imports", files={"file": ("o.csv", body)}, data={"delimeter": "|"})
    assert wrong.status_code == 422 and wrong.json()["errors"] == [{"field": "delimeter", "reason": "unknown"}]
    assert stack.send(body, params={"on_eror": "reject"}).status_code == 422
    assert stack.send(body, params={"encoding": "latin-one"}).json()["errors"][0]["field"] == "encoding"


def test_the_same_key_with_other_options_is_another_request(stack: Stack) -> None:
    body = as_csv(ROWS).encode()
    headers = {"Idempotency-Key": f"options-{stack.url}"}
    first = stack.send(body, headers=headers, params={"encoding": "utf-8"})
    again = stack.send(body, headers=headers, params={"encoding": "utf8"})
    assert (first.status_code, again.status_code) == (202, 202) and first.json()["id"] == again.json()["id"]
    assert stack.send(body, headers=headers, params={"encoding": "cp1252"}).status_code == 422
    assert stack.send(body, headers=headers, params={"encoding": "utf-8", "on_error": "reject"}).status_code == 422


MESS = as_csv(
    [
        order(1),
        order(2, quantity="two"),
        order(3),
        [*order(4), "one more"],
        order(5, customer="a\nb"),
        order(6, email="nobody"),
        order(7),
    ]
).encode()
WRONG = [(3, "not_an_integer"), (5, "too_many_fields"), (6, "control_character"), (8, "not_an_email")]


def test_abort_loads_nothing_and_lists_every_error(stack: Stack) -> None:
    failed = stack.wait_state(stack.send(MESS).json()["id"])
    assert (failed["state"], failed["rows_rejected"], failed["error"]["line"]) == ("failed", 4, 3)
    listed = stack.get(failed["links"]["rejects"]).json()["rejects"]
    assert [(reject["line"], reject["code"]) for reject in listed] == WRONG
    assert stack.count() == 0


def test_rejects_are_mended_and_sent_again(stack: Stack) -> None:
    done = stack.wait_state(stack.send(MESS, params={"on_error": "reject", "max_rejects": "4"}).json()["id"])
    assert (done["state"], done["rows_done"], done["rows_rejected"]) == ("committed", 3, 4)
    assert stack.count() == 3
    listed = stack.get(done["links"]["rejects"]).json()
    assert [(reject["line"], reject["code"]) for reject in listed["rejects"]] == WRONG
    assert listed["rejects"][0]["column"] == "quantity" and listed["rejects"][0]["value"] == "two"
    lines = stack.get(done["links"]["rejects"], params={"format": "ndjson"}).text.splitlines()
    assert [json.loads(text)["line"] for text in lines] == [line for line, _ in WRONG]

    file = stack.get(done["links"]["rejects"], params={"format": "csv"})
    assert file.headers["Content-Type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(file.content.decode(), newline="")))
    mends = [{"quantity": "2"}, dict(zip(NAMES, order(4), strict=True)), {"customer": "ab"}, {"email": "n@x.de"}]
    mended = io.StringIO()
    writer = csv.DictWriter(mended, list(table[0]))
    writer.writeheader()
    writer.writerows([row | mend for row, mend in zip(table, mends, strict=True)])
    again = stack.wait_state(stack.send(mended.getvalue().encode()).json()["id"])
    assert (again["state"], again["rows_done"]) == ("committed", 4), again["error"]
    assert sorted(row["order_number"] for row in stack.get("/get_data").json()["data"]) == [
        f"N-{n}" for n in range(1, 8)
    ]


@pytest.mark.parametrize("most", ["3", "50%"])
def test_too_many_rejects_roll_everything_back(stack: Stack, most: str) -> None:
    failed = stack.wait_state(stack.send(MESS, params={"on_error": "reject", "max_rejects": most}).json()["id"])
    assert (failed["state"], failed["error"]["code"], failed["rows_rejected"]) == ("failed", "too_many_rejects", 4)
    assert stack.count() == 0
    assert len(stack.get(failed["links"]["rejects"]).json()["rejects"]) == 4


def test_a_dry_run_tells_what_an_import_would_come_to(stack: Stack) -> None:
    key = {"Idempotency-Key": f"dry-{stack.url}"}
    said = {"on_error": "reject", "dry_run": "true"}
    dry = stack.wait_state(stack.send(MESS, params=said, headers=key).json()["id"])
    assert (dry["state"], dry["rows_done"], dry["rows_kept"], dry["rows_rejected"]) == ("checked", 3, 0, 4)
    assert [event["event"] for event in dry["timeline"]] == ["queued", "running", "checking", "checked"]
    assert stack.get(f"/status/{dry['id']}").json()["status"] == "SUCCESS"
    assert stack.post(f"/v1/imports/{dry['id']}/stop").status_code == 409
    assert stack.count() == 0
    # it gives its key back: the import itself may come under the same one
    del said["dry_run"]
    real = stack.wait_state(stack.send(MESS, params=said, headers=key).json()["id"])
    assert (real["state"], real["rows_done"], real["rows_rejected"]) == ("committed", 3, 4)
    again = stack.wait_state(stack.send(MESS, params=said | {"dry_run": "true"}).json()["id"])
    assert (again["state"], again["error"]["code"]) == ("failed", "duplicate_key")
    assert stack.count() == 3


def test_a_dry_run_is_stopped_like_every_import(stack: Stack) -> None:
    body = as_csv([order(number) for number in range(60_000)]).encode()
    id = stack.send(body, params={"dry_run": "true"}).json()["id"]
    stack.wait_rows(id)
    assert stack.post(f"/v1/imports/{id}/stop").status_code == 202
    assert stack.wait_state(id)["state"] == "stopped" and stack.count() == 0


def test_an_import_without_rejects_has_none(stack: Stack) -> None:
    done = stack.wait_state(stack.send(as_csv(ROWS[:2]).encode(), params={"on_error": "reject"}).json()["id"])
    assert "rejects" not in done["links"]
    assert stack.get(f"/v1/imports/{done['id']}/rejects").json()["rejects"] == []
    assert stack.get("/v1/imports/none/rejects").status_code == 404
    assert stack.get(f"/v1/imports/{done['id']}/rejects", params={"format": "xml"}).status_code == 400


def test_rows_that_are_there_already(stack: Stack) -> None:
    first = stack.wait_state(stack.send(as_csv(ROWS[:3]).encode()).json()["id"])
    assert (first["state"], first["on_conflict"]) == ("committed", "fail")
    again = stack.wait_state(stack.send(as_csv(ROWS[1:4]).encode()).json()["id"])
    assert (again["state"], again["error"]["code"]) == ("failed", "duplicate_key")
    skipped = stack.wait_state(stack.send(as_csv(ROWS[1:4]).encode(), params={"on_conflict": "skip"}).json()["id"])
    assert [skipped[f"rows_{what}"] for what in ("done", "updated", "skipped")] == [1, 0, 2]
    changed = as_csv([order(number, status="returned") for number in range(2, 7)]).encode()
    updated = stack.wait_state(stack.send(changed, params={"on_conflict": "update"}).json()["id"])
    assert [updated[f"rows_{what}"] for what in ("done", "updated", "skipped", "kept", "total")] == [2, 3, 0, 2, 5]
    data = stack.get("/get_data").json()["data"]
    assert sorted((row["order_number"], row["status"], row["import_no"]) for row in data) == [
        ("N-1", "paid", first["number"]),
        ("N-2", "returned", first["number"]),
        ("N-3", "returned", first["number"]),
        ("N-4", "returned", skipped["number"]),
        ("N-5", "returned", updated["number"]),
        ("N-6", "returned", updated["number"]),
    ]
    assert stack.send(changed, params={"on_conflict": "overwrite"}).json()["errors"][0]["field"] == "on_conflict"


def test_a_shop_s_export_gets_in_with_one_option(stack: Stack) -> None:
    """A constant, a map of values, a format and columns left out: in previews, imports and reports."""
    header = ["Order-No.", *NAMES[2:9], "Zustand", "ORDERED_AT", "Notes"]
    rows = [[*order(number)[1:9], "Versandt", "23.11.2026 08:30", "x"] for number in (1, 2)]
    rows[1][NAMES.index("quantity") - 1] = "two"
    columns = {
        "Order-No.": "order_number",
        "marketplace": {"value": "Shop"},
        "Zustand": {"name": "status", "values": {"Versandt": "shipped"}},
        "ordered_at": {"formats": ["%d.%m.%Y %H:%M"]},
        "*": None,
    }
    query = {"columns": json.dumps(columns), "on_error": "reject"}
    body = as_csv(rows, header).encode()
    shown = stack.post("/v1/previews", params=query, data=body).json()
    assert (shown["problem"], shown["constants"], shown["rejected"]) == (None, {"marketplace": "Shop"}, 1)
    assert {**shown["file_format"]["columns"]} == columns
    accepted = stack.send(body, "text/csv", params=query)
    assert accepted.status_code == 202, accepted.text
    found = stack.wait_state(accepted.json()["id"])
    assert (found["state"], found["rows_done"], found["rows_rejected"]) == ("committed", 1, 1)
    assert found["source"]["columns"] == columns
    [row] = stack.get("/v1/datasets/orders/rows").json()["rows"]
    assert (row["marketplace"], row["status"], row["ordered_at"]) == ("Shop", "shipped", "2026-11-23T08:30:00Z")
    [reject] = csv.DictReader(io.StringIO(stack.get(f"/v1/imports/{found['id']}/rejects?format=csv").text))
    assert (reject["marketplace"], reject["quantity"], reject["status"]) == ("Shop", "two", "Versandt")
    again = {"columns": json.dumps(found["source"]["columns"]), "on_conflict": "update", "on_error": "reject"}
    updated = stack.wait_state(stack.send(body, "text/csv", params=again).json()["id"])
    assert (updated["rows_updated"], updated["rows_rejected"]) == (1, 1)
    dry = stack.send(body, "text/csv", params=query | {"dry_run": "true"})
    failed = stack.wait_state(dry.json()["id"], "failed")
    assert failed["error"]["code"] == "duplicate_key"  # of the constant, too


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"marketplace": {"value": "x" * 33}}, "at most 32"),
        ({"status": {"value": "Versandt"}}, "status must be one of"),
        ({"quantity": {"default": "many"}}, "quantity"),
        ({"ordered_at": {"formats": ["%d.%m."]}}, "can't be used"),
        ({"market": {"value": "x"}}, "not a column of orders"),
        ({"marketplace": {"constant": "x"}}, "unknown member 'constant'"),
    ],
)
def test_a_wrong_option_for_a_column_is_refused_at_once(stack: Stack, columns: Any, reason: str) -> None:
    for path in ("/v1/imports", "/v1/previews"):
        headers, query = {"Content-Type": "text/csv"}, {"columns": json.dumps(columns)}
        answer = stack.post(path, params=query, data=as_csv([order(1)]).encode(), headers=headers)
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert error["field"] == "columns" and reason in error["reason"]
