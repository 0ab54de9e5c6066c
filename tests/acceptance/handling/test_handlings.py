"""Handlings by processes that are killed: the order is kept, and what other companies were told was told once."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from app.queue import HANDLING_QUEUE, QUEUE
from tests.sandbox import Sandbox
from tests.sse import listen
from tests.stack import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

RESTING = ("done", "failed", "stopped")


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    made: list[Sandbox] = []

    def make(**options: Any) -> Sandbox:
        made.append(Sandbox(tmp_path / f"sandbox-{len(made)}", **options))
        return made[-1].start()

    yield make
    for sandbox in made:
        sandbox.kill()


def start(new_stack: Callable[..., Stack], sandbox: Sandbox, *handlers: str, **settings: object) -> Stack:
    quick = {"handling_pause_seconds": 0.05, "handling_breaker_seconds": 1, "handling_timeout_seconds": 3}
    services = json.dumps(sandbox.services())
    stack = new_stack(handling=1, handling_services=services, handling_slots=1, **quick, **settings)
    return stack.start("web", "worker", "sweeper", *handlers)


def import_orders(stack: Stack, rows: int) -> tuple[str, list[str]]:
    """So many pending orders; returns their import and their ids."""
    accepted = stack.post("/v1/imports", json={"generate": rows}).json()
    row = stack.wait_state(accepted["id"])
    return row["id"], [f"{row['number']}-{number}" for number in range(1, rows + 1)]


def make_pending(servers: Any) -> None:
    with servers[0].root() as cursor:
        cursor.execute("UPDATE one_test.orders SET status = 'pending'")


def begin(stack: Stack, **body: Any) -> str:
    answer = stack.post("/v1/handlings", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def wait_done(stack: Stack, path: str, orders: int) -> dict[str, Any]:
    """The handling once so many orders have ended."""

    def look() -> Any:
        found = stack.get(path).json()
        return found["orders_done"] + found["orders_failed"] >= orders and found

    return dict(wait_for(look, f"{orders} orders of {path}", seconds=patience(90)))


def wait_rest(stack: Stack, path: str, seconds: float = 120) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = stack.get(path).json()
        return dict(found) if found["state"] in RESTING else None

    return dict(wait_for(look, path, seconds=patience(seconds)))


def test_the_order_is_kept_while_workers_are_killed(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox]
) -> None:
    sandbox = make_sandbox(failure_rate=0.05)
    stack = start(new_stack, sandbox, "handler", "handler-2")
    _, orders = import_orders(stack, 30)
    make_pending(servers)
    wished = orders[::2] + orders[1::2][::-1]
    path = begin(stack, orders=wished)
    for step, done in enumerate((4, 10, 18)):
        wait_done(stack, path, done)
        if step % 2:
            stack.kill("handler", "handler-2")
            stack.start("handler", "handler-2")
        else:  # the one that has it, while the other is up
            worker = next(event["detail"]["worker"] for event in timeline(stack, path) if event["event"] == "running")
            stack.kill(*[name for name in ("handler", "handler-2") if has_child(stack, name, worker)] or ["handler"])
            stack.start(*[name for name in ("handler", "handler-2") if not stack.is_running(name)])
    shown = wait_rest(stack, path)
    assert (shown["state"], shown["orders_done"]) == ("done", 30), shown["error"]
    assert len([event for event in shown["timeline"] if event["event"] == "running"]) > 1  # killed in the middle
    sandbox.require_once(wished)
    effects = [effect["order_id"] for effect in sandbox.read("effects")]
    assert effects == [order for order in wished for _ in range(4)]  # strictly one order after another
    mails = [mail["message_id"].rpartition("-mail")[0].split("-", 2)[2] for mail in sandbox.read("mails")]
    assert list(dict.fromkeys(mails)) == wished


def timeline(stack: Stack, path: str) -> list[dict[str, Any]]:
    return list(stack.get(path).json()["timeline"])[::-1]


def has_child(stack: Stack, name: str, worker: str) -> bool:
    """Whether the process that has the handling, by what it wrote into the ledger, is a child of this worker."""
    stat = Path(f"/proc/{worker.rpartition(':')[2]}/stat")
    return stat.exists() and stack.pid(name) == int(stat.read_text().rpartition(")")[2].split()[1])


@pytest.mark.long
def test_a_worker_that_is_told_to_go_hands_back(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox]
) -> None:
    sandbox = make_sandbox()
    stack = start(new_stack, sandbox, "handler")
    _, orders = import_orders(stack, 25)
    make_pending(servers)
    path = begin(stack, orders=orders)
    wait_done(stack, path, 3)
    stack.end("handler", signal.SIGTERM)
    shown = stack.get(path).json()
    assert shown["state"] == "queued" and shown["timeline"][-1]["detail"]["reason"] == "the worker shut down"
    assert stack.get(f"{path}/orders?state=running").json()["orders"] == []
    stack.start("handler")
    assert wait_rest(stack, path)["state"] == "done"
    assert sandbox.effects("carrier") == orders
    sandbox.require_once(orders)


@pytest.mark.long
def test_processes_grow_with_what_there_is_to_do(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox]
) -> None:
    sandbox = make_sandbox(failure_rate=1, hang_seconds=2)
    sandbox.control(faults=["hang"])
    stack = start(new_stack, sandbox)
    stack.own_settings["handler"] = {"handling_slots": 3, "handling_slots_least": 1}
    stack.start("handler")
    assert len(list_children(stack.pid("handler"))) == 1
    _, orders = import_orders(stack, 3)
    make_pending(servers)
    paths = [begin(stack, orders=[order], pipeline=["reserve_inventory"]) for order in orders]
    wait_for(lambda: len(list_children(stack.pid("handler"))) == 3, "a process for each handling")
    for path in paths:
        assert wait_rest(stack, path)["state"] == "done"


def list_children(parent: int) -> list[str]:
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()


def test_hints_reach_the_queue_that_they_are_for(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox]
) -> None:
    stack = start(new_stack, make_sandbox())  # nobody handles here
    import_orders(stack, 3)
    make_pending(servers)
    begin(stack, filter={})
    with Connection(str(stack.settings["broker_url"])) as broker:
        channel = broker.default_channel
        assert channel.queue_declare(HANDLING_QUEUE, passive=True).message_count == 1
        assert channel.queue_declare(QUEUE, passive=True).message_count == 0  # the worker took what is for it


def test_a_stop_is_answered_truthfully(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox]
) -> None:
    sandbox = make_sandbox()
    stack = start(new_stack, sandbox, "handler")
    import_id, orders = import_orders(stack, 40)
    make_pending(servers)
    path = begin(stack, filter={"import": import_id}, mode="parallel", concurrency=4)
    wait_done(stack, path, 1)
    stopped = stack.post(f"{path}/stop")
    assert stopped.status_code == 202
    shown = wait_rest(stack, path)
    assert shown["state"] == "stopped" and shown["orders_pending"] > 0
    rows = stack.get(f"{path}/orders?limit=500").json()["orders"]
    told = {row["order"]: row["steps_done"] for row in rows}
    for place, service in enumerate(("inventory", "payment", "carrier", "marketplace")):
        assert sorted(sandbox.effects(service)) == sorted(order for order in orders if told[order] > place)
    assert stack.post(f"{path}/retry", json={"pending": True}).status_code == 202
    assert wait_rest(stack, path)["state"] == "done"
    sandbox.require_once(orders)


@pytest.mark.parametrize("rows", [100, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
def test_every_order_ends_in_a_stated_state(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox], rows: int
) -> None:
    sandbox = make_sandbox(failure_rate=0.05)
    stack = start(new_stack, sandbox, "handler", handling_tries=2)  # so few that some orders fail
    import_id, orders = import_orders(stack, rows)
    make_pending(servers)
    path = begin(stack, filter={"import": import_id}, mode="parallel", concurrency=16)
    wait_done(stack, path, rows // 4)
    stack.kill("handler")
    stack.start("handler")
    shown = wait_rest(stack, path, 800)
    assert shown["orders_done"] + shown["orders_failed"] == rows and shown["orders_pending"] == 0
    assert shown["state"] == ("failed" if shown["orders_failed"] else "done")
    assert shown["orders_failed"] or rows < 2000  # so many that it is sure
    states = []
    page = f"{path}/orders?limit=500"
    while page:
        answer = stack.get(page).json()
        states += [(row["order"], row["state"], row["error"]) for row in answer["orders"]]
        page = answer["next"]
    assert [order for order, _, _ in states] == orders
    assert all(state == "done" or (state == "failed" and error) for _, state, error in states)
    retries = 0
    while stack.get(path).json()["state"] == "failed":
        assert stack.post(f"{path}/retry").status_code == 202
        wait_rest(stack, path)
        retries += 1
    sandbox.require_once(orders)
    told = f"{shown['orders_done']} done, {shown['orders_failed']} failed; all done after {retries} retries"
    calls, mails = sandbox.read("calls"), sandbox.read("mails")
    print(f"{told}; {len(calls)} calls, {sum(bool(call['fault']) for call in calls)} went wrong, {len(mails)} mails")  # noqa: T201


def test_a_handling_is_followed_by_the_poller_that_imports_have(
    new_stack: Callable[..., Stack], servers: Any, make_sandbox: Callable[..., Sandbox]
) -> None:
    sandbox = make_sandbox()
    stack = start(new_stack, sandbox)
    import_id, _ = import_orders(stack, 10)
    make_pending(servers)
    path = begin(stack, filter={"import": import_id}, mode="parallel", concurrency=2)
    stack.start("handler")
    sent = list(listen(f"{stack.url}{path}/events"))
    told = [one for one in sent if one.event == "handling"]
    assert sent[-1].event == "end" and sent[-1].data["state"] == "done"
    ids = [int(str(one.id)) for one in told]
    assert ids == sorted(set(ids)) and told[-1].data["orders_done"] == 10
    events = [event for one in told for event in one.data["timeline"]]
    assert events == stack.get(path).json()["timeline"]
