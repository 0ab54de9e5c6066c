"""Datasets from their creation to their drop, with a real worker."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.conftest import Servers, Stack
from tests.waiting import patience

NAME = "group"
COLUMNS = [
    {"name": "order", "type": "text", "length": 40},
    {"name": "customer's mail", "type": "email"},
    {"name": "100%", "type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    {"name": "größe", "type": "decimal", "precision": 20, "scale": 4},
    {"name": "currency", "type": "currency"},
    {"name": "select", "type": "enum", "choices": ["nut", "bolt, long", 'a "b"']},
    {"name": "at", "type": "datetime"},
]
HEADER = '"order","customer\'s mail","100%","größe","currency","select","at"\n'


def rows(first: int, last: int) -> str:
    return "".join(
        f'"O\'Neil ""{number}"" \N{GRINNING FACE}","a@b.c",{number - 5},"{number}.1250","EUR","bolt, long",'
        f'"2026-01-02T03:{number % 60:02}:05Z"\n'
        for number in range(first, last)
    )


def create(stack: Stack, name: str = NAME) -> dict[str, Any]:
    answer = stack.post("/v1/datasets", json={"name": name, "columns": COLUMNS, "key": ["order", "100%"]})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def send(stack: Stack, text: str, name: str = NAME, **options: str) -> str:
    answer = stack.send((HEADER + text).encode(), params={"dataset": name, **options})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def count(stack: Stack, query: str = "", name: str = NAME) -> int:
    return int(stack.get(f"/v1/datasets/{name}/rows/count{query}").json()["count"])


def test_from_creation_to_drop(stack: Stack) -> None:
    assert create(stack)["links"]["rows"] == f"/v1/datasets/{NAME}/rows"
    first, second = send(stack, rows(0, 2000)), send(stack, rows(2000, 2500))
    for id in (first, second):
        row = stack.wait_state(id)
        assert row["state"] == "committed", row["error"]
    assert (count(stack), count(stack, f"?import={first}"), count(stack, "?filter[100%25]=7")) == (2500, 2000, 1)
    exported = stack.get(f"/v1/datasets/{NAME}/rows?format=csv&import={first}").content.decode()
    assert exported == HEADER + rows(0, 2000)
    clash = stack.wait_state(send(stack, rows(2400, 2600)))
    assert clash["state"] == "failed" and clash["error"]["code"] == "duplicate_key"
    assert clash["error"]["other_import"] == second and count(stack) == 2500
    deleted = stack.http.delete(f"{stack.url}/v1/datasets/{NAME}/rows?import={first}", timeout=patience())
    assert deleted.json() == {"rows_deleted": 2000} and count(stack) == 500
    assert stack.find(first)["rows_kept"] == 0
    dropped = stack.http.delete(f"{stack.url}/v1/datasets/{NAME}?confirm={NAME}", timeout=patience())
    assert dropped.status_code == 204, dropped.text
    assert stack.get(f"/v1/datasets/{NAME}").status_code == 404
    gone = stack.send((HEADER + rows(0, 1)).encode(), params={"dataset": NAME})
    assert gone.status_code == 422 and gone.json()["errors"][0]["field"] == "dataset"
    assert stack.find(second)["rows_deleted"] == 500


def test_a_dataset_made_again_with_other_columns_is_another(stack: Stack) -> None:
    """Every process has to see it: none may go by what the name stood for before."""
    create(stack)
    assert stack.wait_state(send(stack, rows(0, 10)))["state"] == "committed"
    stack.http.delete(f"{stack.url}/v1/datasets/{NAME}?confirm={NAME}", timeout=patience())
    body = {"name": NAME, "columns": [{"name": "word", "type": "text", "length": 5}]}
    assert stack.post("/v1/datasets", json=body).status_code == 201
    answer = stack.send(b"word\nhello\nhello\n", params={"dataset": NAME})
    assert stack.wait_state(answer.json()["id"])["state"] == "committed"
    assert stack.get(f"/v1/datasets/{NAME}/rows?format=ndjson").text == '{"word": "hello"}\n' * 2


def test_a_drop_among_imports_leaves_none_half(stack: Stack) -> None:
    """Imports and drops at once: each file is refused, or its import ends whole or with nothing."""
    create(stack)

    def try_send(number: int) -> str | None:
        text = HEADER + rows(number * 1000, number * 1000 + 1000)
        answer = stack.post(f"/v1/imports?dataset={NAME}", data=text.encode(), headers={"Content-Type": "text/csv"})
        assert answer.status_code in (202, 422), answer.text
        return str(answer.json()["id"]) if answer.status_code == 202 else None

    def try_drop(_: int) -> int:
        return stack.http.delete(f"{stack.url}/v1/datasets/{NAME}?confirm={NAME}", timeout=patience()).status_code

    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(try_send, number) for number in range(8)]
        dropped = [pool.submit(try_drop, number) for number in range(8)]
        ids = [id for one in sent if (id := one.result()) is not None]
        codes = [one.result() for one in dropped]
    assert set(codes) <= {204, 404, 409} and codes.count(204) <= 1
    ends = [stack.wait_state(id)["state"] for id in ids]
    if 204 in codes:
        assert set(ends) <= {"committed", "failed"}
        assert stack.get(f"/v1/datasets/{NAME}").status_code == 404
    else:
        assert ends == ["committed"] * len(ids) and count(stack) == 1000 * len(ids)


@pytest.mark.parametrize("table", ["shelf"])
def test_an_adopted_table_is_appended_to(stack: Stack, servers: Servers, table: str) -> None:
    with servers[0].root() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, label VARCHAR(20) NOT NULL)")
        cursor.execute(f"INSERT INTO {table} VALUES (0, 'first')")
    answer = stack.post("/v1/datasets", json={"name": table, "adopt": True})
    assert answer.status_code == 201 and answer.json()["adopted"] is True
    body = "id,label\n" + "".join(f"{number},label {number}\n" for number in range(1, 5000))
    row = stack.wait_state(stack.send(body.encode(), params={"dataset": table}).json()["id"])
    assert row["state"] == "committed", row["error"]
    assert count(stack, name=table) == 5000
    clash = stack.wait_state(stack.send(b"id,label\n5000,new\n0,again\n", params={"dataset": table}).json()["id"])
    assert clash["state"] == "failed" and (clash["error"]["code"], clash["error"]["line"]) == ("duplicate_key", 3)
    skipped = stack.send(b"id,label\n5000,new\n0,again\n", params={"dataset": table, "on_conflict": "skip"})
    row = stack.wait_state(skipped.json()["id"])
    assert (row["state"], row["rows_done"], row["rows_skipped"]) == ("committed", 1, 1)
    assert stack.http.delete(f"{stack.url}/v1/datasets/{table}?confirm={table}", timeout=patience()).status_code == 204
    with servers[0].root() as cursor:
        cursor.execute(f"SELECT COUNT(*), SUM(label = 'first') FROM {table}")
        assert cursor.fetchone() == (5001, 1)
        cursor.execute(f"DROP TABLE {table}")
