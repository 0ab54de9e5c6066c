"""Who may do what: every operation × role × own and foreign, as docs/reference/access.md says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import create_app
from app.domain.caller import ROLES, Scope
from app.lifecycle import change_feed
from app.lifecycle.access import tokens
from app.lifecycle.services import Services
from app.routes.openapi.operations import Operation, operation_of
from tests.contract import described_app
from tests.servers import ROOT

pytestmark = pytest.mark.in_turn

PAGE = ROOT / "docs" / "reference" / "access.md"
NO_ONE = ("none", "revoked", "expired", "foreign text")
MINE, OTHER = "mine", "other"
ROWS = 400


@dataclass(frozen=True)
class Line:
    """What the page says of an operation."""

    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    own_only: bool


def read_page() -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 3 or cells[0] in ("scope", "---"):
            continue
        scopes = tuple(re.findall("`([^`]+)`", cells[0]))
        roles = {"everyone": (*ROLES, *NO_ONE), "every token": tuple(ROLES)}.get(cells[1], tuple(cells[1].split(", ")))
        for name in cells[2].split(", "):
            assert name.rstrip("\\*") not in lines, name
            lines[name.rstrip("\\*")] = Line(scopes, roles, name.endswith("\\*"))
    return lines


def list_operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is not None:
            yield from ((rule, method, operation) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def test_every_route_says_what_it_needs_and_the_page_says_the_same() -> None:
    app, document = described_app()
    operations = {operation.name: (rule, operation) for rule, _, operation in list_operations(app)}
    page = read_page()
    assert set(page) == set(operations)
    for name, (rule, operation) in operations.items():
        assert operation.is_open or operation.scopes is not None, f"{rule.rule} does not say which scope it needs"
        scopes = operation.scopes or ()
        assert page[name].scopes == scopes, name
        allowed = {role for role, has in ROLES.items() if has >= set(scopes)}
        assert set(page[name].roles) - set(NO_ONE) == allowed, name
        assert (set(NO_ONE) <= set(page[name].roles)) == operation.is_open, name
        if rule.arguments & {"id", "task_id", "order_id", "handling_id"}:
            assert page[name].own_only, name
        path = re.sub("<([^>]+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"} if scopes else ():
            said = document["paths"][path][method.lower()]["description"]
            assert all(f"`{scope}`" in said for scope in scopes), name


@dataclass(frozen=True)
class Things:
    """What a client has: imports with rows, one that may lose them, and a handling."""

    id: str
    number: int
    spare: str
    handling: str


@dataclass(frozen=True)
class House:
    """An installation that asks who asks, with a token for each role and things of two clients."""

    app: Flask
    services: Services
    tokens: dict[str, str]
    things: dict[str, Things]

    def ask(self, role: str, method: str, path: str, **options: Any) -> TestResponse:
        client: FlaskClient = self.app.test_client()
        token = self.tokens.get(role)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.open(path, method=method, headers=headers, buffered=False, **options)


def make_things(app: Flask, token: str) -> Things:
    client, headers = app.test_client(), {"Authorization": f"Bearer {token}"}

    def load() -> str:
        answer = client.post(f"/dpd_insert/{ROWS}", headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json["task_id"])

    id, spare = load(), load()
    number = client.get(f"/v1/imports/{id}", headers=headers).json["number"]
    with app.extensions["backout"].database.begin() as connection:  # by chance no order may be one that can be handled
        changed = "UPDATE orders SET status = 'paid', import_changed_at = import_changed_at"
        connection.exec_driver_sql(f"{changed} WHERE import_no = {number} AND row_no = {ROWS}")
    orders = client.get("/v1/orders", query_string={"import": id, "limit": ROWS}, headers=headers).json["orders"]
    wanted = [order["id"] for order in orders if order["status"] in ("pending", "paid")]
    assert wanted, (id, len(orders), {order["status"] for order in orders})
    handling = client.post("/v1/handlings", json={"orders": wanted[-1:]}, headers=headers)
    assert handling.status_code == 202, handling.text
    return Things(id, number, spare, handling.json["id"])


@pytest.fixture
def house(services: Services) -> Iterator[House]:
    changes = {"tokens": True, "handling": True, "test_endpoints": False, "stream_max_seconds": 0.1}
    app = create_app(services.settings.model_copy(update=changes))
    database = services.database

    def make(name: str, *scopes: str, days: float = 1.0, datasets: tuple[str, ...] | None = None) -> str:
        made = tokens.create_token(database, name, scopes, created_by="test", days=days, datasets=datasets)
        return made.text

    made = {role: make(MINE, role) for role in ROLES}
    made |= {"revoked": make(MINE, "admin"), "expired": make(MINE, "admin", days=1e-9), "bound": ""}
    made["foreign text"] = "bko_abcdefgh_" + "x" * 43
    made["bound"] = make(MINE, *(scope for scope in Scope if scope is not Scope.ADMIN), datasets=("parts",))
    tokens.revoke_token(database, made["revoked"].split("_")[1], revoked_by="test")
    things = {MINE: make_things(app, made["admin"]), OTHER: make_things(app, make(OTHER, "admin"))}
    yield House(app, services, made, things)
    app.extensions["backout"].database.dispose()


def fill(rule: Rule, of: Things) -> str:
    values = {
        "id": of.id,
        "task_id": of.id,
        "handling_id": of.handling,
        "order_id": f"{of.number}-1",
        "token_id": "unknown",
        "session_id": "unknown",
        "rows": "1",
        "name": "none" if rule.rule.startswith("/v1/templates") else "orders",
    }
    return re.sub("<(?:[^:<>]+:)?([^<>]+)>", lambda match: values[match[1]], rule.rule)


def body_for(name: str, of: Things) -> dict[str, Any]:
    """What an operation needs beside its path so that the guard or the route looks at whose thing it is."""
    match name:
        case "list_rows" | "count_rows" | "search_orders" | "show_rows_page":
            return {"query_string": {"import": of.id}}
        case "show_audit_page":
            return {
                "query_string": {"outcome": "done"}
            }  # reasons of denials read like the problems that are looked for
        case "delete_rows":
            return {"query_string": {"import": of.spare}}
        case "revert_imports":
            return {"json": {"ids": [of.id], "dry_run": True}}
        case "revert_import":
            return {"json": {"dry_run": True}}
        case "save_template":
            return {"json": {"import": of.id}}
        case "accept_handling":
            return {"json": {"orders": [f"{of.number}-1"]}}
    return {}


def judge(answer: TestResponse) -> str:
    """`allowed`, or how it was refused."""
    kind = (answer.get_json(silent=True) or {}).get("type", "") if answer.mimetype == "application/problem+json" else ""
    text = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
    answer.close()
    for refused, said in (("key-required", 401), ("scope-required", 403), ("dataset-not-allowed", 403)):
        if kind == f"/problems/{refused}":
            assert answer.status_code == said
            return refused
    if kind in ("/problems/import-not-found", "/problems/handling-not-found"):
        return "not found"
    if kind == "/problems/order-not-found" and "packing slip" not in str(answer.json):
        return "not found"
    assert kind not in ("/problems/too-many-failures", "/problems/unexpected"), answer.json
    return "not found" if "there is no import" in text else "allowed"


def test_every_operation_does_what_the_page_says_for_each_role(house: House) -> None:
    page, wrong, asked = read_page(), [], 0
    for rule, method, operation in list_operations(house.app):
        line = page[operation.name]
        for role in (*ROLES, *NO_ONE):
            for whose in (OTHER, MINE):
                of = house.things[whose]
                address = {"REMOTE_ADDR": f"127.1.{asked // 50 % 256}.1"}  # wrong keys are limited by address
                options = {**body_for(operation.name, of), "environ_overrides": address}
                found = judge(house.ask(role, method, fill(rule, of), **options))
                if role in line.roles:
                    is_hidden = line.own_only and whose == OTHER and Scope.IMPORTS_ANY not in ROLES.get(role, ())
                    expected = "not found" if is_hidden else "allowed"
                else:
                    expected = "scope-required" if role in ROLES else "key-required"
                asked += 1
                if found != expected:
                    wrong.append(f"{role}, {whose}: {method} {rule.rule} ({operation.name}): {found}, not {expected}")
    assert not wrong, "\n".join(wrong)
    assert asked > 1000


def test_a_refusal_names_the_scope_and_a_browser_sees_a_sentence(house: House) -> None:
    answer = house.ask("viewer", "POST", f"/v1/imports/{house.things[MINE].id}/stop")
    assert (
        answer.status_code == 403 and answer.json["scope"] == "imports:stop" and "imports:stop" in answer.json["detail"]
    )
    made = tokens.create_token(house.services.database, "blind", ["rows:read"], created_by="test")
    headers = {"Authorization": f"Bearer {made.text}", "Accept": "text/html"}
    page = house.app.test_client().get("/", headers=headers)
    assert (page.status_code, page.mimetype) == (403, "text/html") and "imports:read" in page.text


def test_lists_and_streams_show_own_imports_alone_and_pages_stay_right(house: House) -> None:
    mine, other = house.things[MINE], house.things[OTHER]

    def list_ids(role: str, path: str = "/v1/imports?limit=1") -> list[str]:
        found = []
        while path:
            document = house.ask(role, "GET", path).json
            assert len(document["imports"]) == 1
            found += [one["id"] for one in document["imports"]]
            path = document["next"]
        return found

    assert set(list_ids("sender")) == {mine.id, mine.spare}
    assert set(list_ids("viewer")) == {mine.id, mine.spare, other.id, other.spare}
    handlings = [one["id"] for one in house.ask("sender", "GET", "/v1/handlings").json["handlings"]]
    assert handlings == [mine.handling]
    page = house.ask("sender", "GET", "/", environ_overrides={"HTTP_ACCEPT": "text/html"}).text
    assert mine.id in page and other.id not in page
    before = change_feed.find_cursor(house.services.database)
    own = house.ask("sender", "POST", "/insert/5").json["task_id"]
    made = tokens.create_token(house.services.database, OTHER, ["sender"], created_by="test")
    headers = {"Authorization": f"Bearer {made.text}"}
    foreign = house.app.test_client().post("/insert/5", headers=headers).json["task_id"]
    for role, is_shown in (("sender", False), ("viewer", True)):
        told = house.ask(role, "GET", f"/v1/events?after={before}").get_data(as_text=True)
        assert own in told and (foreign in told) == is_shown, role


def test_rows_of_all_need_any_and_an_import_is_named_by_its_number_too(house: House) -> None:
    for path in ("/v1/datasets/orders/rows", "/v1/datasets/orders/rows/count", "/v1/orders"):
        for asked in (path, f"{path}?status=paid" if path == "/v1/orders" else f"{path}?filter[status]=paid"):
            answer = house.ask("sender", "GET", asked)
            assert (answer.status_code, answer.json["scope"]) == (403, "imports:any"), asked
            assert house.ask("viewer", "GET", asked).status_code == 200
    rows = "/v1/datasets/orders/rows?import="
    assert len(house.ask("sender", "GET", f"{rows}{house.things[MINE].number}").json["rows"]) == 100
    for named in (house.things[OTHER].number, house.things[OTHER].id, 999_999, 10**30):
        assert house.ask("sender", "GET", f"{rows}{named}").status_code == 404, named
    everything = {"confirm": "orders"}
    made = tokens.create_token(house.services.database, MINE, ["rows:delete"], created_by="test")
    headers = {"Authorization": f"Bearer {made.text}"}
    client = house.app.test_client()
    refused = client.delete("/v1/datasets/orders/rows", query_string=everything, headers=headers)
    assert refused.json["scope"] == "imports:any"
    foreign = client.delete(f"{rows}{house.things[OTHER].number}", headers=headers)
    assert foreign.status_code == 404
    assert client.delete(f"{rows}{house.things[MINE].spare}", headers=headers).json == {"rows_deleted": ROWS}
    assert house.ask("viewer", "GET", "/get_data/count").json["count"] == 3 * ROWS


def test_a_cascade_reaches_into_foreign_imports(house: House) -> None:
    path, body = f"/v1/imports/{house.things[MINE].id}/revert", {"dependents": "cascade", "dry_run": True}
    assert house.ask("sender", "POST", path, json=body).json["scope"] == "imports:any"
    assert house.ask("operator", "POST", path, json=body).status_code == 202


def test_a_token_that_is_bound_to_datasets_meets_no_other(house: House) -> None:
    mine = house.things[MINE]
    for method, path, options in (
        ("POST", "/insert/1", {}),
        ("POST", "/v1/imports", {"json": {"generate": 1}}),
        ("POST", "/v1/imports?dataset=orders", {"data": b"a,b\n1,2\n"}),
        ("POST", "/v1/imports", {"data": b"a,b\n1,2\n"}),
        ("POST", "/v1/previews", {"data": b"a,b\n1,2\n"}),
        ("POST", "/v1/datasets", {"json": {"name": "others", "columns": []}}),
        ("GET", "/v1/datasets/orders", {}),
        ("GET", "/v1/datasets/orders/rows", {}),
        ("DELETE", "/v1/datasets/orders/rows?confirm=orders", {}),
        ("POST", "/v1/datasets/orders/pause", {}),
        ("POST", "/v1/pause", {}),
        ("GET", "/get_data", {}),
        ("GET", "/v1/orders", {}),
        ("GET", "/v1/handlings", {}),
        ("GET", "/rows/orders", {}),
        ("PUT", "/v1/templates/mine", {"json": {"dataset": "orders", "options": {}}}),
    ):
        answer = house.ask("bound", method, path, **options)
        assert (answer.status_code, answer.json["type"]) == (403, "/problems/dataset-not-allowed"), (method, path)
    for path in ("/v1/previews?infer=true", "/v1/previews?dataset=parts", "/v1/datasets/inferred"):
        assert house.ask("bound", "POST", path, data=b"a,b\n1,2\n").status_code != 403, path
    assert house.ask("bound", "GET", f"/v1/imports/{mine.id}").status_code == 404
    assert house.ask("bound", "GET", "/v1/imports").json["imports"] == []
    assert house.ask("bound", "GET", "/v1/datasets").json["datasets"] == []
    columns = [{"name": "sku", "type": "text", "length": 10}]
    made = house.ask("bound", "POST", "/v1/datasets", json={"name": "parts", "columns": columns, "key": ["sku"]})
    assert made.status_code == 201, made.text
    try:
        assert house.ask("bound", "POST", "/v1/imports?dataset=parts", data=b"sku\nA\n").status_code == 202
        assert [one["dataset"] for one in house.ask("bound", "GET", "/v1/imports").json["imports"]] == ["parts"]
    finally:
        for row in house.ask("admin", "GET", "/v1/imports?dataset=parts").json["imports"]:
            house.ask("admin", "POST", row["links"]["stop"])
        assert house.ask("admin", "DELETE", "/v1/datasets/parts?confirm=parts").status_code == 204


def test_an_import_says_who_sent_and_who_stopped_it(house: House) -> None:
    id = house.ask("sender", "POST", "/insert/5").json["task_id"]
    assert house.ask("sender", "GET", f"/v1/imports/{id}").json["created_by"] == MINE
    made = tokens.create_token(house.services.database, "anna", ["operator"], created_by="test")
    headers = {"Authorization": f"Bearer {made.text}"}
    house.app.test_client().post(f"/v1/imports/{id}/stop", headers=headers)
    shown = house.ask("sender", "GET", f"/v1/imports/{id}").json
    assert (shown["created_by"], shown["stopped_by"]) == (MINE, "anna")
    again = house.ask("operator", "POST", f"/v1/imports/{id}/stop").json
    assert again["stopped_by"] == "anna"  # who was first
    retried = house.app.test_client().post(f"/v1/imports/{id}/retry", headers=headers).json
    assert (retried["created_by"], retried["stopped_by"]) == ("anna", None)


def test_where_no_one_is_asked_everything_is_allowed_and_nothing_is_queried(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the guard asks the database")

    for name in ("find_of_import", "find_of_number", "find_client_of_handling"):
        monkeypatch.setattr(f"app.db.access.owners.{name}", fail)
    monkeypatch.setattr("app.db.access.tokens.find_token", fail)
    client = create_app(services.settings).test_client()
    id = client.post("/insert/5").json["task_id"]
    shown = client.post(f"/v1/imports/{id}/stop").json
    assert (shown["state"], shown["created_by"], shown["stopped_by"]) == ("stopped", None, None)
    assert client.get("/v1/tokens").status_code == client.post("/v1/tokens", json={}).status_code == 403
