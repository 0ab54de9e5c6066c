"""Which orders may be handled, by whom, and what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.db.handlings import transitions as handling_transitions
from app.db.imports import transitions as import_transitions
from app.handling.extension import HandlingExtension
from app.lifecycle.metrics import measure_kinds
from app.lifecycle.services import Services
from tests.integration.handling.handlings import Load, begin, replace_settings, work
from tests.sandbox import Sandbox

pytestmark = pytest.mark.in_turn


def test_of_a_hundred_requests_for_the_same_orders_one_wins(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(20)
    app = web.application
    body = json.dumps({"orders": orders})

    def ask(number: int) -> Any:
        chosen = body if number % 2 else json.dumps({"orders": orders[::-1][:11]})  # overlapping, in another order
        return app.test_client().post("/v1/handlings", data=chosen, content_type="application/json")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(100)))
    won = [answer for answer in answers if answer.status_code == 202]
    assert len(won) == 1, [answer.status_code for answer in answers]
    lost = [answer.json for answer in answers if answer.status_code != 202]
    assert {(problem["status"], problem["running"]) for problem in lost} == {(409, won[0].headers["Location"])}


def test_orders_that_are_handled_or_shipped_are_not_deleted(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(3)
    begin(web, orders=orders[:1])
    refused = web.delete("/delete_all")
    assert refused.status_code == 409 and f"{orders[0]} (being handled)" in refused.json["detail"]
    work(services)
    refused = web.delete("/delete_all")
    assert refused.status_code == 409 and f"{orders[0]} (shipped)" in refused.json["detail"]
    others = load(2)
    ids = [row["id"] for row in web.get("/v1/imports").json["imports"]]  # the newest first
    by_import = [web.delete(f"/v1/datasets/orders/rows?import={id}") for id in ids]
    assert [answer.status_code for answer in by_import] == [200, 409] and orders[0] in by_import[1].text
    assert web.get(f"/v1/orders/{others[0]}").status_code == 404
    assert web.get("/get_data/count").json["count"] == 3
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE handled_orders SET shipped_at = NULL")
    assert web.delete("/delete_all").status_code == 200


def test_what_was_shipped_is_kept_when_its_handling_is_forgotten(
    web: FlaskClient, services: Services, load: Load
) -> None:
    orders = load(3)
    handling = begin(web, orders=orders, pipeline=["create_shipment"])
    work(services)
    other = begin(web, orders=load(1), pipeline=["reserve_inventory"])
    work(services)
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE handlings SET finished_at = '2020-01-01'")
        connection.exec_driver_sql(f"DELETE FROM orders WHERE import_no = {orders[2].split('-')[0]} AND row_no = 3")
    HandlingExtension().clean(services.database, services.settings)
    assert [web.get(f"/v1/handlings/{one['id']}").status_code for one in (handling, other)] == [404, 404]
    refused = web.delete("/delete_all")
    assert (refused.status_code, [one["order"] for one in refused.json["orders"]]) == (409, orders[:2])
    with services.database.begin() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM handled_orders").scalar_one() == 2


def test_more_handlings_than_may_wait_are_refused(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(3)
    app = create_app(replace_settings(services, max_queued=2)).test_client()
    for order in orders[:2]:
        begin(app, orders=[order])
    refused = app.post("/v1/handlings", json={"orders": orders[2:]})
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
    queue = web.get("/v1/queue").json["handlings"]
    assert (queue["depth"], queue["running"]) == (2, 0)
    work(services)
    assert app.post("/v1/handlings", json={"orders": orders[2:]}).status_code == 202


def test_what_one_caller_has_handled_no_other_may(services: Services, load: Load, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("".join(f"{name}:the-key-of-{name}-0123\n" for name in ("ada", "bo")))
    app = create_app(replace_settings(services, api_keys_file=keys))
    orders = load(2)

    def ask(name: str, chosen: list[str]) -> Any:
        return app.test_client().post(
            "/v1/handlings", json={"orders": chosen}, headers={"X-API-Key": f"the-key-of-{name}-0123"}
        )

    first = ask("ada", orders[:1])
    assert (first.status_code, first.json["asked_by"]) == (202, "ada")
    refused = ask("bo", orders)
    assert (refused.status_code, refused.json["running"]) == (409, first.headers["Location"])
    assert ask("bo", orders[1:]).status_code == 202


def test_nothing_is_handled_while_orders_are_deleted(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(1)
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE datasets SET delete_lease_until = '2099-01-01'")
    assert web.post("/v1/handlings", json={"orders": orders}).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"orders": ["x"]}, 422),
        ({"orders": ["4000000000-1"]}, 422),
        ({"orders": []}, 422),
        ({"orders": ["1-1"], "filter": {}}, 422),
        ({"filter": {"status": "cancelled"}}, 422),
        ({"filter": {"import": "x"}}, 422),
        ({"filter": {"colour": "red"}}, 422),
        ({"filter": {}}, 422),
        ({"filter": {}, "pipeline": ["fly"]}, 422),
        ({"filter": {}, "pipeline": ["tell_marketplace", "create_shipment"]}, 422),
        ({"filter": {}, "mode": "fast"}, 422),
        ({"filter": {}, "mode": "parallel", "concurrency": 1000}, 422),
        ({"filter": {}, "concurrency": 2}, 422),
        ([], 400),
    ],
)
def test_a_wrong_wish_is_refused_with_its_reason(web: FlaskClient, body: Any, status: int) -> None:
    answer = web.post("/v1/handlings", json=body)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text


def test_orders_that_were_cancelled_are_not_handled(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(2)
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET status = 'cancelled' WHERE row_no = 2")
    refused = web.post("/v1/handlings", json={"orders": orders})
    assert refused.status_code == 422 and f"{orders[1]}: it is cancelled" in refused.json["detail"]
    assert begin(web, filter={})["orders_total"] == 1


def test_numbers_of_handlings_are_none_of_an_import(web: FlaskClient, services: Services, load: Load) -> None:
    handling = begin(web, orders=load(1))
    with services.database.begin() as connection:
        number = handling_transitions.find_handling(connection, handling["id"]).number  # type: ignore[union-attr]
        assert number >= 2**31
        assert import_transitions.installation_id(connection) == services.installation


def test_orders_are_found_with_their_handling(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(5)
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET customer = CONCAT('100%%_', row_no) WHERE row_no < 4")
    first = web.get("/v1/orders?search=100%25_&limit=2").json
    assert (first["count"], [order["id"] for order in first["orders"]]) == (3, orders[:2])
    assert [order["id"] for order in web.get(first["next"]).json["orders"]] == [orders[2]]
    assert web.get("/v1/orders?search=100x").json["count"] == 0
    handling = begin(web, orders=orders[:1])
    listed = web.get("/v1/orders?status=pending").json["orders"]
    assert listed[0]["handling"] == {"id": handling["id"], "state": "pending", "active": True, "error": None}
    assert listed[1]["handling"] is None
    work(services)
    shown = web.get("/v1/orders?status=shipped").json["orders"]
    assert [(order["id"], order["handling"]["active"]) for order in shown] == [(orders[0], False)]
    assert web.get("/v1/orders?cursor=x").status_code == web.get("/v1/orders?limit=0").status_code == 400


def test_the_steps_of_handlings_are_kinds_of_work(
    web: FlaskClient, services: Services, load: Load, sandbox: Sandbox
) -> None:
    load(2)
    sandbox.control(down=["inventory"])
    begin(web, filter={}, mode="parallel")
    work(services)
    found = {kind.kind: kind for kind in measure_kinds(services)}
    assert found["import"].success_rate == 1 and found["import"].ended == 1
    step = found["reserve_inventory"]
    assert (step.ended, step.success_rate, step.error_rate) == (2, 0, 1)
    assert "take_payment" not in found
