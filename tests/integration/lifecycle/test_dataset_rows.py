"""Rows over HTTP: pages by key, filters, sorting, exports, and deleting them."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.db.imports import transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.definition import read_definition
from app.domain.states import State
from app.lifecycle.datasets import create
from app.lifecycle.imports import accept
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import HEADER, ODD_NAMES, PARTS, send
from tests.invariants import converge, find

pytestmark = pytest.mark.in_turn

KINDS = ("nut", "bolt")


def line(number: int) -> str:
    price = f"{number % 3}.1000"
    return f"sku-{number:03},a@b.c,{number},{price},EUR,{KINDS[number % 2]},2026-01-02 03:04:{number:02}\n"


def shown(number: int) -> dict[str, Any]:
    return {
        "sku": f"sku-{number:03}",
        "mail": "a@b.c",
        "stock": number,
        "price": f"{number % 3}.1000",
        "currency": "EUR",
        "kind": KINDS[number % 2],
        "at": f"2026-01-02T03:04:{number:02}Z",
    }


@pytest.fixture
def loaded(services: Services) -> tuple[int, int]:
    """Two imports of parts: 0 to 19 and 20 to 29."""
    parts = create.create_dataset(services, PARTS).dataset
    numbers = [send(services, parts, HEADER + "".join(map(line, some))) for some in (range(20), range(20, 30))]
    for number in numbers:
        assert converge(services, number).state is State.COMMITTED
    return numbers[0], numbers[1]


def follow(web: FlaskClient, path: str) -> list[dict[str, Any]]:
    """All rows, page by page."""
    found: list[dict[str, Any]] = []
    while path:
        answer = web.get(path)
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        assert page["rows"] or not found
        found += page["rows"]
        path = page["next"]
    return found


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    return dict(answer.get_json())


def test_pages_hold_every_row_once(web: FlaskClient, loaded: tuple[int, int]) -> None:
    first, second = loaded
    places = [(first, row + 1) for row in range(20)] + [(second, row + 1) for row in range(10)]
    for limit in (1, 7, 30, 1000):
        found = follow(web, f"/v1/datasets/parts/rows?limit={limit}")
        assert [(row.pop("import_no"), row.pop("row_no")) for row in found] == places, limit
        assert found == [shown(number) for number in range(30)], limit


def test_sorted_pages_hold_every_row_once(web: FlaskClient, loaded: tuple[int, int]) -> None:
    for sort in ("price", "-price", "kind", "-at", "sku", "-stock"):
        found = follow(web, f"/v1/datasets/parts/rows?limit=4&sort={sort}")
        name = sort.removeprefix("-")
        assert len({row["sku"] for row in found}) == len(found) == 30, sort
        values = [row[name] for row in found]
        assert values == sorted(values, reverse=sort.startswith("-")), sort


def test_rows_that_come_and_go_shift_no_page(web: FlaskClient, services: Services, loaded: tuple[int, int]) -> None:
    page = web.get("/v1/datasets/parts/rows?limit=10").get_json()
    assert web.delete(f"/v1/datasets/parts/rows?import={loaded[1]}").get_json() == {"rows_deleted": 10}
    parts = read_definition(PARTS)
    assert (
        converge(services, send(services, parts, HEADER + "".join(map(line, range(40, 45))))).state is State.COMMITTED
    )
    rest = follow(web, page["next"])
    assert [row["stock"] for row in page["rows"] + rest] == [*range(20), *range(40, 45)]


FILTERS: list[tuple[str, Any]] = [
    ("filter[kind]=bolt", range(1, 30, 2)),
    ("filter[kind]=bolt&filter[price]=1.1", range(1, 30, 6)),
    ("filter[stock]=12", [12]),
    ("filter[at]=2026-01-02T03:04:05Z", [5]),
    ("filter[sku]=sku-002&filter[sku]=sku-003", []),
    ("filter[sku]=it's%20%25s", []),
    ("null=mail", []),
]


def test_filters(web: FlaskClient, loaded: tuple[int, int]) -> None:
    for query, numbers in FILTERS:
        found = follow(web, f"/v1/datasets/parts/rows?limit=3&{query}")
        assert [row["stock"] for row in found] == list(numbers), query
        count = web.get(f"/v1/datasets/parts/rows/count?{query}").get_json()
        assert count == {"count": len(list(numbers))}, query


def test_rows_of_one_import(web: FlaskClient, services: Services, loaded: tuple[int, int]) -> None:
    for name in (str(loaded[1]), find(services, loaded[1]).id):
        found = follow(web, f"/v1/datasets/parts/rows?import={name}&limit=3&sort=-stock")
        assert [row["stock"] for row in found] == list(range(29, 19, -1))
    assert web.get(f"/v1/datasets/parts/rows/count?import={loaded[0]}").get_json() == {"count": 20}
    assert web.get("/v1/datasets/parts/rows/count?import=999999").get_json() == {"count": 0}
    problem(web.get("/v1/datasets/parts/rows?import=no-such-import"), 404)
    other = accept.accept_generated(services, ORDERS, 5, Caller()).row.id
    assert problem(web.get(f"/v1/datasets/parts/rows?import={other}"), 422)["errors"][0]["field"] == "import"


def test_exports_are_what_was_sent(web: FlaskClient, loaded: tuple[int, int]) -> None:
    answer = web.get("/v1/datasets/parts/rows?format=ndjson&filter[kind]=nut")
    assert answer.mimetype == "application/x-ndjson"
    assert [json.loads(one) for one in answer.text.splitlines()] == [shown(number) for number in range(0, 30, 2)]
    answer = web.get("/v1/datasets/parts/rows?format=csv&sort=-stock")
    assert answer.mimetype == "text/csv" and "parts.csv" in answer.headers["Content-Disposition"]
    header, first, *_ = lines = answer.text.splitlines()
    assert header == '"sku","mail","stock","price","currency","kind","at"' and len(lines) == 31
    assert first == '"sku-029","a@b.c",29,"2.1000","EUR","bolt","2026-01-02T03:04:29Z"'


def test_an_export_can_be_imported(web: FlaskClient, services: Services, loaded: tuple[int, int]) -> None:
    exported = web.get("/v1/datasets/parts/rows?format=csv").text
    again = create.create_dataset(services, {**PARTS, "name": "again"}).dataset
    assert converge(services, send(services, again, exported)).rows_kept == 30
    assert web.get("/v1/datasets/again/rows?format=csv").text == exported
    assert (
        web.get("/v1/datasets/again/rows?format=ndjson").text == web.get("/v1/datasets/parts/rows?format=ndjson").text
    )


EVERY_TYPE = [
    {"name": "id", "type": "integer", "minimum": 1, "maximum": 9},
    {"name": "words", "type": "text", "length": 20_000, "controls": "any", "empty": True, "nullable": True},
    {"name": "mail", "type": "email", "nullable": True},
    {"name": "least", "type": "integer", "nullable": True},
    {"name": "price", "type": "decimal", "precision": 38, "scale": 10, "signed": True, "nullable": True},
    {"name": "paid", "type": "boolean", "nullable": True},
    {"name": "day", "type": "date", "formats": ["%d.%m.%Y"], "nullable": True},
    {"name": "at", "type": "datetime", "scale": 3, "zone": "Europe/Berlin", "nullable": True},
    {"name": "currency", "type": "currency", "default": "EUR"},
    {"name": "size", "type": "enum", "choices": ["s", 'x, "l"'], "nullable": True},
]
EVERY_ROW = [
    (1, "", None, -(2**63), "-1234567890123456789012345678.0123456789", True, "2026-11-22", "2026-01-02T03:04:05.670Z",
     "USD", 'x, "l"'),
    (2, "NULL \\N\r\n\"\t' 😀 ", "a@b.c", 2**63 - 1, "0.0000000000", False, "1000-01-01",
     "9999-12-31T23:59:59.999Z", "JPY", "s"),
    (3, None, None, None, None, None, None, None, "EUR", None),
]  # fmt: skip


def test_every_type_is_read_back_as_it_was_sent(web: FlaskClient, services: Services) -> None:
    body = {"name": "every", "columns": EVERY_TYPE, "key": ["id"]}
    every = create.create_dataset(services, body).dataset
    sent = [dict(zip(every.column_names, row, strict=True)) for row in EVERY_ROW]
    number = send(services, every, "".join(json.dumps(row) + "\n" for row in sent), format="ndjson")
    assert converge(services, number).rows_kept == 3, find(services, number).error
    exported = [json.loads(one) for one in web.get("/v1/datasets/every/rows?format=ndjson").text.splitlines()]
    assert exported == sent
    again = create.create_dataset(services, {**body, "name": "again"}).dataset
    text = web.get("/v1/datasets/every/rows?format=csv").text
    number = send(services, again, text)
    assert converge(services, number).rows_kept == 3, find(services, number).error
    assert [json.loads(one) for one in web.get("/v1/datasets/again/rows?format=ndjson").text.splitlines()] == sent
    for column in EVERY_TYPE[1:]:
        name = str(column["name"])
        for sort in (name, f"-{name}"):
            if name != "words":
                assert len(follow(web, f"/v1/datasets/every/rows?limit=1&sort={sort}")) == 3, sort
        for value in sent:
            query = f"null={name}" if value[name] is None else f"filter[{name}]={quote(shown_text(value[name]))}"
            found = follow(web, f"/v1/datasets/every/rows?limit=1&{query}")
            assert value["id"] in [row["id"] for row in found], query
            assert {json.dumps(row[name]) for row in found} == {json.dumps(value[name])}
    updated = send(services, again, "id,paid\n2,yes\n", on_conflict="update")
    assert converge(services, updated).rows_updated == 1, find(services, updated).error


def shown_text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def test_odd_names_are_filtered_and_sorted_by(web: FlaskClient, services: Services) -> None:
    columns = [{"name": name, "type": "text", "length": 10} for name in ODD_NAMES]
    dataset = create.create_dataset(services, {"name": "group", "columns": columns}).dataset
    text = "".join(",".join([value] * len(ODD_NAMES)) + "\n" for value in "xyz")
    assert (
        converge(services, send(services, dataset, text, header="false", columns=json.dumps(ODD_NAMES))).rows_kept == 3
    )
    for name in ODD_NAMES:
        found = web.get("/v1/datasets/group/rows", query_string={f"filter[{name}]": "y"}).get_json()["rows"]
        assert [row[name] for row in found] == ["y"]
        page = web.get("/v1/datasets/group/rows", query_string={"sort": f"-{name}", "limit": 2}).get_json()
        assert [row[name] for row in page["rows"] + follow(web, page["next"])] == ["z", "y", "x"]


NO_QUERIES = [
    ("limit=0", 400, "limit"),
    ("limit=x", 400, "limit"),
    ("cursor=x", 400, "cursor"),
    ("cursor=W251bGwsbnVsbF0", 400, "cursor"),
    ("cursor=WzEsMl0", 400, "cursor"),
    ("cursor=WyIxIl0", 400, "cursor"),
    ("format=xml", 400, "format"),
    ("sort=nothing", 422, "sort"),
    ("filter[nothing]=1", 422, "filter[nothing]"),
    ("filter[stock]=x", 422, "filter[stock]"),
    ("filter[at]=2026-13-01T00:00:00Z", 422, "filter[at]"),
    ("null=nothing", 422, "filter[nothing]"),
    ("flter[stock]=1", 422, "flter[stock]"),
    ("filter=1", 422, "filter"),
]


def test_what_is_no_query(web: FlaskClient, loaded: tuple[int, int]) -> None:
    for query, status, field in NO_QUERIES:
        refused = problem(web.get(f"/v1/datasets/parts/rows?{query}"), status)
        assert refused["errors"][0]["field"] == field, query


def test_rows_of_a_committing_import_are_hidden(web: FlaskClient, services: Services, loaded: tuple[int, int]) -> None:
    with services.database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE imports SET state = 'committing' WHERE number = {loaded[0]}")
    assert [row["stock"] for row in follow(web, "/v1/datasets/parts/rows")] == list(range(20, 30))
    assert web.get("/v1/datasets/parts/rows/count").get_json() == {"count": 10}
    assert web.get("/v1/datasets/parts").get_json()["rows"] == 10
    assert len(web.get("/v1/datasets/parts/rows?format=ndjson").text.splitlines()) == 10


def test_deleting_needs_to_say_what(web: FlaskClient, services: Services, loaded: tuple[int, int]) -> None:
    for query in ("", "?confirm=orders", "?confirm="):
        assert problem(web.delete(f"/v1/datasets/parts/rows{query}"), 422)["errors"][0]["field"] == "confirm"
    problem(web.delete("/v1/datasets/parts/rows?import=no-such-import"), 404)
    problem(web.delete("/v1/datasets/parts/rows?filter[kind]=nut&confirm=parts"), 422)
    assert web.delete(f"/v1/datasets/parts/rows?import={find(services, loaded[0]).id}").get_json() == {
        "rows_deleted": 20
    }
    assert find(services, loaded[0]).rows_deleted == 20 and find(services, loaded[1]).rows_deleted == 0
    assert web.delete(f"/v1/datasets/parts/rows?import={loaded[0]}").get_json() == {"rows_deleted": 0}
    assert find(services, loaded[0]).rows_deleted == 20
    assert web.delete("/v1/datasets/parts/rows?confirm=parts").get_json() == {"rows_deleted": 10}
    assert web.get("/v1/datasets/parts").get_json()["rows"] == 0


def test_all_is_not_deleted_while_an_import_is_unfinished(
    web: FlaskClient, services: Services, loaded: tuple[int, int]
) -> None:
    with services.database.begin() as connection:
        transitions.insert_import(connection, {"id": "0" * 36, "dataset": "parts"})
    for query in ("confirm=parts", f"import={'0' * 36}"):
        problem(web.delete(f"/v1/datasets/parts/rows?{query}"), 409)
    problem(web.delete("/v1/datasets/parts?confirm=parts"), 409)
    assert web.get("/v1/datasets/parts").get_json()["rows"] == 30
    assert web.delete(f"/v1/datasets/parts/rows?import={loaded[0]}").get_json() == {"rows_deleted": 20}


def test_datasets_over_http(web: FlaskClient) -> None:
    answer = web.post("/v1/datasets", json=PARTS)
    assert answer.status_code == 201 and answer.headers["Location"] == "/v1/datasets/parts"
    created = answer.get_json()
    assert created["name"] == "parts" and created["key"] == ["sku"] and not created["adopted"]
    assert set(created["off"]) == {"generate"}
    assert web.get("/v1/datasets/parts").get_json() == {**created, "rows": 0}
    assert [one["name"] for one in web.get("/v1/datasets").get_json()["datasets"]] == ["orders", "parts"]
    problem(web.post("/v1/datasets", json=PARTS), 409)
    assert problem(web.post("/v1/datasets", json={"name": "imports"}), 422)["errors"][0]["field"] == "name"
    problem(web.post("/v1/datasets", data=b"{", content_type="application/json"), 400)
    problem(web.post("/v1/datasets", json=[]), 400)
    problem(web.get("/v1/datasets/nothing"), 404)
    problem(web.get("/v1/datasets/nothing/rows"), 404)
    assert problem(web.delete("/v1/datasets/parts"), 422)["errors"][0]["field"] == "confirm"
    problem(web.delete("/v1/datasets/orders?confirm=orders"), 403)
    generate = web.post("/v1/imports", json={"dataset": "parts", "generate": 10})
    assert problem(generate, 422)["errors"][0]["field"] == "dataset"
    assert web.delete("/v1/datasets/parts?confirm=parts").status_code == 204
    problem(web.delete("/v1/datasets/parts?confirm=parts"), 404)
