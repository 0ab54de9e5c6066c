"""Pauses: over HTTP, and one whose web server ended before it had taken the import back."""

from time import sleep

from app.db.datasets import rows
from app.db.imports import pauses
from app.domain.dataset import ORDERS
from app.domain.pause import Scope
from app.domain.states import State
from tests.crash.harness import Harness
from tests.crash.stops import DECIDED
from tests.waiting import wait_for

PAUSED_SECONDS = 2.0  # the other worker would have claimed it and loaded it by then


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
