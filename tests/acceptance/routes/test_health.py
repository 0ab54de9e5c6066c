"""What watchers of the installation are told, by a whole stack: the queue, the metrics, the parts."""

import re

import pytest

from tests.stack import ROOT, Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.in_turn


def read_metrics(stack: Stack) -> dict[str, float]:
    """The samples of /metrics by name and labels."""
    answer = stack.get("/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_the_queue_and_the_metrics_say_what_the_ledger_says(stack: Stack) -> None:
    idle = {"depth": 0, "running": 0, "workers": 1, "hints": 0, "oldest_seconds": None, "rows_per_second": None}
    idle |= {"handlings": None}
    wait_for(lambda: {**stack.get("/v1/queue").json(), "kinds": 0} == {**idle, "kinds": 0, "excess": []}, "idle")
    id = stack.post("/v1/imports", json={"generate": 3000}).json()["id"]
    stack.wait_state(id)
    ids = [stack.post("/v1/imports", json={"generate": 2_000_000}).json()["id"] for _ in range(4)]
    both = (2, 2, 1)  # it has two slots
    busy = wait_for(
        lambda: (
            (found := stack.get("/v1/queue").json())
            and (found["depth"], found["running"], found["workers"]) == both
            and found["oldest_seconds"]  # to a tenth of a second: none at first
            and found
        ),
        "a busy queue",
    )
    assert busy["rows_per_second"] > 0
    (imports,) = busy["kinds"]
    assert (imports["kind"], imports["ended"], imports["success_rate"], imports["error_rate"]) == ("import", 1, 1, 0)
    assert 0 < imports["average_seconds"] <= imports["p95_seconds"]
    figures = read_metrics(stack)
    assert figures['backout_imports{state="running"}'] == figures["backout_queue_depth"] == 2
    for id in ids:
        stack.post(f"/v1/imports/{id}/stop")
        stack.wait_state(id)
    figures = read_metrics(stack)
    assert figures['backout_imports{state="committed"}'] == 1
    assert figures['backout_imports{state="stopped"}'] == 4
    assert figures["backout_rows_loaded"] == 3000  # what was undone does not count
    described = (ROOT / "docs" / "how-to" / "monitoring.md").read_text().partition("## `/metrics`")[2]
    families = {re.sub(r"(_seconds)_(bucket|count|sum)$", r"\1", re.sub(r"\{.*", "", name)) for name in figures}
    assert set(re.findall("`(backout_[a-z_]+)", described)) == families
    assert figures["backout_workers"] == figures["backout_broker_up"] == 1
    seconds = 'backout_import_duration_seconds_bucket{le="%s",state="committed"}'
    assert figures[seconds % "+Inf"] == figures[seconds % "14400.0"] == 1
    counts = [value for name, value in figures.items() if re.match(r'.*_bucket\{le=.*state="stopped"', name)]
    assert counts == sorted(counts) and counts[-1] == 4


def list_faulty(stack: Stack) -> set[str]:
    """The parts that are not ok."""
    return {name for name, said in stack.get("/readyz").json()["parts"].items() if said != "ok"}


def test_a_worker_that_is_gone_is_named(stack: Stack) -> None:
    everything = {"database", "durability", "local_infile", "xa", "recovery", "broker", "worker", "spool", "sweeper"}
    wait_for(lambda: (found := stack.get("/readyz").json())["status"] == "ok" and found, "all is well")
    assert set(stack.get("/readyz").json()["parts"]) == everything
    stack.end("worker")
    try:
        # a chore of a busy machine's sweeper may fail once, and its part is named, too, until its next look
        wait_for(lambda: list_faulty(stack) == {"worker"}, "no worker")
        assert stack.get("/readyz").json()["status"] == "degraded"
        assert stack.get("/v1/queue").json()["workers"] == 0
        assert stack.get("/readyz").status_code == 200  # imports are still accepted
    finally:
        stack.start("worker")


def test_without_a_broker_its_figures_are_not_known(stack: Stack) -> None:
    stack.end("web")
    stack.own_settings["web"] = {"broker_url": "amqp://nobody:nothing@127.0.0.1:1//"}
    try:
        stack.start("web")
        parts = stack.get("/readyz").json()["parts"]
        assert "does not answer" in parts["broker"] and parts["worker"] == "not known"
        queue = stack.get("/v1/queue")
        assert queue.status_code == 200 and (queue.json()["workers"], queue.json()["hints"]) == (None, None)
        figures = read_metrics(stack)
        assert figures["backout_broker_up"] == 0 and "backout_workers" not in figures
    finally:
        stack.end("web")
        stack.own_settings.pop("web")
        stack.start("web")
