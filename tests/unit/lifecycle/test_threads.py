"""What runs for as long as its process: an error that no one foresaw ends none of it without a word."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread, current_thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from celery import Celery

from app.formats.batch import Batch
from app.lifecycle import change_feed
from app.lifecycle.change_feed import ChangeFeed
from app.lifecycle.imports.loading import prefetch
from app.lifecycle.imports.loading.heartbeat import Heartbeat
from app.lifecycle.imports.loading.prefetch import Prefetch
from app.queue import Hints
from tests.waiting import patience, wait_for

ERRORS = [OSError(5, "Input/output error"), KeyError("number"), ValueError("no state"), UnicodeError("no text")]
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


@dataclass
class Claimed:
    number: int = 1
    epoch: int = 1


class Database:
    @contextmanager
    def begin(self) -> Iterator[None]:
        yield


def make_services(**settings: Any) -> Any:
    return SimpleNamespace(database=Database(), settings=SimpleNamespace(**settings), extensions=())


def failing(times: int, error: Exception, then: Callable[..., Any]) -> tuple[Callable[..., Any], Event]:
    """Raises so often, and then does what it should; an event that says that it has."""
    left, well = [error] * times, Event()

    def act(*given: Any) -> Any:
        if left:
            raise left.pop()
        well.set()
        return then(*given)

    return act, well


@each_error
def test_a_heart_goes_on_beating_when_a_beat_fails(error: Exception) -> None:
    renew, well = failing(2, error, lambda *_: True)
    lost = Event()
    with Heartbeat(Database(), 0.4, Claimed(), lost.set, renew):
        assert well.wait(patience())
        assert not lost.is_set()


@each_error
def test_an_attempt_whose_beats_all_fail_ends_with_its_lease(error: Exception) -> None:
    renew, _ = failing(1000, error, lambda *_: True)
    lost = Event()
    with Heartbeat(Database(), 0.2, Claimed(), lost.set, renew):
        assert lost.wait(patience())


def test_a_loss_that_cannot_be_said_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    def cut() -> None:
        raise KeyError("no branch")

    with Heartbeat(Database(), 0.1, Claimed(), cut, lambda *_: False) as beat:
        wait_for(lambda: not beat._thread.is_alive(), "it has ended")
    assert "attempt_not_cut" in capsys.readouterr().err


@each_error
def test_the_poller_of_streams_goes_on_and_slows_down(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    pauses: list[float] = []
    looked, well = failing(6, error, lambda told: told)
    watching = ChangeFeed(make_services(max_streams=2, stream_max_seconds=60))

    def pause(seconds: float) -> None:
        if current_thread() is watching._poller:  # not one that an earlier test has left
            pauses.append(seconds)
        Event().wait(0.01)

    monkeypatch.setattr(change_feed, "sleep", pause)
    monkeypatch.setattr(watching, "_poll", looked)
    subscription = watching.subscribe()
    assert well.wait(patience())
    wait_for(lambda: pauses[-1] == change_feed.POLL_SECONDS, "it polls as before")
    assert pauses[:5] == sorted(pauses[:5]) and max(pauses) == change_feed.FAILED_SECONDS
    subscription.close()


def test_a_stream_that_gets_no_poller_leaves_none_behind_that_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = ChangeFeed(make_services(max_streams=1, stream_max_seconds=60))
    start = Thread.start
    left = [RuntimeError("can't start new thread")]

    def start_or_fail(thread: Thread) -> None:
        if left:
            raise left.pop()
        start(thread)

    monkeypatch.setattr(change_feed.Thread, "start", start_or_fail)
    looked = Event()
    monkeypatch.setattr(watching, "_poll", lambda told: (looked.set(), told)[1])
    with pytest.raises(RuntimeError):
        watching.subscribe()
    subscription = watching.subscribe()
    assert looked.wait(patience())
    subscription.close()


@each_error
def test_hints_go_on_after_an_error_that_is_not_the_brokers(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    dropped: list[int] = []
    producer = SimpleNamespace(connection=SimpleNamespace(collect=lambda: dropped.append(1)), channel=None)
    sent: list[str] = []
    send, _ = failing(1, error, lambda *_: None)

    def send_task(*_: Any, task_id: str, **__: Any) -> None:
        send()
        sent.append(task_id)

    settings = SimpleNamespace(broker_url="amqp://nobody@localhost//")
    hints = Hints(cast("Celery", SimpleNamespace(send_task=send_task, conf=settings)), 0.1)

    def connect() -> Any:
        hints._mine.producer = producer
        return producer

    monkeypatch.setattr(hints, "_producer", connect)
    assert not hints.publish("first") and dropped == [1]  # not kept: it may be what is broken
    assert hints.publish("second") and sent == ["second"]
    hints.announce("third")
    wait_for(lambda: sent == ["second", "third"], "it is published")
    assert hints.queue_stats() is None  # a broken channel
    hints.close()
    hints.announce("when the process ends")


@each_error
def test_what_reading_ahead_raises_reaches_every_branch(error: Exception) -> None:
    def source() -> Iterator[Batch]:
        yield Batch(1, 1, b"1\n", 0, ())
        raise error

    with Prefetch(source(), 2) as ahead:
        next(ahead.hand(0))
        for hand in range(2):
            with pytest.raises(type(error)):
                list(ahead.hand(hand))


def test_a_sandbox_that_forbids_to_be_nice_ends_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def nice(by: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(prefetch.os, "nice", nice)
    with Prefetch(Batch(row, 1, b"1\n", 0, ()) for row in range(1, 4)) as ahead:
        assert len(list(ahead.hand(0))) == 3
