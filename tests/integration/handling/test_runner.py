"""Handlings on real databases, with the sandbox as a process and the worker in this one."""

import io
from time import time

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from app.handling.runner import run_next
from app.handling.service_calls import ServiceClients
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.integration.handling.handlings import Load, begin, list_done, mine, replace_settings, work
from tests.sandbox import Sandbox

pytestmark = pytest.mark.in_turn


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
