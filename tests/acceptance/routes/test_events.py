"""Streams of server-sent events: no gap, no repeat, whoever is connected for however long."""

import signal
import statistics
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
import requests

from tests.sse import Sent, listen
from tests.stack import FINAL, Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

ROWS = 200_000  # a second or more, so that there is something to tell in between
Crowd = Callable[[Stack, int], list[requests.Response]]


@pytest.fixture
def start(stack: Stack) -> Callable[[int], dict[str, Any]]:
    def start(rows: int) -> dict[str, Any]:
        answer = stack.post("/v1/imports", json={"generate": rows})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    return start


def imports_of(sent: list[Sent]) -> list[Sent]:
    return [one for one in sent if one.event == "import"]


def test_an_import_is_followed_from_start_to_end(stack: Stack, start: Callable[[int], dict[str, Any]]) -> None:
    row = start(ROWS)
    sent = list(listen(stack.url + row["links"]["events"]))
    assert sent[-1] == Sent("end", None, {"id": row["id"], "state": "committed"})
    told = imports_of(sent)
    ids = [int(str(one.id)) for one in told]
    assert ids == sorted(set(ids)), "each sequence once, in order"
    assert [one.data["sequence"] for one in told] == ids
    percents = [one.data["percent"] for one in told]
    assert percents == sorted(percents) and percents[-1] == 100
    assert len(ids) >= 3, "progress was told as it went on"
    events = [event for one in told for event in one.data["timeline"]]
    assert events == stack.find(row["id"])["timeline"], "every event once"


def test_whoever_is_cut_off_after_each_event_misses_nothing(
    stack: Stack, start: Callable[[int], dict[str, Any]]
) -> None:
    row = start(ROWS)
    url, last, told = stack.url + row["links"]["events"], None, []
    while True:
        first = next(one for one in listen(url, last) if one.event)  # and then the connection is closed
        if first.event == "end":
            break
        told.append(first)
        last = first.id
    ids = [int(str(one.id)) for one in told]
    assert ids == sorted(set(ids))
    assert [event for one in told for event in one.data["timeline"]] == stack.find(row["id"])["timeline"]
    assert [one.event for one in listen(url, last)][-1:] == ["end"], "what is over is over for the next one, too"
    assert imports_of(list(listen(url, last))) == []
    assert len(imports_of(list(listen(url, "999999")))) == 1, "a position that there never was: all of it"


def test_all_imports_are_followed_over_cuts(stack: Stack, start: Callable[[int], dict[str, Any]]) -> None:
    old = start(100)
    stack.wait_state(old["id"])
    begun = next(listen(f"{stack.url}/v1/events"))  # from here on
    assert begun.event == "" and begun.id is not None
    rows = [start(20_000), start(300), start(10)]
    # a new connection after every message
    url, last, told = f"{stack.url}/v1/events", begun.id, []
    while {one["id"] for one in told if one["state"] in FINAL} < {row["id"] for row in rows}:
        first = next(one for one in listen(url, last) if one.event)
        assert first.event == "imports"
        told += first.data["imports"]
        last = first.id
    pairs = [(one["number"], one["sequence"]) for one in told]
    assert len(set(pairs)) == len(pairs), "nothing twice"
    assert old["id"] not in {one["id"] for one in told}, "nothing that was over before"
    for row in rows:
        mine = [one["sequence"] for one in told if one["id"] == row["id"]]
        assert mine == sorted(mine)
        assert mine[-1] == stack.find(row["id"])["sequence"], "the last word was told"


def test_whoever_was_away_for_too_long_is_told_so(stack: Stack) -> None:
    for position in ("1000000~", "1795606953749469~*"):
        assert next(listen(f"{stack.url}/v1/events", position)).event == "reset"
    answer = stack.get("/v1/events", headers={"Last-Event-ID": "nonsense"})
    assert answer.status_code == 400
    assert stack.get("/v1/imports/nope/events").status_code == 404


def test_deleted_rows_are_told_too(stack: Stack, start: Callable[[int], dict[str, Any]]) -> None:
    row = start(10)
    stack.wait_state(row["id"])
    begun = next(listen(f"{stack.url}/v1/events"))
    assert stack.get("/delete_all").ok
    told = next(one for one in listen(f"{stack.url}/v1/events?after={begun.id}") if one.event == "imports")
    assert [(one["id"], one["rows_kept"]) for one in told.data["imports"]] == [(row["id"], 0)]


def test_signs_of_life_and_an_end_after_a_while(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(stream_max_seconds=2).start("web")
    row = stack.post("/v1/imports", json={"generate": 10}).json()
    began = monotonic()
    sent = list(listen(stack.url + row["links"]["events"]))
    assert 1.5 < monotonic() - began < patience()
    assert sent[0].event == "import"
    assert len([one for one in sent if one.event == ""]) >= 2, "a comment every quarter of it"
    assert "end" not in [one.event for one in sent], "the import is not over: come again"
    kept = list(listen(f"{stack.url}/v1/events"))
    assert all(one.id for one in kept if one.event == ""), "a sign of life keeps the position"


def test_beyond_the_cap_clients_are_told_to_ask(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(max_streams=2).start("web")
    open_streams = [requests.get(f"{stack.url}/v1/events", stream=True, timeout=patience()) for _ in range(2)]
    refused = stack.get("/v1/events")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "every 2 s" in refused.json()["detail"]
    for stream in open_streams:
        stream.close()
    row = stack.post("/v1/imports", json={"generate": 10}).json()  # a change is written to those that are gone
    wait_for(lambda: stack.get("/v1/events", stream=True).ok, "a place is free again")
    assert row["state"] == "queued"


@pytest.fixture
def crowd() -> Iterator[Callable[[Stack, int], list[requests.Response]]]:
    """So many who watch all imports."""
    watching: list[requests.Response] = []

    def gather(stack: Stack, size: int) -> list[requests.Response]:
        for _ in range(size):
            watching.append(requests.get(f"{stack.url}/v1/events", stream=True, timeout=patience()))
            assert watching[-1].status_code == 200
        return watching

    yield gather
    for stream in watching:
        stream.close()


def test_200_open_streams_do_not_delay_a_plain_request(
    crowd: Crowd, new_stack: Callable[..., Stack], record_property: Callable[[str, object], None]
) -> None:
    stack = new_stack().start("web")

    def ask() -> list[float]:
        took = []
        for _ in range(100):
            began = monotonic()
            assert stack.get("/v1/imports?limit=1").ok
            took.append((monotonic() - began) * 1000)
        return took

    alone = ask()
    crowd(stack, 200)
    among = ask()
    figures = {
        "median_alone_ms": round(statistics.median(alone), 1),
        "median_among_200_ms": round(statistics.median(among), 1),
        "slowest_among_200_ms": round(max(among), 1),
    }
    record_property("figures", figures)
    print(figures)  # noqa: T201 — shown by `pytest -s`, and when it fails
    assert statistics.median(among) < 3 * statistics.median(alone) + 5, figures
    assert max(among) < 1000, figures


def test_many_streams_are_one_poller_and_hold_no_connection(
    crowd: Crowd, new_stack: Callable[..., Stack], servers: Any
) -> None:
    stack = new_stack().start("web")
    watching = crowd(stack, 60)
    with servers[0].root() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND db = 'one_test'")
        assert cursor.fetchone()[0] < 10
    told: list[str] = []

    def read(stream: requests.Response) -> None:
        for line in stream.iter_lines(chunk_size=1, decode_unicode=True):
            if line.startswith("event: imports"):
                told.append(line)
                return

    readers = [threading.Thread(target=read, args=(stream,)) for stream in watching]
    for reader in readers:
        reader.start()
    stack.post("/v1/imports", json={"generate": 10})
    for reader in readers:
        reader.join(patience())
    assert len(told) == 60, "each was told"


def test_a_server_that_is_told_to_go_ends_its_streams(
    crowd: Crowd,
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack().start("web")
    watching = crowd(stack, 3)
    assert stack.end("web", signal.SIGTERM) == 0
    for stream in watching:
        for _ in stream.iter_lines():  # raises if it was cut off, as it is when the server's patience ends
            pass
