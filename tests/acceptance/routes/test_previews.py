"""Previews over HTTP: a file is looked at, and nothing is kept."""

import gzip
import json
from pathlib import Path

import pytest

from tests.files.hostile_parquet import FILES, LONG, repeated
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

HEADER = "marketplace,order_number,customer,email,ship_to,sku,quantity,unit_price,currency,status,ordered_at"
ROW = "Amazon,N-{0},Jörg Ä,j@example.com,Köln,AB-1,{1},12.50,EUR,paid,2026-01-02 03:04:05"
FILE = "\n".join([HEADER, *(ROW.format(at, at if at != 3 else "two") for at in range(1, 2001))]).encode()

# enough to be seen in the web server; the child that reads it is held to its limit by a gigabyte elsewhere
HOSTILE = FILES | {
    "a text of a megabyte in every row": lambda: repeated(LONG, 201),
    "a category of a megabyte in every row": lambda: repeated(LONG, 201, category=True),
}


def test_a_preview_starts_nothing_and_keeps_nothing(stack: Stack) -> None:
    files, imports = set(stack.spool.glob("*")), stack.get("/v1/imports").json()
    answer = stack.post("/v1/previews", data=FILE, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["dataset"], found["problem"], found["missing"], found["unknown"]) == ("orders", None, [], [])
    assert (found["file_format"]["format"], found["file_format"]["delimiter"]) == ("csv", ",")
    assert len(found["rows"]) == 20 and found["rejected"] == 1
    assert found["rows"][0] == {"line": 2, "values": ROW.format(1, 1).split(","), "reject": None}
    reject = found["rows"][2]["reject"]
    assert (reject["code"], reject["column"], reject["value"]) == ("not_an_integer", "quantity", "two")
    assert found["columns"][1] == {"name": "order_number", "column": "order_number", "status": "mapped"}
    assert not [path for path in set(stack.spool.glob("*")) - files if not path.name.startswith(".generation")]
    assert stack.count() == 0
    assert stack.get("/v1/imports").json() == imports


def test_the_head_of_a_file_and_options(stack: Stack) -> None:
    head = gzip.compress(FILE, mtime=0)[:8000]
    answer = stack.post("/v1/previews?partial=true&rows=5", data=head).json()
    assert (answer["problem"], answer["cut"], len(answer["rows"])) == (None, True, 5)
    assert answer["file_format"]["compression"] == "gzip"
    other = FILE.replace(b",", b"|").replace(b"order_number", b"Order No").decode().encode("cp1252")
    fields = {"encoding": "cp1252", "columns": json.dumps({"Order No": "order_number"}), "rows": "2"}
    form = stack.post("/v1/previews", files={"file": ("o.csv", other)}, data=fields).json()
    assert (form["file_format"]["delimiter"], form["problem"], len(form["rows"])) == ("|", None, 2)
    assert form["rows"][0]["values"][2] == "Jörg Ä"
    unknown = stack.post("/v1/previews", data=other).json()
    assert unknown["missing"] == ["order_number"] and unknown["unknown"] == ["Order No"]
    assert unknown["problem"]["code"] == "unknown_column"


def test_a_dataset_is_inferred_as_it_can_be_created(stack: Stack) -> None:
    answer = stack.post("/v1/datasets/inferred?name=shop", data=FILE.replace(b"two", b"2"))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["name"], found["key"]) == ("shop", ["order_number"])
    types = {column["name"]: column["type"] for column in found["columns"]}
    assert list(types) == HEADER.split(",")
    assert (types["quantity"], types["unit_price"], types["email"]) == ("integer", "decimal", "email")
    assert (types["currency"], types["ordered_at"], types["customer"]) == ("currency", "datetime", "text")
    with_rows = stack.post("/v1/previews?infer=true&name=shop", data=FILE.replace(b"two", b"2")).json()
    assert with_rows["definition"] == found and with_rows["rejected"] == 0 and with_rows["dataset"] is None


def test_what_is_no_file_of_rows_is_refused(stack: Stack) -> None:
    assert stack.post("/v1/previews", data=b"%PDF-1.7").status_code == 415
    assert stack.post("/v1/previews", data=b"").status_code == 422
    assert stack.post("/v1/previews?rows=0", data=FILE).status_code == 400
    assert stack.post("/v1/previews?partial=maybe", data=FILE).status_code == 400
    assert stack.post("/v1/previews?delimeter=x", data=FILE).json()["errors"][0]["field"] == "delimeter"
    assert stack.post("/v1/previews?dataset=none", data=FILE).status_code == 422
    assert stack.post("/v1/previews", data=b"x" * (64 * 1024**2 + 1)).status_code == 413
    assert stack.post("/v1/datasets/inferred", data=b"[").json()["errors"][0]["code"] == "truncated_json"
    assert stack.post("/v1/previews", data=FILE, headers={"Content-Encoding": "br"}).status_code == 415
    assert stack.get("/v1/previews").status_code == 405


@pytest.mark.parametrize("name", HOSTILE)
def test_a_small_hostile_file_is_answered_and_takes_no_memory(stack: Stack, name: str) -> None:
    """A preview of it, a proposal, and an import: none is the server's fault, or takes what it asks for."""
    texts = {"name": "texts", "columns": [{"name": "a", "type": "text", "length": 100}], "key": []}
    assert stack.post("/v1/datasets", json=texts).status_code in (201, 409)
    body, headers = HOSTILE[name](), {"Content-Type": "application/vnd.apache.parquet"}
    before = memory_of(stack, "web")
    for path in ("/v1/previews", "/v1/previews?infer=true", "/v1/datasets/inferred"):
        answer = stack.post(path, data=body, headers=headers)
        assert answer.status_code in (200, 422), answer.text
    assert memory_of(stack, "web") - before < 60_000_000
    answer = stack.post("/v1/imports?dataset=texts", data=body, headers=headers)
    assert answer.status_code in (202, 422), answer.text
    if answer.status_code == 202:
        id = answer.json()["id"]
        if "megabyte" in name:  # much text to check, which takes its time and no memory
            stack.post(f"/v1/imports/{id}/stop")
        found = stack.wait_state(id, "failed", "committed", "stopped")
        assert found["attempt"]["number"] <= 1, found
    assert stack.is_running("web") and stack.is_running("worker")


def memory_of(stack: Stack, name: str) -> int:
    """What a program and its children hold, in bytes."""
    pid = stack.pid(name)
    pids = [pid, *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    statuses = (Path(f"/proc/{pid}/status").read_text() for pid in pids)
    return sum(int(status.partition("VmRSS:")[2].split()[0]) * 1024 for status in statuses)
