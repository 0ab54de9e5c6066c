"""Who did it: beside an import, its events, handlings, templates and datasets; in no place where no one is asked."""

import json
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from app import create_app
from app.db.imports import pauses
from app.domain.audit.actor import Actor, acting, name_actor
from app.lifecycle.access import tokens
from app.lifecycle.imports import pause
from app.lifecycle.imports.loading import load
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services
from tests.security.test_access import MINE, OTHER, House, house  # noqa: F401 — a fixture

ANNA = "oidc:<b>anna</b>'\"@example.org 雪"  # any printable text


def who(house: House, name: str, *scopes: str) -> "Client":  # noqa: F811
    made = tokens.create_token(house.services.database, name.replace(":", "-"), scopes, created_by="test")
    return Client(house.app.test_client(), made.text)


class Client:
    """One client's requests; each must be answered well."""

    def __init__(self, client: FlaskClient, token: str | None = None) -> None:
        self._client, self._headers = client, {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self._client.open(path, method=method, headers=self._headers, **options)
        assert answer.status_code < 300, answer.text
        return answer.json

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def told(self, id: str) -> list[tuple[str, str | None]]:
        """The timeline of an import: what, and by whom."""
        return [(one["event"], one["by"]) for one in self.get(f"/v1/imports/{id}")["timeline"]]


def run(services: Services) -> None:
    """As a worker, which acts for no one."""
    assert load.load_next(services, "worker", GracefulShutdown(0))


def test_a_timeline_names_who_asked_and_no_one_for_what_backout_does(house: House) -> None:  # noqa: F811
    anna, bob = who(house, ANNA, "sender"), who(house, "bob", "operator")
    name = ANNA.replace(":", "-")
    id = anna.ask("POST", "/insert/5")["task_id"]
    bob.ask("POST", f"/v1/imports/{id}/pause")
    assert bob.get(f"/v1/imports/{id}")["paused_by"] == "bob"
    anna.ask("POST", f"/v1/imports/{id}/resume")
    assert bob.get(f"/v1/imports/{id}")["paused_by"] is None
    bob.ask("POST", f"/v1/imports/{id}/stop")
    again = bob.ask("POST", f"/v1/imports/{id}/retry")["id"]
    told = [("queued", name), ("paused", "bob"), ("resumed", name), ("stopping", "bob"), ("stopped", None)]
    assert anna.told(id) == [*told, ("tried_again", "bob")]
    run(house.services)
    assert bob.told(again) == [("queued", "bob"), ("running", None), ("committing", None), ("committed", None)]
    bob.ask("DELETE", f"/v1/datasets/orders/rows?import={again}")
    assert bob.told(again)[-1] == ("rows_deleted", "bob")
    events = bob._client.get(f"/v1/imports/{again}/events", headers=bob._headers).text
    document = next(line for line in events.splitlines() if line.startswith("data: "))
    assert [one["by"] for one in json.loads(document[6:])["timeline"]] == ["bob", None, None, None, "bob"]


def test_the_sweeper_knows_who_paused_if_it_is_faster(house: House) -> None:  # noqa: F811
    bob = who(house, "bob", "operator")
    id, services = bob.ask("POST", "/insert/5")["task_id"], house.services
    with services.database.begin() as connection:
        pauses.insert_pause(connection, pause.Scope.ALL, "", "bob")
    pause.hold(services.database)
    assert bob.told(id)[-1] == ("paused", "bob") and bob.get(f"/v1/imports/{id}")["paused_by"] == "bob"
    with services.database.begin() as connection:
        pauses.delete_pause(connection, pause.Scope.ALL, "")
    pause.hold(services.database)
    assert bob.told(id)[-1] == ("resumed", None)


def test_a_load_before_the_answer_is_backouts_doing(house: House) -> None:  # noqa: F811
    mine = Client(house.app.test_client(), house.tokens["admin"])
    told = [("queued", MINE), ("running", None), ("committing", None), ("committed", None)]
    assert mine.told(house.things[MINE].id) == told


def test_an_import_names_who_had_it_reverted(house: House) -> None:  # noqa: F811
    bob, id = who(house, "bob", "operator"), house.things[MINE].spare
    revert = bob.ask("POST", f"/v1/imports/{id}/revert", json={"reason": "wrong file"})["id"]
    assert bob.get(f"/v1/imports/{id}")["reverted_by_client"] is None, "it may be stopped still"
    run(house.services)
    shown = bob.get(f"/v1/imports/{id}")
    assert (shown["reverted_by"], shown["reverted_by_client"]) == (revert, "bob")
    assert bob.told(id)[-2:] == [("revert_accepted", "bob"), ("reverted", None)]
    listed = {one["id"]: one["reverted_by_client"] for one in bob.get("/v1/imports")["imports"]}
    assert listed[id] == "bob" and listed[house.things[MINE].id] is None
    assert [one["created_by"] for one in bob.get(f"/v1/imports/{id}/revert")["reverts"]] == ["bob"]


def test_the_list_can_be_narrowed_to_a_client_within_ones_reach(house: House) -> None:  # noqa: F811
    def listed(role: str, query: str) -> set[str]:
        found: set[str] = set()
        path = f"/v1/imports?limit=1&{query}"
        while path:
            document = house.ask(role, "GET", path).json
            found |= {one["created_by"] for one in document["imports"]}
            path = document["next"]
        return found

    assert listed("viewer", "") == {MINE, OTHER}
    assert listed("viewer", f"created_by={OTHER}") == {OTHER}
    assert listed("sender", f"created_by={OTHER}") == set(), "it sees its own ones only"
    assert listed("sender", f"created_by={MINE}") == {MINE}
    assert listed("viewer", "created_by=") == {MINE, OTHER}
    for strange in ("x" * 300, "%00", "%F0%9F%92%A9", "%ED%A0%80", "' OR 1=1 -- "):
        assert listed("viewer", f"created_by={strange}") == set()
    html = {"environ_overrides": {"HTTP_ACCEPT": "text/html"}}
    page = house.ask("viewer", "GET", f"/?created_by={OTHER}", **html).text
    assert house.things[OTHER].id in page and house.things[MINE].id not in page


def test_handlings_templates_and_datasets_name_their_makers(house: House) -> None:  # noqa: F811
    bob, of = who(house, "bob", "admin"), house.things[MINE]
    assert bob.get(f"/v1/handlings/{of.handling}")["created_by"] == MINE
    bob.ask("POST", f"/v1/handlings/{of.handling}/stop")
    shown = bob.get(f"/v1/handlings/{of.handling}")
    assert (shown["created_by"], shown["stopped_by"]) == (MINE, "bob")
    assert [one["by"] for one in shown["timeline"]] == [MINE, "bob"]
    saved = bob.ask("PUT", "/v1/templates/mine", json={"dataset": "orders", "options": {}})
    assert saved["created_by"] == bob.get("/v1/templates")["templates"][0]["created_by"] == "bob"
    columns = [{"name": "sku", "type": "text", "length": 10}]
    bob.ask("POST", "/v1/datasets", json={"name": "parts_of_bob", "columns": columns, "key": ["sku"]})
    makers = {one["name"]: one["created_by"] for one in bob.get("/v1/datasets")["datasets"]}
    bob.ask("DELETE", "/v1/datasets/parts_of_bob?confirm=parts_of_bob")
    assert makers == {"orders": None, "parts_of_bob": "bob"}


def test_a_list_takes_no_more_queries_for_more_imports(house: House) -> None:  # noqa: F811
    client = Client(house.app.test_client(), house.tokens["viewer"])
    database = house.app.extensions["backout"].database
    asked: list[str] = []
    event.listen(database._engine, "before_cursor_execute", lambda *of: asked.append(of[2]))
    counts = []
    for limit in (1, 4):
        client.get(f"/v1/imports?limit={limit}")
        asked.clear()
        assert len(client.get(f"/v1/imports?limit={limit}")["imports"]) == limit
        counts.append(sum("FROM imports" in statement for statement in asked))
    assert counts[0] == counts[1] > 0


def test_pages_escape_and_cut_names(house: House) -> None:  # noqa: F811
    anna = who(house, ANNA, "operator")
    id = anna.ask("POST", "/insert/5")["task_id"]
    anna.ask("POST", f"/v1/imports/{id}/stop")
    html = {"environ_overrides": {"HTTP_ACCEPT": "text/html"}}
    for path in ("/", f"/imports/{id}"):
        page = house.ask("admin", "GET", path, **html).text
        assert "&lt;b&gt;anna&lt;/b&gt;" in page and "<b>anna" not in page and 'title="oidc-' in page


def test_where_no_one_is_asked_no_one_is_named(services: Services) -> None:
    app = create_app(services.settings)
    client = Client(app.test_client())
    id = client.ask("POST", "/insert/5")["task_id"]
    client.ask("POST", f"/v1/imports/{id}/pause")
    client.ask("POST", f"/v1/imports/{id}/resume")
    client.ask("POST", f"/v1/imports/{id}/stop")
    Sweeper(services).sweep()
    shown = client.get(f"/v1/imports/{id}")
    names = ("created_by", "stopped_by", "paused_by", "reverted_by_client")
    assert [shown[name] for name in names] == [None] * 4
    assert {by for _, by in client.told(id)} == {None}
    html = {"Accept": "text/html"}
    for path in ("/", f"/imports/{id}"):
        page = app.test_client().get(path, headers=html).text
        assert id in page
        for word in ("Sent by", "Stopped by", "created_by", 'class="by"'):
            assert word not in page, (path, word)
    app.extensions["backout"].database.dispose()


def test_a_long_name_of_an_operator_is_cut() -> None:
    with acting(Actor("resolve", "anna@" + "x" * 100)):
        assert name_actor() == "anna@" + "x" * 59
    with acting(Actor("resolve")):
        assert name_actor() is None
