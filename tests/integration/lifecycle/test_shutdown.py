"""A worker that was told to go begins nothing new, though its pool may still hold messages."""

from collections.abc import Callable, Iterator

import pytest
from celery import signals

from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.states import State
from app.lifecycle.imports import accept
from app.lifecycle.services import Services
from app.queue import LOAD_TASK
from app.tasks.load import create_worker
from tests.invariants import find


@pytest.fixture
def told_to_go() -> Iterator[Callable[[], None]]:
    """What Celery sends when a worker gets SIGTERM; the receivers of this test are forgotten after it."""
    connected = signals.worker_shutting_down, signals.worker_init, signals.setup_logging
    before = [list(signal.receivers) for signal in connected]
    yield lambda: signals.worker_shutting_down.send(sender="a worker", sig="SIGTERM", how="Warm", exitcode=0)
    for signal, receivers in zip(connected, before, strict=True):
        signal.receivers = receivers


def test_a_message_that_comes_too_late_is_left_to_others(services: Services, told_to_go: Callable[[], None]) -> None:
    task = create_worker(services.settings).tasks[LOAD_TASK]
    first = accept.accept_generated(services, ORDERS, 10, Caller()).row
    task(first.id)
    assert find(services, first.number).state is State.COMMITTED
    second = accept.accept_generated(services, ORDERS, 10, Caller()).row
    told_to_go()
    task(second.id)
    assert (find(services, second.number).state, find(services, second.number).epoch) == (State.QUEUED, 0)
