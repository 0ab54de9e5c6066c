"""Handlings that are stopped, lose their worker or get nowhere."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from app.db.handlings import transitions as handling_transitions
from app.handling import packing_slips
from app.handling.extension import HandlingExtension
from app.handling.runner import claim, run, run_next
from app.handling.service_calls import ServiceClients
from app.lifecycle.imports import requeue
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.disks import no_file_beyond
from tests.integration.handling.handlings import Load, begin, mine, wait_called, work
from tests.sandbox import Sandbox
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn


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
