"""Stops and pauses: over HTTP, alone and with a crash before or behind them."""

import os
import signal
from time import monotonic, sleep

from app.db.datasets import rows
from app.db.imports import pauses
from app.domain.dataset import ORDERS
from app.domain.pause import Scope
from app.domain.states import State
from tests.crash.failpoints import FAILPOINTS
from tests.crash.harness import Harness
from tests.crash.kills import kill_one
from tests.waiting import stretched, wait_for

DECIDED = FAILPOINTS[FAILPOINTS.index("decided") :]
KILL_SECONDS = stretched(2)  # at an early failpoint there is nothing to kill
STOP_SECONDS = stretched(10)  # much more than it takes, and less than whoever holds a lock would hold it
PAUSED_SECONDS = 2.0  # the other worker would have claimed it and loaded it by then


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


def stop_and_wait(harness: Harness, id: str) -> State:
    """A stop that is over before the worker goes on: it must leave everything as the stop left it."""
    end = _stop(harness, id)
    harness.wait_final(id)
    harness.breakpoint.release()
    wait_for(lambda: harness.breakpoint.left, "the worker gave it up")
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


def pause(harness: Harness, id: str) -> State:
    """A pause by HTTP. It must win until the decision, and be refused afterwards."""
    answer = harness.stack.post(f"/v1/imports/{id}/pause")
    if harness.breakpoint.failpoint in DECIDED:
        assert answer.status_code == 409, f"a pause after the decision was answered {answer.status_code}"
        return State.COMMITTED
    assert answer.status_code == 202 and answer.json()["paused"], answer.text
    return _resume_later(harness, id)


def pause_and_crash(harness: Harness, id: str) -> State:
    """A pause that was recorded by a web server which ended just after that: the sweeper takes the import back."""
    with harness.services.database.begin() as connection:
        pauses.insert_pause(connection, Scope.IMPORT, id, "")
    wait_for(lambda: harness.find(id).paused, "the sweeper took it back")
    return _resume_later(harness, id)


def _resume_later(harness: Harness, id: str) -> State:
    """What it had loaded is undone while it is paused, nobody begins it, and the attempt does not count."""
    harness.breakpoint.release()
    wait_for(lambda: harness.breakpoint.left, "the worker gave it up")
    number = harness.find(id).number

    def is_undone() -> bool:
        with harness.services.database.uncommitted() as connection:
            return not rows.anything_left(connection, ORDERS, number)

    wait_for(is_undone, "nothing of it is left")
    sleep(PAUSED_SECONDS)
    found = harness.find(id)
    assert found.paused and is_undone(), f"it is {found.state} while it is paused"
    assert found.attempts == 0, f"the pause counts as {found.attempts} attempts"
    assert harness.stack.post(f"/v1/imports/{id}/resume").status_code == 202
    harness.wait_final(id)
    return State.COMMITTED
