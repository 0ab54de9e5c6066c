"""A worker that is told to go: how long it has, however often it is told."""

import os
import signal

import pytest

from app.lifecycle.imports.loading import shutdown
from app.lifecycle.imports.loading.shutdown import GracefulShutdown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(shutdown, "monotonic", lambda: now[0])
    return now


def test_a_second_signal_gives_no_more_time(clock: list[float]) -> None:
    shutdown = GracefulShutdown(grace_seconds=5)
    acted: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: acted.append(number))
    try:
        with shutdown.attempt():
            os.kill(os.getpid(), signal.SIGTERM)
            assert shutdown.told and not shutdown.release
            clock[0] += 4
            os.kill(os.getpid(), signal.SIGTERM)
            assert not shutdown.release
            clock[0] += 1
            assert shutdown.release and not acted
    finally:
        signal.signal(signal.SIGTERM, before)
    assert acted == [signal.SIGTERM]  # held back until the attempt had ended
