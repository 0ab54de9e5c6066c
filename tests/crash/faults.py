"""Faults: what is done to a system whose worker waits at a failpoint. Each returns the import's end that must follow.

A fault that takes something away brings it back before it returns; from then on the system is on its own.
"""

import os
import signal
from collections.abc import Callable
from time import monotonic, sleep

from app.db import xa
from app.domain.imports import RecoveryAction
from app.domain.states import State
from app.domain.xid import parse_xid
from app.lifecycle.recovery import resolve
from tests import proxy
from tests.crash import collisions, kills, stops
from tests.crash.harness import Harness
from tests.waiting import wait_for

Fault = Callable[[Harness, str], State]


def terminate_worker(harness: Harness, id: str) -> State:
    """SIGTERM of the worker: it ends in good order, in a bounded time, between no PREPARE and its COMMIT."""
    worker = harness.stopped_at
    os.kill(harness.stack.pid(worker), signal.SIGTERM)
    os.kill(harness.waiting, signal.SIGTERM)  # as a service manager does, which signals every process of a service
    harness.breakpoint.release()
    begun = monotonic()
    code = harness.stack.wait_end(worker)
    assert code == 0, f"the worker ended with {code} after {monotonic() - begun:.1f} s"
    harness.ensure_up()
    harness.wait_final(id)
    # handed back or brought to its end: neither is a failed attempt
    assert harness.find(id).attempts == 1, f"took {harness.find(id).attempts} attempts"
    return State.COMMITTED


def freeze_worker(harness: Harness, id: str) -> State:
    """SIGSTOP of the worker until another has brought the import to its end, then SIGCONT: a zombie."""
    group = harness.stack.pid(harness.stopped_at)
    os.killpg(group, signal.SIGSTOP)
    try:
        harness.wait_final(id)  # the other worker does it
    finally:
        harness.breakpoint.release()
        os.killpg(group, signal.SIGCONT)
    wait_for(lambda: harness.breakpoint.left, "the zombie gave up")
    return State.COMMITTED


def wake_beside_next(harness: Harness, id: str) -> State:
    """SIGSTOP of the worker until the next attempt is half-way, then SIGCONT: a zombie meets a living attempt."""
    harness.second_breakpoint.arm("half loaded")
    group = harness.stack.pid(harness.stopped_at)
    os.killpg(group, signal.SIGSTOP)
    try:
        wait_for(lambda: harness.second_breakpoint.reached, "the next attempt is half-way")
    finally:
        harness.breakpoint.release()
        os.killpg(group, signal.SIGCONT)
    try:
        wait_for(lambda: harness.breakpoint.left, "the zombie gave up")
    finally:
        harness.second_breakpoint.release()
    return State.COMMITTED


def dawdle(harness: Harness, id: str) -> State:
    """The worker stays where it is for longer than a lease, and lives: nobody may take the import from it."""
    epoch = harness.find(id).epoch
    sleep(harness.services.settings.lease_seconds * 1.5)
    harness.breakpoint.release()
    harness.wait_final(id)
    assert harness.find(id).epoch == epoch, "a living attempt lost its import"
    return State.COMMITTED


def cut_network(harness: Harness, id: str) -> State:
    """Every connection of the worker to the database is reset."""
    harness.proxies[harness.stopped_at].cut()
    return State.COMMITTED


def freeze_network(harness: Harness, id: str) -> State:
    """Nothing passes between the worker and the database until the import has come to its end; then all of it does."""
    frozen = harness.proxies[harness.stopped_at]
    frozen.freeze()
    harness.breakpoint.release()
    try:
        harness.wait_final(id)  # the other worker does it
    finally:
        frozen.thaw()
    wait_for(lambda: harness.breakpoint.left, "the cut-off worker gave up")
    return State.COMMITTED


def lose_branch(harness: Harness, id: str) -> State:
    """After the decision somebody rolls a branch back by hand: it must not be called committed, nor stopped. What the
    operator's page says then ends it."""
    harness.stack.kill("sweeper", harness.stopped_at)  # or it would finish the branch first
    row = harness.find(id)
    with harness.services.database.session() as session:
        xids = [xid for raw in xa.list_prepared(session) if (xid := parse_xid(raw, harness.services.installation))]
        branch = next(xid for xid in xids if xid.number == row.number)
        assert xa.release(session, [branch]) and xa.roll_back_prepared(session, branch)
    wait_for(lambda: not harness.find(id).lease_live, "its lease is over")
    harness.ensure_up()
    wait_for(lambda: "lost_branch" in [event.kind for event in harness.events(id)], "the lost branch was reported")
    assert harness.find(id).state is State.COMMITTING, f"it is called {harness.find(id).state}"
    resolve.resolve(harness.services.database, harness.services.installation, id, RecoveryAction.ROLLBACK, "a person")
    return State.FAILED


def deliver_again(harness: Harness, id: str) -> State:
    """The same message twice more, to a worker that is free."""
    for _ in range(2):
        wait_for(lambda: harness.services.hints.publish(id), "the broker took it")
    return State.COMMITTED


def lose(statement: str, *, after: str | None = None, arrives: bool = True, attempts: int) -> Fault:
    """The answer to one of the worker's statements is lost, or (`arrives=False`) the statement itself is."""

    def strike(harness: Harness, id: str) -> State:
        loss = harness.proxies[harness.stopped_at].lose_answer(statement, after=after, arrives=arrives)
        harness.breakpoint.release()
        wait_for(loss.happened.is_set, f"the answer to {statement} was lost")
        harness.wait_final(id)
        assert harness.find(id).attempts == attempts, f"took {harness.find(id).attempts} attempts"
        return State.COMMITTED

    return strike


FAULTS: dict[str, Fault] = {
    "kill -9 process": kills.kill_process,
    "kill -9 worker": kills.kill_worker,
    "kill -9 worker, sweeper": kills.kill_worker_and_sweeper,
    "kill -9 sweeper": kills.kill_one("sweeper"),
    "kill -9 web": kills.kill_one("web"),
    "kill -9 database": kills.kill_one("database"),
    "kill -9 broker": kills.kill_one("broker"),
    "power cut": kills.cut_power,
    "SIGTERM worker": terminate_worker,
    "SIGSTOP, SIGCONT worker": freeze_worker,
    "network reset": cut_network,
    "network frozen": freeze_network,
    "stop": stops.stop,
    "stop, kill -9 process": stops.stop_and_kill_process,
    "stop, kill -9 database": stops.stop_and_kill_database,
    "kill -9 worker, stop": stops.kill_worker_and_stop,
    "stop, its kill lost": stops.stop_without_kill,
    "stop, long undo": stops.stop_with_long_undo,
    "stop, waited for": stops.stop_and_wait,
    "pause": stops.pause,
    "pause, kill -9 web": stops.pause_and_crash,
    "branch rolled back by hand": lose_branch,
    "slow worker": dawdle,
    "zombie beside the next": wake_beside_next,
    "second delivery": deliver_again,
    "PREPARE lost": lose(proxy.PREPARE, arrives=False, attempts=2),
    "answer to PREPARE lost": lose(proxy.PREPARE, attempts=2),
    "decision lost": lose(proxy.DECISION, arrives=False, attempts=2),
    "answer to decision's UPDATE lost": lose(proxy.DECISION, attempts=2),
    "decision's COMMIT lost": lose(proxy.DECISION_COMMIT, after=proxy.DECISION, arrives=False, attempts=2),
    "answer to decision's COMMIT lost": lose(proxy.DECISION_COMMIT, after=proxy.DECISION, attempts=1),
    "XA COMMIT lost": lose(proxy.XA_COMMIT, arrives=False, attempts=1),
    "answer to XA COMMIT lost": lose(proxy.XA_COMMIT, attempts=1),
    "1062 duplicate key": collisions.meet_duplicate,
    "1205 lock wait timeout": collisions.wait_too_long,
    "1213 deadlock": collisions.deadlock,
}
