"""An import whose control totals differ fails before its decision: in every format, policy and kind of dataset."""

import csv
import html
import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.conftest import Servers
from tests.backout import Backout
from tests.stack import Stack
from tests.waiting import patience

pytestmark = pytest.mark.in_turn

NAME = "totals"
COLUMNS = [
    {"name": "id", "type": "integer"},
    {"name": "amount", "type": "decimal", "precision": 30, "scale": 4, "signed": True, "nullable": True},
    {"name": "note", "type": "text", "length": 40, "nullable": True, "controls": "any"},
]
# floats would lose digits of these sums, and the notes look like other fields
ROWS: list[tuple[int, str | None, str | None]] = [
    (1, "0.1", 'a "quoted", text'),
    (2, "0.2", "7,8"),
    (3, "-1000000000000000000000.0001", "NULL"),
    (4, None, None),
    (5, "1000000000000000000000.7", 'line\nbreak,"9"'),
]
RIGHT = {"rows": 5, "sum(id)": "15", "sum(amount)": "0.9999"}


@pytest.fixture(autouse=True)
def table(stack: Stack) -> Iterator[None]:
    answer = stack.post("/v1/datasets", json={"name": NAME, "columns": COLUMNS, "key": ["id"]})
    assert answer.status_code == 201, answer.text
    yield
    stack.http.delete(f"{stack.url}/v1/datasets/{NAME}?confirm={NAME}", timeout=patience())


def as_csv(rows: list[tuple[int, str | None, str | None]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([("id", "amount", "note"), *rows])
    return text.getvalue().encode()


def as_objects(rows: list[tuple[int, str | None, str | None]]) -> bytes:
    return b"\n".join(json.dumps(dict(zip(("id", "amount", "note"), row, strict=True))).encode() for row in rows)


def as_parquet(rows: list[tuple[int, str | None, str | None]]) -> bytes:
    file = io.BytesIO()
    frame = pl.DataFrame(rows, schema=["id", "amount", "note"], orient="row")
    frame.with_columns(pl.col("amount").cast(pl.Decimal(30, 4))).write_parquet(file)
    return file.getvalue()


def run(stack: Stack, totals: Any, body: bytes = b"", headers: dict[str, str] | None = None, **options: Any) -> Any:
    told = {} if totals is None else {"control_totals": json.dumps(totals)}
    params = {"dataset": NAME, **told, **options}
    answer = stack.send(body or as_csv(ROWS), params=params, headers=headers or {})
    assert answer.status_code == 202, answer.text
    return stack.wait_state(answer.json()["id"])


def count(stack: Stack) -> int:
    return int(stack.get(f"/v1/datasets/{NAME}/rows/count").json()["count"])


@pytest.mark.parametrize("write", [as_csv, as_objects, as_parquet])
def test_right_totals_let_every_format_in(stack: Stack, write: Any) -> None:
    for wrong, said in (
        ({**RIGHT, "sum(amount)": "1"}, "sum(amount) is 0.9999, not 1"),
        ({**RIGHT, "rows": 6, "sum(id)": 21}, "rows is 5, not 6; sum(id) is 15, not 21"),
    ):
        failed = run(stack, wrong, write(ROWS))
        assert (failed["state"], failed["error"]["code"], failed["rows_kept"]) == ("failed", "control_totals", 0)
        assert said in failed["error"]["message"] and count(stack) == 0
    done = run(stack, RIGHT, write(ROWS))
    assert (done["state"], done["rows_kept"], count(stack)) == ("committed", 5, 5), done["error"]
    assert done["control_totals"] == {name: str(value) for name, value in RIGHT.items()}


def test_accepted_rows_count_whatever_becomes_of_them(stack: Stack) -> None:
    """Rejected rows are not among them; rows that are skipped or update another one are."""
    assert run(stack, {"rows": 2}, as_csv(ROWS[:2]))["state"] == "committed"
    for on_conflict in ("skip", "update"):
        wrong = run(stack, {"rows": 3}, on_conflict=on_conflict)
        assert (wrong["state"], count(stack)) == ("failed", 2)
    dry = run(stack, {"sum(id)": 16}, on_conflict="update", dry_run="true")
    assert (dry["state"], dry["error"]["code"]) == ("failed", "control_totals")
    assert run(stack, RIGHT, on_conflict="update", dry_run="true")["state"] == "checked"
    with_reject = as_csv(ROWS) + b"6,lots,\n"
    failed = run(stack, {"rows": 6}, with_reject, on_error="reject", on_conflict="skip")
    assert (failed["state"], failed["rows_rejected"], count(stack)) == ("failed", 1, 2)
    done = run(stack, RIGHT, with_reject, on_error="reject", on_conflict="skip", stream="1")
    assert (done["state"], done["rows_skipped"], done["rows_rejected"], count(stack)) == ("committed", 2, 1, 5)


def test_a_header_or_a_form_may_say_them(stack: Stack) -> None:
    failed = run(stack, None, headers={"Control-Totals": '{"rows": 4}'})
    assert (failed["state"], failed["control_totals"]) == ("failed", {"rows": "4"})
    both = {"params": {"dataset": NAME, "control_totals": '{"rows": 5}'}, "headers": {"Control-Totals": '{"rows": 4}'}}
    answer = stack.send(as_csv(ROWS), **both)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "control_totals"
    generated = stack.post("/v1/imports", json={"generate": 5}, headers={"Control-Totals": '{"rows": 4}'})
    assert generated.status_code == 422 and "control_totals" in generated.text, "they would not be looked at"
    form = {"dataset": NAME, "control_totals": '{"rows": 4}'}
    answer = stack.post("/v1/imports", data=form, files={"file": ("a.csv", as_csv(ROWS))})
    assert stack.wait_state(answer.json()["id"])["error"]["code"] == "control_totals"
    # another import, since it asks for something else: the key is free again after a failure
    headers = {"Idempotency-Key": f"totals-{stack.url}"}
    assert run(stack, {"rows": 4}, headers=headers)["state"] == "failed"
    assert run(stack, RIGHT, headers=headers)["state"] == "committed"


def test_the_number_of_rows_has_limits(stack: Stack) -> None:
    assert [run(stack, None, min_rows=least)["state"] for least in (6, 5)] == ["failed", "committed"]
    more = as_csv([(number, None, None) for number in range(10, 16)])
    assert run(stack, None, more, like_last="19%")["error"]["code"] == "like_last"
    assert run(stack, None, more, max_rows=5)["error"]["code"] == "max_rows"
    assert run(stack, None, more, like_last="20%", max_rows=6)["state"] == "committed"


def test_an_adopted_table_has_them_too(stack: Stack, servers: Servers) -> None:
    with servers[0].root() as cursor:
        cursor.execute("DROP TABLE IF EXISTS ledger_lines")
        cursor.execute("CREATE TABLE ledger_lines (id INT PRIMARY KEY, amount DECIMAL(40, 4))")
    assert stack.post("/v1/datasets", json={"name": "ledger_lines", "adopt": True}).status_code == 201
    body = as_csv([row[:2] for row in ROWS]).replace(b",note", b"")
    wrong = run(stack, {**RIGHT, "sum(amount)": "0.99991"}, body, dataset="ledger_lines")
    assert "sum(amount) is 0.9999, not 0.99991" in wrong["error"]["message"]
    done = run(stack, RIGHT, body, dataset="ledger_lines")
    assert (done["state"], done["rows_kept"]) == ("committed", 5), done["error"]
    stack.http.delete(f"{stack.url}/v1/datasets/ledger_lines?confirm=ledger_lines", timeout=patience())


def test_the_command_line_says_them(backout: Backout, tmp_path: Path) -> None:
    file = tmp_path / "night.csv"
    file.write_bytes(as_csv(ROWS))
    order = ("import", str(file), f"--dataset={NAME}", "--wait", "--control-total=rows=5")
    failed = backout.try_(*order, "--control-total", "sum(amount)=1", code=1)
    assert "sum(amount) is 0.9999, not 1" in failed.stderr
    assert "names a total twice" in backout.try_(*order, "--control-total=rows=6", code=2).stderr
    backout.run(*order, "--control-total", "sum(amount)=0.9999", "--like-last=0%")


def test_the_page_shows_them_and_a_command_that_does_the_same(stack: Stack, tmp_path: Path) -> None:
    body = as_csv(ROWS).replace(b"id,amount,note", b"No,amount,other")
    columns = json.dumps({"No": "id", "*": None})
    totals = {"control_totals": json.dumps(RIGHT), "max_rows": "5"}
    params = {"dataset": NAME, "columns": columns, "dry_run": "true", "file_name": "it's a night.csv", **totals}
    first = stack.wait_state(stack.send(body, params=params).json()["id"])
    page = html.unescape(stack.get(f"/imports/{first['id']}").text)
    assert "sum(amount) = 0.9999" in page and "at most 5 rows" in page
    [command] = re.findall('<code id="curl">(.*?)</code>', page, re.DOTALL)
    (tmp_path / "it's a night.csv").write_bytes(body)
    answer = subprocess.run(command + " -s", shell=True, cwd=tmp_path, capture_output=True, check=True).stdout
    second = stack.wait_state(json.loads(answer)["id"])
    same = ("state", "rows_total", "source", "control_totals", "max_rows", "dry_run", "dataset")
    source = {**second["source"], "name": first["source"]["name"]}
    assert {name: {**second, "source": source}[name] for name in same} == {name: first[name] for name in same}
    assert first["state"] == "checked"
