"""A stop at each failpoint against the commit: exactly one of them wins, and the answer says which."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread

import pytest

from app.db import xa
from app.db.imports import queries, transitions
from app.domain.errors import AlreadyDecided, AttemptLost
from app.domain.states import State
from app.lifecycle.imports import stop
from app.lifecycle.imports.loading.attempt import Attempt
from app.lifecycle.imports.loading.load import claim, load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery.sweeper import Sweeper, sweep_forever
from app.lifecycle.services import Services
from tests.crash.attempts.conftest import ROWS
from tests.crash.failpoints import FAILPOINTS, at_failpoint
from tests.invariants import converge, find
from tests.waiting import patience, wait_for

TOO_LATE = FAILPOINTS[FAILPOINTS.index("decided") :]


@pytest.mark.in_turn
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_stop_wins_until_the_decision_and_never_after(
    services: Services, accept_import: Callable[[], int], branches: int, failpoint: str
) -> None:
    number = accept_import()
    id = find(services, number).id
    answers: list[bool] = []

    def ask() -> None:
        try:
            assert stop.stop_import(services, id).state in (State.STOPPING, State.STOPPED)
            answers.append(True)
        except AlreadyDecided:
            answers.append(False)

    with at_failpoint(failpoint, branches, ask):
        load_next(services, "worker", GracefulShutdown(0))
    assert answers == [failpoint not in TOO_LATE]
    ended = converge(services, number)
    if answers == [True]:
        assert ended.state is State.STOPPED
    else:
        assert (ended.state, ended.rows_done) == (State.COMMITTED, ROWS)
    if answers == [True]:
        assert stop.stop_import(services, id).state is State.STOPPED
    else:
        with pytest.raises(AlreadyDecided):
            stop.stop_import(services, id)


def test_what_was_stopped_between_its_claim_and_its_lock_is_not_begun(
    services: Services, accept_import: Callable[[], int]
) -> None:
    number = accept_import()
    row = claim(services.database, services.settings, number, "worker")
    assert row is not None
    stop.stop_import(services, row.id)  # finds no connection to kill
    attempt = Attempt(services.database, services.installation, row, GracefulShutdown(0))
    with pytest.raises(AttemptLost, match="before it began to load"):
        attempt.load(iter(()))
    attempt.abandon()
    assert converge(services, number).state is State.STOPPED


def test_a_queued_import_is_stopped_at_once_without_any_worker(
    services: Services, accept_import: Callable[[], int]
) -> None:
    number = accept_import()
    assert stop.stop_import(services, find(services, number).id).state is State.STOPPED
    assert load_next(services, "worker", GracefulShutdown(0)) is None
    assert converge(services, number).state is State.STOPPED


@pytest.mark.parametrize("table", ["receipts", "orders"])
def test_stopped_is_said_only_when_the_server_has_undone_everything(
    services: Services, accept_import: Callable[[], int], table: str
) -> None:
    number = accept_import()
    load_next(services, "worker", GracefulShutdown(0))
    assert find(services, number).state is State.COMMITTED
    stopped = accept_import()
    assert claim(services.database, services.settings, stopped, "a-worker-that-is-gone") is not None
    # what a server that has crashed still undoes after its start: nobody owns it, and no lock says so
    undoing = services.database.connect_branch()
    with undoing.cursor() as cursor:
        cursor.execute("BEGIN")
        if table == "receipts":
            cursor.execute(
                "INSERT INTO receipts (import_no, branch, kind, epoch) VALUES (%s, 1, 'load', 1)", (stopped,)
            )
        else:
            cursor.execute("UPDATE orders SET import_no = %s WHERE import_no = %s LIMIT 1", (stopped, number))
    assert stop.stop_import(services, find(services, stopped).id).state is State.STOPPING
    Sweeper(services).sweep()
    assert find(services, stopped).state is State.STOPPING
    undoing.rollback()
    undoing.close()
    Sweeper(services).sweep()
    assert find(services, stopped).state is State.STOPPED


def test_the_timeline_of_a_stop(services: Services, accept_import: Callable[[], int]) -> None:
    waiting, claimed, handed_back = (accept_import() for _ in range(3))
    assert claim(services.database, services.settings, claimed, "worker") and claim(
        services.database, services.settings, handed_back, "worker"
    )
    with services.database.begin() as connection:
        assert transitions.ledger.requeue(connection, handed_back, 1, detail={})
    for number, state in ((waiting, State.STOPPED), (claimed, State.STOPPING), (handed_back, State.STOPPING)):
        told = stop.stop_import(services, find(services, number).id)
        assert (told.state, told.finished_at is not None) == (state, state is State.STOPPED)
        assert stop.stop_import(services, told.id).sequence == told.sequence, "asked again, nothing changes"
        with services.database.begin() as connection:
            events = queries.list_events(connection, number)
        kinds = [event.kind for event in events]
        assert kinds[-1 if state is State.STOPPING else -2 :] == ["stopping", "stopped"][: 1 + (state is State.STOPPED)]
        assert [event.sequence for event in events] == list(range(1, told.sequence + 1))
    assert {converge(services, number).state for number in (waiting, claimed, handed_back)} == {State.STOPPED}


def test_a_stop_is_answered_before_anything_is_killed(
    services: Services, accept_import: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = accept_import()
    row = claim(services.database, services.settings, number, "worker")
    assert row is not None
    answered, killed = Event(), Event()
    after: list[bool] = []

    def kill_late(*_: object) -> bool:
        after.append(answered.wait(patience()))
        killed.set()
        return False

    with monkeypatch.context() as patched:
        patched.setattr(xa, "kill_owners", kill_late)
        assert stop.stop_import(services, row.id).state is State.STOPPING
        answered.set()
        assert killed.wait(patience()) and after == [True]
    assert converge(services, number).state is State.STOPPED


def test_between_two_sweeps_the_end_of_an_undo_is_not_waited_for(
    services: Services, accept_import: Callable[[], int]
) -> None:
    number = accept_import()
    row = claim(services.database, services.settings, number, "a-worker-that-is-gone")
    assert row is not None
    rested, told = Event(), Event()

    def pause(seconds: float) -> bool:
        rested.set()
        return told.wait(seconds)

    seldom = replace(services, settings=services.settings.model_copy(update={"sweep_seconds": 3600.0}))
    sweeper = Thread(target=sweep_forever, args=(seldom, pause))
    sweeper.start()
    try:
        assert rested.wait(patience())
        assert stop.stop_import(services, row.id).state is State.STOPPING
        wait_for(lambda: find(services, number).state is State.STOPPED, "long before the next sweep")
    finally:
        told.set()
        sweeper.join()


@pytest.mark.parametrize("failpoint", ["half loaded", "all prepared", "deciding"])
def test_a_stop_whose_kill_never_came_is_as_true(
    services: Services, accept_import: Callable[[], int], branches: int, failpoint: str
) -> None:
    number = accept_import()

    def decide_and_die() -> None:
        with services.database.begin() as connection:
            assert transitions.ledger.move(
                connection, number, {State.RUNNING}, State.STOPPING, decided_at=transitions.NOW
            )

    with at_failpoint(failpoint, branches, decide_and_die):
        load_next(services, "worker", GracefulShutdown(0))
    assert converge(services, number).state is State.STOPPED
