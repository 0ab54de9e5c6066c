"""Stops: over HTTP, alone and with a crash before or behind them."""

import os
import signal
from time import monotonic

from app.db.datasets import rows
from app.domain.dataset import ORDERS
from app.domain.states import State
from tests.crash.failpoints import FAILPOINTS
from tests.crash.harness import Harness
from tests.crash.kills import kill_one
from tests.waiting import stretched, wait_for

DECIDED = FAILPOINTS[FAILPOINTS.index("decided") :]
KILL_SECONDS = stretched(2)  # at an early failpoint there is nothing to kill
STOP_SECONDS = stretched(10)  # much more than it takes, and less than whoever holds a lock would hold it


def stop(harness: Harness, id: str) -> State:
    """A stop by HTTP. It must win until the decision, and be refused afterwards."""
    return _stop(harness, id)


def stop_and_kill_process(harness: Harness, id: str) -> State:
    """A stop, then kill -9 of the process that loads, before it can notice."""
    end = _stop(harness, id)
    os.kill(harness.waiting, signal.SIGKILL)
    return end


def stop_and_kill_database(harness: Harness, id: str) -> State:
    """A stop, then kill -9 of the database server: what was answered must have been durable."""
    end = _stop(harness, id)
    kill_one("database")(harness, id)
    return end


def kill_worker_and_stop(harness: Harness, id: str) -> State:
    """kill -9 of the worker, then a stop while nobody works at the import."""
    harness.stack.kill(harness.stopped_at)
    end = _stop(harness, id)
    harness.ensure_up()
    return end


def stop_without_kill(harness: Harness, id: str) -> State:
    """A stop whose KILL of the load's connection is lost on its way, while there is no sweeper: the worker finds out by
    itself, at its decision or, sometimes before there was anything to kill, by its heartbeat."""
    harness.stack.kill("sweeper")
    loss = harness.proxies["web"].lose_answer("^KILL CONNECTION", arrives=False)
    end = _stop(harness, id)
    loss.happened.wait(KILL_SECONDS)  # it comes after the answer
    harness.proxies["web"].forget(loss)
    harness.breakpoint.release()
    wait_for(lambda: harness.breakpoint.left, "the worker found out")
    harness.ensure_up()
    return end


def stop_with_long_undo(harness: Harness, id: str) -> State:
    """A stop of so many rows that the server takes a while to undo them: `stopped` is said when none is left."""
    end = _stop(harness, id)
    harness.breakpoint.release()
    harness.wait_final(id)
    with harness.services.database.uncommitted() as connection:
        assert not rows.anything_left(connection, ORDERS, harness.find(id).number), (
            "it was called stopped before it was"
        )
    return end


def _stop(harness: Harness, id: str) -> State:
    failpoint = harness.breakpoint.failpoint
    begun = monotonic()
    answer = harness.stack.post(f"/v1/imports/{id}/stop")
    assert monotonic() - begun < STOP_SECONDS, "the stop waited for somebody"
    if failpoint in DECIDED:
        assert answer.status_code == 409, f"a stop after the decision was answered {answer.status_code}"
        return State.COMMITTED
    assert answer.status_code == 202 and answer.json()["state"] in ("stopping", "stopped"), answer.text
    return State.STOPPED
