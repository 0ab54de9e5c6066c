"""The same work is not done twice at a time; single orders are imports of one row; too much is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.formats.generate.orders import write_csv_sample
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.stop import stop_import
from app.lifecycle.imports.stream_upload import HEAD_BYTES
from app.lifecycle.services import Services

pytestmark = pytest.mark.in_turn

HEADER = b"marketplace,order_number,customer,email,ship_to,sku,quantity,unit_price,currency,status,ordered_at\n"
ROW = b"shop,A-1,Ada,ada@example.org,1 Main St,SKU,2,9.50,EUR,pending,2026-11-22 08:30:00\n"
ORDER = {
    "marketplace": "shop",
    "order_number": "B-1",
    "customer": "Bo",
    "email": "bo@example.org",
    "ship_to": "2 Main St",
    "sku": "SKU",
    "quantity": 1,
    "unit_price": 12.30,
    "currency": "EUR",
    "status": "pending",
    "ordered_at": "2026-11-22 08:30:00",
}


def send(web: FlaskClient, **headers: str) -> Any:
    return web.post("/v1/imports", data=HEADER + ROW, content_type="text/csv", headers=headers)


def test_the_same_file_is_refused_while_the_first_runs(web: FlaskClient, services: Services) -> None:
    first = send(web)
    again = send(web)
    assert (first.status_code, again.status_code) == (202, 409)
    assert again.json["running"] == first.headers["Location"]
    assert web.post("/v1/imports?dry_run=true", data=HEADER + ROW, content_type="text/csv").status_code == 202
    assert send(web, **{"Idempotency-Key": "meant"}).status_code == 202  # a key says that it is meant
    stop_import(services, first.json["id"])
    assert send(web).status_code == 202


def test_the_same_file_may_come_again_when_the_first_has_ended(web: FlaskClient, services: Services) -> None:
    first = send(web, **{"Idempotency-Key": "first"})
    assert send(web).status_code == 409  # the first has a key, this one has none
    load_next(services, "test", GracefulShutdown(0))
    assert web.get(first.headers["Location"]).json["state"] == "committed"
    assert send(web).status_code == 202


def test_of_a_hundred_uploads_at_once_one_wins(web: FlaskClient, services: Services) -> None:
    app = web.application
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: send(app.test_client()), range(100)))
    won = [answer for answer in answers if answer.status_code == 202]
    assert len(won) == 1 and {answer.status_code for answer in answers} == {202, 409}
    assert {answer.json["running"] for answer in answers if answer.status_code == 409} == {won[0].headers["Location"]}
    assert len(list(services.spool.folder.iterdir())) == 1  # the others left nothing


@pytest.fixture
def clerks(services: Services, tmp_path: Path) -> Callable[[str], FlaskClient]:
    """A web server with keys; a client of it by the name of its key."""
    keys = tmp_path / "keys"
    keys.write_text("".join(f"{name}:the-key-of-{name}-0123\n" for name in ("ada", "bo")))
    app = create_app(services.settings.model_copy(update={"api_keys_file": keys}))

    def make(name: str) -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_X_API_KEY"] = f"the-key-of-{name}-0123"
        return client

    return make


def test_the_same_file_of_another_caller_is_another_job(clerks: Callable[[str], FlaskClient]) -> None:
    answers = {name: send(clerks(name)) for name in ("ada", "bo")}
    assert [answer.status_code for answer in answers.values()] == [202, 202]
    for name, first in answers.items():
        again = send(clerks(name))
        assert (again.status_code, again.json["running"]) == (409, first.headers["Location"])


def test_of_a_hundred_uploads_of_two_callers_one_of_each_wins(clerks: Callable[[str], FlaskClient]) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: send(clerks("ada" if number % 2 else "bo")), range(100)))
    for mine in (answers[1::2], answers[::2]):
        won = [answer.headers["Location"] for answer in mine if answer.status_code == 202]
        assert len(won) == 1
        assert {answer.json["running"] for answer in mine if answer.status_code == 409} == set(won)
        assert {answer.status_code for answer in mine} == {202, 409}


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """More than a head, so that `stream=1` records it while it comes."""
    path = tmp_path_factory.mktemp("once") / "orders.csv"
    write_csv_sample(path, 30_000, "once")
    assert path.stat().st_size > HEAD_BYTES
    return path.read_bytes()


def stream(web: FlaskClient, body: bytes, more: str = "", **headers: str) -> Any:
    return web.post(f"/v1/imports?stream=1{more}", data=body, content_type="text/csv", headers=headers)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["by a whole one", "by another stream"])
def test_a_streamed_file_is_refused_when_its_last_byte_shows_that_it_is_under_way(
    web: FlaskClient, services: Services, large: bytes, is_streamed: bool
) -> None:
    first = web.post(f"/v1/imports?stream={int(is_streamed)}", data=large, content_type="text/csv")
    refused = stream(web, large)
    assert (first.status_code, refused.status_code) == (202, 409), refused.text
    assert refused.json["running"] == first.headers["Location"]
    undone = web.get("/v1/imports").json["imports"][0]
    assert (undone["state"], undone["error"]["code"]) == ("failed", "already_running")
    assert first.json["id"] in undone["error"]["reason"]
    assert [path.name for path in services.spool.folder.iterdir()] == [first.json["id"]]
    assert stream(web, large, "&dry_run=true").status_code == 202
    assert stream(web, large, **{"Idempotency-Key": "meant"}).status_code == 202
    whole = web.post("/v1/imports", data=large, content_type="text/csv")
    assert (whole.status_code, whole.json["running"]) == (409, first.headers["Location"])
    stop_import(services, first.json["id"])
    assert stream(web, large).status_code == 202


def test_of_twenty_streams_at_once_one_wins(web: FlaskClient, large: bytes) -> None:
    app = web.application
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stream(app.test_client(), large), range(20)))
    won = [answer.headers["Location"] for answer in answers if answer.status_code == 202]
    assert len(won) == 1 and {answer.status_code for answer in answers} == {202, 409}
    assert {answer.json["running"] for answer in answers if answer.status_code == 409} == set(won)
    states = [row["state"] for row in web.get("/v1/imports?limit=50").json["imports"]]
    assert sorted(states) == ["failed"] * 19 + ["queued"]


def test_generated_inserts_may_repeat(web: FlaskClient) -> None:
    assert [web.get("/insert/3").status_code for _ in range(2)] == [200, 200]


def test_a_single_order_is_followed_to_its_end(web: FlaskClient, services: Services) -> None:
    accepted = web.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": "order-b-1"})
    assert accepted.status_code == 202, accepted.text
    again = web.post("/v1/orders", json=ORDER, headers={"Idempotency-Key": "order-b-1"})
    assert again.json["id"] == accepted.json["id"]
    status = accepted.json["trackingUrl"]
    assert web.get(status).json["status"] == "queued"
    load_next(services, "test", GracefulShutdown(0))
    shown = web.get(status).json
    assert (shown["status"], shown["progress"], shown["reason"]) == ("completed", 100, None)
    order = web.get(f"/v1/orders/{accepted.json['id']}").json
    assert (order["order_number"], order["unit_price"]) == ("B-1", "12.30")
    assert web.get(f"/v1/orders/{accepted.json['id']}/history").json["steps"] == []


@pytest.mark.parametrize("wrong", [{"quantity": 0}, {"email": "nobody"}, {"unit_price": 1.234}])
def test_a_wrong_order_says_why(web: FlaskClient, services: Services, wrong: dict[str, Any]) -> None:
    accepted = web.post("/v1/orders", json=ORDER | wrong)
    if accepted.status_code == 422:
        assert next(iter(wrong)) in accepted.text
        return
    load_next(services, "test", GracefulShutdown(0))
    shown = web.get(accepted.json["trackingUrl"]).json
    assert shown["status"] == "failed" and next(iter(wrong)) in shown["reason"], shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"ordered_at": {}},
        {"quantity": "1"},
        {"customer": None},
        {"customer": 1.5},
        {"status": "lost"},
        {"colour": "red"},
    ],
)
def test_what_can_not_be_an_order_is_refused_at_once(web: FlaskClient, wrong: dict[str, Any]) -> None:
    refused = web.post("/v1/orders", json=ORDER | wrong)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == list(wrong)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", json.dumps(ORDER | {"customer": "\ud800"}).encode(), b"[" * 9999])
def test_what_is_no_order_is_a_bad_request(web: FlaskClient, body: bytes) -> None:
    assert web.post("/v1/orders", data=body, content_type="application/json").status_code == 400


def test_a_status_that_there_is_not_is_no_filter(web: FlaskClient) -> None:
    refused = web.get("/v1/orders?status=lost")
    assert refused.status_code == 400 and "pending" in refused.json["detail"]


@pytest.mark.parametrize("path", ["0-1", "1-1", "x", "1-0", "99999999999-1", "1-1/history", "1-1/status", "1-1/slip"])
def test_an_order_that_is_not_there_is_not_found(web: FlaskClient, path: str) -> None:
    assert web.get(f"/v1/orders/{path}").status_code == 404


@pytest.fixture
def busy(services: Services) -> Callable[..., FlaskClient]:
    """A web server where one import waits already, which is as many as may."""

    def make(**settings: Any) -> FlaskClient:
        app = create_app(services.settings.model_copy(update={"max_queued": 1, **settings}))
        assert app.test_client().get("/insert/3").status_code == 200
        return app.test_client()

    return make


def test_more_than_can_be_done_is_refused(busy: Callable[..., FlaskClient]) -> None:
    web = busy()
    refused = send(web)
    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) >= 1
    assert web.post("/v1/orders", json=ORDER).status_code == 503
    assert web.get("/insert/3").status_code == 503


def test_a_single_order_is_done_at_once_where_that_is_set(busy: Callable[..., FlaskClient]) -> None:
    web = busy(overload_inline=True)
    accepted = web.post("/v1/orders", json=ORDER)
    assert (accepted.status_code, accepted.json["status"]) == (202, "completed"), accepted.text
    assert send(web).status_code == 503


def test_the_queue_says_that_too_much_waits(busy: Callable[..., FlaskClient]) -> None:
    found = busy().get("/v1/queue")
    assert (found.status_code, found.json["depth"]) == (503, 1)
    assert "wait" in found.json["excess"][0]


def test_the_queue_says_that_too_much_goes_wrong(web: FlaskClient, services: Services) -> None:
    assert web.get("/v1/queue").status_code == 200
    for number in range(20):
        web.post("/v1/orders", json=ORDER | {"order_number": f"Q-{number}", "quantity": 0 if number % 3 else 1})
        load_next(services, "test", GracefulShutdown(0))
    found = web.get("/v1/queue")
    assert found.status_code == 503, found.text
    (kind,) = found.json["kinds"]
    assert (kind["ended"], kind["success_rate"]) == (20, 0.35) and "import" in found.json["excess"][0]
