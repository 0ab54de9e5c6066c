"""Handlings on real databases, with the sandbox as a process and the worker in this one."""

import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from pypdf import PdfReader

from app import create_app
from app.db.handlings import transitions as handling_transitions
from app.db.imports import transitions as import_transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.handling import packing_slips
from app.handling.extension import HandlingExtension
from app.handling.runner import claim, run, run_next
from app.handling.service_calls import ServiceClients
from app.lifecycle.imports import accept, requeue
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.metrics import measure_kinds
from app.lifecycle.services import Services, open_services
from tests.conftest import DatabaseServer, make_settings
from tests.disks import no_file_beyond
from tests.sandbox import Sandbox
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn

QUICK = {"handling_pause_seconds": 0.01, "handling_breaker_seconds": 1, "handling_timeout_seconds": 2}


@pytest.fixture(scope="module")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        yield sandbox.start()
    finally:
        sandbox.kill()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """Well, and without a memory of earlier tests."""
    sandbox_process.control(
        forget=True, failure_rate=0, hang_seconds=4, down=[], faults=["before", "after", "twice", "hang"]
    )
    return sandbox_process


@pytest.fixture
def services(database: DatabaseServer, tmp_path: Path, sandbox: Sandbox) -> Iterator[Services]:
    addresses = {name: SecretStr(url) for name, url in sandbox.services().items()}
    settings = make_settings(
        database.url, tmp_path / "spool", handling=True, handling_services=addresses, handling_rates={}, **QUICK
    )
    services = open_services(settings, extensions=(HandlingExtension(),))
    yield services
    services.database.dispose()


@pytest.fixture
def web(services: Services) -> FlaskClient:
    return create_app(services.settings).test_client()


Load = Callable[[int], list[str]]


@pytest.fixture
def load(services: Services) -> Load:
    """Imports so many pending orders and returns their ids."""

    def load(rows: int) -> list[str]:
        accepted = accept.accept_generated(services, ORDERS, rows, Caller())
        assert load_next(services, "test", GracefulShutdown(0)) == accepted.row.id
        with services.database.begin() as connection:
            connection.exec_driver_sql("UPDATE orders SET status = 'pending'")
        return [f"{accepted.row.number}-{row}" for row in range(1, rows + 1)]

    return load


def work(services: Services) -> None:
    """One worker's turn, with breakers of its own."""
    run_next(services, ServiceClients(services.settings), "test", GracefulShutdown(0))


def begin(web: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = web.post("/v1/handlings", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json)


def mine(sandbox: Sandbox, service: str, orders: list[str]) -> list[str]:
    return [order for order in sandbox.effects(service) if order in orders]


def test_orders_go_through_every_step_in_the_order_given(
    web: FlaskClient, services: Services, load: Load, sandbox: Sandbox
) -> None:
    orders = load(4)
    wished = [orders[2], orders[0], orders[3], orders[1]]
    handling = begin(web, orders=wished)
    assert (handling["state"], handling["orders_total"]) == ("queued", 4)
    work(services)
    shown = web.get(f"/v1/handlings/{handling['id']}").json
    assert (shown["state"], shown["orders_done"], shown["percent"]) == ("done", 4, 100)
    assert [event["event"] for event in shown["timeline"]] == ["queued", "running", "done"]
    assert mine(sandbox, "carrier", orders) == wished
    of_first = [call["order_id"] for call in sandbox.read("effects") if call["order_id"] in orders]
    assert of_first == [order for order in wished for _ in range(4)]  # strictly one order after another
    rows = web.get(f"/v1/handlings/{handling['id']}/orders?limit=3").json
    assert [row["order"] for row in rows["orders"]] == wished[:3]
    assert [row["order"] for row in web.get(rows["next"]).json["orders"]] == wished[3:]
    history = web.get(f"/v1/orders/{wished[0]}/history").json["steps"]
    assert [step["step"] for step in history] == handling["pipeline"]
    assert {(step["state"], step["asked_by"]) for step in history} == {("done", "local")}
    assert web.get(f"/v1/orders/{wished[0]}").json["status"] == "shipped"


def test_slips_are_pdfs_merged_in_the_order_of_the_handling(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(3)
    handling = begin(web, orders=orders[::-1])
    assert web.get(f"/v1/handlings/{handling['id']}/slips").status_code == 404
    work(services)
    merged = PdfReader(io.BytesIO(web.get(f"/v1/handlings/{handling['id']}/slips").data))
    assert [page.extract_text().split()[2] for page in merged.pages] == orders[::-1]
    one = web.get(f"/v1/orders/{orders[0]}/slip")
    assert one.mimetype == "application/pdf"
    (services.spool.folder / "slips" / orders[0].split("-")[0] / f"{orders[0]}.pdf").unlink()
    assert web.get(f"/v1/orders/{orders[0]}/slip").data == one.data  # drawn again, to the byte


def test_a_failed_step_is_retried_from_there_and_nothing_is_done_twice(
    web: FlaskClient, services: Services, load: Load, sandbox: Sandbox
) -> None:
    orders = load(3)
    sandbox.control(down=["marketplace"])
    handling = begin(web, filter={}, mode="parallel", concurrency=2)
    work(services)
    shown = web.get(f"/v1/handlings/{handling['id']}").json
    assert (shown["state"], shown["orders_failed"], shown["error"]["code"]) == ("failed", 3, "orders_failed")
    rows = web.get(f"/v1/handlings/{handling['id']}/orders?state=failed").json["orders"]
    assert {row["step"] for row in rows} == {"tell_marketplace"} and "out of order" in rows[0]["error"]
    assert web.post(f"/v1/handlings/{handling['id']}/stop").status_code == 409
    done_before = list_done(web, orders[0])
    assert [step["step"] for step in done_before] == ["reserve_inventory", "take_payment", "create_shipment"]
    sandbox.control(down=[])
    assert web.post(f"/v1/handlings/{handling['id']}/retry").status_code == 202
    work(services)
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "done"
    for service in ("inventory", "payment", "carrier", "marketplace"):
        assert sorted(mine(sandbox, service, orders)) == orders
    assert web.post(f"/v1/handlings/{handling['id']}/retry").status_code == 409
    assert list_done(web, orders[0])[:3] == done_before  # from the failed step: the earlier ones were not begun again
    steps = {step["step"]: step for step in web.get(f"/v1/orders/{orders[0]}/history").json["steps"]}
    assert steps["tell_marketplace"]["tries"] > steps["take_payment"]["tries"] == 1


def list_done(web: FlaskClient, order: str) -> list[dict[str, Any]]:
    return [step for step in web.get(f"/v1/orders/{order}/history").json["steps"] if step["state"] == "done"]


def test_payment_comes_before_mail(web: FlaskClient, services: Services, load: Load, sandbox: Sandbox) -> None:
    load(3)
    begin(web, filter={}, pipeline=["take_payment", "mail_confirmation"], mode="parallel", concurrency=1)
    work(services)
    assert [call["service"] for call in sandbox.read("calls")] == ["payment"] * 3 + ["mail"] * 3


def test_a_key_stays_the_same_when_the_answer_was_lost(
    web: FlaskClient, services: Services, load: Load, sandbox: Sandbox
) -> None:
    orders = load(5)
    sandbox.control(failure_rate=0.5, faults=["after", "twice"])
    begin(web, filter={}, mode="parallel")
    work(services)
    for service in ("inventory", "payment", "carrier", "marketplace"):
        done = mine(sandbox, service, orders)
        assert len(done) == len(set(done))
    tried = [call["key"] for call in sandbox.read("calls") if f"-{orders[0].split('-')[0]}-" in call["key"]]
    assert len(tried) > len(set(tried))  # some were asked again, so this could have failed


def test_the_breaker_opens_and_closes(web: FlaskClient, services: Services, load: Load, sandbox: Sandbox) -> None:
    orders = load(4)
    outside = ServiceClients(replace_settings(services, handling_tries=3, handling_breaker_failures=3))
    sandbox.control(down=["payment"])
    handling = begin(web, orders=orders, pipeline=["take_payment"])
    before = len(sandbox.read("calls"))
    run_next(services, outside, "test", GracefulShutdown(0))
    called = len(sandbox.read("calls")) - before
    assert called < 4 * 3  # open: left alone while it is broken
    assert web.get(f"/v1/handlings/{handling['id']}").json["orders_failed"] == 4
    sandbox.control(down=[])
    assert web.post(f"/v1/handlings/{handling['id']}/retry").status_code == 202
    run_next(services, outside, "test", GracefulShutdown(0))  # the same breaker: it lets one through and closes
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "done"


def replace_settings(services: Services, **values: Any) -> Any:
    return services.settings.model_copy(update=values)


def test_a_stop_ends_the_step_in_hand_and_leaves_the_rest(
    web: FlaskClient, services: Services, load: Load, sandbox: Sandbox
) -> None:
    orders = load(3)
    handling = begin(web, orders=orders)
    sandbox.control(failure_rate=1, faults=["hang"], hang_seconds=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work, services)
        wait_called(sandbox, orders[0])
        stopped = web.post(f"/v1/handlings/{handling['id']}/stop")
        assert (stopped.status_code, stopped.json["state"]) == (202, "stopping")
        running.result()
    shown = web.get(f"/v1/handlings/{handling['id']}").json
    assert (shown["state"], shown["orders_pending"]) == ("stopped", 3)
    assert web.post(f"/v1/handlings/{handling['id']}/stop").json["state"] == "stopped"
    rows = web.get(f"/v1/handlings/{handling['id']}/orders").json["orders"]
    assert [(row["state"], row["steps_done"]) for row in rows] == [("pending", 1), ("pending", 0), ("pending", 0)]
    assert mine(sandbox, "inventory", orders) == [orders[0]] and not mine(sandbox, "payment", orders)
    sandbox.control(failure_rate=0)
    assert web.post(f"/v1/handlings/{handling['id']}/retry").status_code == 409  # nothing failed
    assert web.post(f"/v1/handlings/{handling['id']}/retry", json={"pending": True}).status_code == 202
    work(services)
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "done"
    assert mine(sandbox, "inventory", orders) == orders


def wait_called(sandbox: Sandbox, order: str) -> None:
    wait_for(lambda: any(f"-{order}-" in call["key"] for call in sandbox.read("calls")), f"a call for {order}")


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


def test_a_worker_that_lost_its_lease_can_record_nothing(web: FlaskClient, services: Services, load: Load) -> None:
    orders = load(2)
    handling = begin(web, orders=orders)
    with services.database.begin() as connection:
        number = handling_transitions.find_handling(connection, handling["id"]).number  # type: ignore[union-attr]
    zombie = claim(services.database, services.settings, number, "zombie")
    assert zombie is not None
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE handlings SET lease_until = '2020-01-01'")
    HandlingExtension().sweep(services.database, services.hints, services.settings)
    shown = web.get(f"/v1/handlings/{handling['id']}").json
    assert (shown["state"], shown["timeline"][-1]["detail"]["attempt"]) == ("queued", 1)
    run(services, ServiceClients(services.settings), zombie, GracefulShutdown(0))
    assert web.get(f"/v1/handlings/{handling['id']}").json["orders_done"] == 0
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE handlings SET not_before = NULL")
    work(services)
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "done"


def test_a_stop_whose_worker_died_is_ended_by_the_sweeper(web: FlaskClient, services: Services, load: Load) -> None:
    handling = begin(web, orders=load(2))
    with services.database.begin() as connection:
        number = handling_transitions.find_handling(connection, handling["id"]).number  # type: ignore[union-attr]
    assert claim(services.database, services.settings, number, "dies") is not None
    assert web.post(f"/v1/handlings/{handling['id']}/stop").json["state"] == "stopping"
    HandlingExtension().sweep(services.database, services.hints, services.settings)
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "stopping"  # its lease lives
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE handlings SET lease_until = '2020-01-01'")
    HandlingExtension().sweep(services.database, services.hints, services.settings)
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "stopped"


def test_a_handling_that_gets_nowhere_is_given_up(web: FlaskClient, services: Services, load: Load) -> None:
    handling = begin(web, orders=load(2))
    with services.database.begin() as connection:
        number = handling_transitions.find_handling(connection, handling["id"]).number  # type: ignore[union-attr]
    for _ in range(services.settings.max_attempts):
        assert claim(services.database, services.settings, number, "dies") is not None
        with services.database.begin() as connection:
            connection.exec_driver_sql("UPDATE handlings SET lease_until = '2020-01-01'")
        HandlingExtension().sweep(services.database, services.hints, services.settings)
    shown = web.get(f"/v1/handlings/{handling['id']}").json
    assert (shown["state"], shown["error"]["code"]) == ("failed", "gave_up")


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


def test_a_service_is_called_no_more_often_than_its_rate(
    web: FlaskClient, services: Services, load: Load, sandbox: Sandbox
) -> None:
    handling = begin(web, orders=load(5), pipeline=["take_payment"], mode="parallel")
    begun = time()
    run_next(
        services, ServiceClients(replace_settings(services, handling_rates={"payment": 2})), "test", GracefulShutdown(0)
    )
    assert web.get(f"/v1/handlings/{handling['id']}").json["state"] == "done"
    # two a second; a call may arrive later than it was let go, but not sooner
    after = [call["at"] - begun for call in sandbox.read("calls")]
    assert len(after) == 5 and all(seconds > place // 2 * 0.95 for place, seconds in enumerate(sorted(after))), after


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


def test_a_worker_waits_for_space_for_packing_slips(
    services: Services, web: FlaskClient, load: Load, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.lifecycle.imports.requeue.SPACE_SECONDS", 0.01)
    ids = load(2)
    draw = packing_slips.draw
    monkeypatch.setattr(packing_slips, "draw", lambda *given: draw(*given) + b"%" * 2_000_000)
    handling = web.post("/v1/handlings", json={"orders": ids}).json
    with no_file_beyond(1_000_000):
        for _ in range(services.settings.max_attempts + 1):
            wait_for(
                lambda: run_next(services, ServiceClients(services.settings), "worker", GracefulShutdown(0)),
                "it is taken up again",
            )
            now = web.get(handling["links"]["self"]).json
            assert (now["state"], now["orders_failed"]) == ("queued", 0)
            assert not [path for path in services.spool.folder.rglob("*") if "pdf" in path.name]
        assert requeue.WAITS_FOR_SPACE in json.dumps(now["timeline"])
    monkeypatch.undo()
    wait_for(
        lambda: run_next(services, ServiceClients(services.settings), "worker", GracefulShutdown(0)),
        "it is taken up again",
    )
    assert web.get(handling["links"]["self"]).json["state"] == "done"
    sandbox.require_once(ids)  # however often it was tried
    (services.spool.folder / "slips" / ids[0].partition("-")[0] / f"{ids[0]}.pdf").unlink()
    monkeypatch.setattr(packing_slips, "draw", lambda *given: draw(*given) + b"%" * 2_000_000)
    with no_file_beyond(1_000_000):
        for path in (f"/v1/orders/{ids[0]}/slip", f"{handling['links']['self']}/slips"):
            assert web.get(path).status_code == 507
