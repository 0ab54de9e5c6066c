"""Stops: over HTTP, alone and with a crash before or behind them."""

import os
import signal
from time import monotonic

from app.db.datasets import rows
from app.domain.dataset import ORDERS
from app.domain.states import State
from tests.crash.instants import INSTANTS
from tests.crash.kills import kill_one
from tests.crash.rig import Rig
from tests.stack import wait_for

DECIDED = INSTANTS[INSTANTS.index("decided") :]
FROZEN_SECONDS = 30
KILL_SECONDS = 2  # at an early instant there is nothing to kill
STOP_SECONDS = 3  # much less than a lock of the ledger is waited for; on a busy machine much more than it takes


def stop(rig: Rig, id: str) -> State:
    """A stop by HTTP. It must win until the decision, and be refused afterwards."""
    return _stop(rig, id)


def stop_and_kill_process(rig: Rig, id: str) -> State:
    """A stop, then kill -9 of the process that loads, before it can notice."""
    end = _stop(rig, id)
    os.kill(rig.waiting, signal.SIGKILL)
    return end


def stop_and_kill_database(rig: Rig, id: str) -> State:
    """A stop, then kill -9 of the database server: what was answered must have been durable."""
    end = _stop(rig, id)
    kill_one("database")(rig, id)
    return end


def kill_worker_and_stop(rig: Rig, id: str) -> State:
    """kill -9 of the worker, then a stop while nobody works at the import."""
    rig.stack.kill(rig.stopped_at)
    end = _stop(rig, id)
    rig.ensure_up()
    return end


def stop_without_kill(rig: Rig, id: str) -> State:
    """A stop whose KILL of the load's connection is lost on its way, while there is no sweeper: the worker finds out by
    itself, at its decision or, sometimes before there was anything to kill, by its heartbeat."""
    rig.stack.kill("sweeper")
    loss = rig.proxies["web"].lose_answer("^KILL CONNECTION", arrives=False)
    end = _stop(rig, id)
    loss.happened.wait(KILL_SECONDS)  # it comes after the answer
    rig.proxies["web"].forget(loss)
    rig.breakpoint.release()
    wait_for(lambda: rig.breakpoint.left, FROZEN_SECONDS, "the worker found out")
    rig.ensure_up()
    return end


def stop_with_long_undo(rig: Rig, id: str) -> State:
    """A stop of so many rows that the server takes a while to undo them: `stopped` is said when none is left."""
    end = _stop(rig, id)
    rig.breakpoint.release()
    rig.wait_final(id)
    with rig.services.database.uncommitted() as connection:
        assert not rows.anything_left(connection, ORDERS, rig.find(id).number), "it was called stopped before it was"
    return end


def _stop(rig: Rig, id: str) -> State:
    instant = rig.breakpoint.instant
    begun = monotonic()
    answer = rig.stack.post(f"/v1/imports/{id}/stop")
    assert monotonic() - begun < STOP_SECONDS, "the stop waited for somebody"
    if instant in DECIDED:
        assert answer.status_code == 409, f"a stop after the decision was answered {answer.status_code}"
        return State.COMMITTED
    assert answer.status_code == 202 and answer.json()["state"] in ("stopping", "stopped"), answer.text
    return State.STOPPED
