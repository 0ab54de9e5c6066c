"""Kills: kill -9 of each of our processes and servers, which start again."""

import os
import signal
from collections.abc import Callable

from app.domain.states import State
from tests.crash.rig import Rig


def kill_process(rig: Rig, id: str) -> State:
    """kill -9 of the process that loads; Celery's parent lives and makes another."""
    os.kill(rig.waiting, signal.SIGKILL)
    return State.COMMITTED


def kill_worker(rig: Rig, id: str) -> State:
    """kill -9 of the worker with its children."""
    rig.stack.kill(rig.stopped_at)
    rig.ensure_up()
    return State.COMMITTED


def kill_worker_and_sweeper(rig: Rig, id: str) -> State:
    """kill -9 of both; another sweeper starts later."""
    rig.stack.kill(rig.stopped_at, "sweeper")
    rig.ensure_up()
    return State.COMMITTED


def kill_one(name: str) -> Callable[[Rig, str], State]:
    """kill -9 of our sweeper or web server, or of the database or broker, which starts again."""

    def strike(rig: Rig, id: str) -> State:
        if name in rig.servers:
            rig.servers[name].kill()
        else:
            rig.stack.kill(name)
        rig.breakpoint.release()
        rig.ensure_up()
        return State.COMMITTED

    return strike


def cut_power(rig: Rig, id: str) -> State:
    """kill -9 of everything at once."""
    rig.stack.kill()
    for server in rig.servers.values():
        server.kill()
    rig.ensure_up()
    return State.COMMITTED
