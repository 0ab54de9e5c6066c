"""Kills: kill -9 of each of our processes and servers, which start again."""

import os
import signal
from collections.abc import Callable

from app.domain.states import State
from tests.crash.harness import Harness


def kill_process(harness: Harness, id: str) -> State:
    """kill -9 of the process that loads; Celery's parent lives and makes another."""
    os.kill(harness.waiting, signal.SIGKILL)
    return State.COMMITTED


def kill_worker(harness: Harness, id: str) -> State:
    """kill -9 of the worker with its children."""
    harness.stack.kill(harness.stopped_at)
    harness.ensure_up()
    return State.COMMITTED


def kill_worker_and_sweeper(harness: Harness, id: str) -> State:
    """kill -9 of both; another sweeper starts later."""
    harness.stack.kill(harness.stopped_at, "sweeper")
    harness.ensure_up()
    return State.COMMITTED


def kill_one(name: str) -> Callable[[Harness, str], State]:
    """kill -9 of our sweeper or web server, or of the database or broker, which starts again."""

    def strike(harness: Harness, id: str) -> State:
        if name in harness.servers:
            harness.servers[name].kill()
        else:
            harness.stack.kill(name)
        harness.breakpoint.release()
        harness.ensure_up()
        return State.COMMITTED

    return strike


def cut_power(harness: Harness, id: str) -> State:
    """kill -9 of everything at once."""
    harness.stack.kill()
    for server in harness.servers.values():
        server.kill()
    harness.ensure_up()
    return State.COMMITTED
