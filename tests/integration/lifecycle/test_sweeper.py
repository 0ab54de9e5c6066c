"""Nothing ordinary ends the sweeper: an error of one chore keeps neither the others nor the next sweep from their
turn, and is said where people look."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from app import create_app
from app.db.imports import queries
from app.domain.states import State
from app.lifecycle import health
from app.lifecycle.imports import commit, rollback
from app.lifecycle.imports.loading.load import claim_next
from app.lifecycle.imports.stop import stop_import
from app.lifecycle.recovery import cleaner as recovery_cleaner, cleanup, sweeper as recovery_sweeper
from app.lifecycle.recovery.chores import Chores, list_failing
from app.lifecycle.recovery.cleaner import Cleaner
from app.lifecycle.recovery.sweeper import Sweeper, sweep_forever
from app.lifecycle.services import Services
from app.spool import FIGURES, FIGURES_SECONDS
from tests.in_doubt import accept_rows, end_lease, prepare
from tests.invariants import check, find
from tests.waiting import patience, wait_for

ERRORS = [OSError(5, "Input/output error"), KeyError("number"), ValueError("no state"), UnicodeError("no text")]
CHORES = ["_finish_branches", "_requeue_expired", "_fail_broken_uploads", "_fail_deserted", "_undo", "_hint"]

pytestmark = pytest.mark.in_turn


class Running:
    """A sweeper on a thread, as its process runs it; leaving it says whether it still ran."""

    def __init__(self, services: Services) -> None:
        self._services, self._end = services, Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> "Running":
        self._sweeping = self._pool.submit(sweep_forever, self._services, self._end.wait)
        return self

    def __exit__(self, *_: object) -> None:
        ended_before = self._sweeping.done()
        self._end.set()
        self._sweeping.result(patience())  # raises what ended it
        assert not ended_before
        self._pool.shutdown()


def raising(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("chore", CHORES)
def test_a_chore_that_fails_keeps_no_other_from_its_turn(
    services: Services, monkeypatch: pytest.MonkeyPatch, chore: str
) -> None:
    monkeypatch.setattr(Sweeper, chore, raising(ERRORS[CHORES.index(chore) % len(ERRORS)]))
    undone = prepare(services)
    stop_import(services, undone.id)
    over = prepare(services, decided=True)
    end_lease(services, over)
    old = services.spool.path("old")
    old.parent.mkdir(exist_ok=True)
    old.touch()
    os.utime(old, (0, 0))
    with Running(services):
        # what is undone is looked at between two sweeps as well
        wait_for(lambda: find(services, undone.number).state is State.STOPPED, "what was stopped is undone")
        wait_for(lambda: not old.exists(), "an orphan is deleted")
        if chore != "_finish_branches":
            wait_for(lambda: find(services, over.number).state is State.COMMITTED, "what was decided is committed")
        wait_for(
            lambda: chore.removeprefix("_") in list_failing(services.spool, services.installation),
            "it is said that the chore fails",
        )
        web = create_app(services.settings).test_client()
        assert chore.removeprefix("_") in web.get("/readyz").json["parts"]["recovery"]
        metrics = web.get("/metrics").get_data(as_text=True)
        assert f'backout_chore_failures_total{{chore="{chore.removeprefix("_")}"}}' in metrics
        assert "backout_sweepers 1.0" in metrics
        monkeypatch.undo()
        wait_for(lambda: not list_failing(services.spool, services.installation), "it is tried again")
        wait_for(lambda: find(services, over.number).state is State.COMMITTED, "what was decided is committed")
    check(services, over.number)
    check(services, undone.number)


def test_a_sweeper_that_is_missing_or_hangs_is_named(services: Services) -> None:
    def said() -> str:
        return health.check_parts(services)["sweeper"]

    assert "no sweeper" in said()
    Sweeper(services).chores.tell()
    assert said() == "ok"
    (figures,) = services.spool.folder.glob(f"{FIGURES}*")
    os.utime(figures, (time.time() - FIGURES_SECONDS - 1,) * 2)
    assert "no sweeper" in said()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["freeze.require_sweeping", "queries.list_undoing", "freeze.advance_generation"])
def test_no_error_ends_the_sweeper(
    services: Services, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    tried = Event()

    def fail(*_: object) -> None:
        tried.set()
        raise error

    monkeypatch.setattr(f"app.lifecycle.recovery.sweeper.{place}", fail)
    monkeypatch.setattr(recovery_sweeper, "FAILED_SECONDS", 0.01)
    undone = prepare(services)
    with Running(services):
        wait_for(tried.is_set, "it fails")
        monkeypatch.undo()
        stop_import(services, undone.id)
        wait_for(lambda: find(services, undone.number).state is State.STOPPED, "what was stopped is undone")
    check(services, undone.number)


def test_uploads_that_come_and_go_end_no_sweep(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery_cleaner, "CLEAN_SECONDS", 0.0)
    monkeypatch.setattr(recovery_cleaner, "LOOK_SECONDS", 0.02)
    services.spool.folder.mkdir(exist_ok=True)
    done, swept = Event(), []
    whole = cleanup.clean
    monkeypatch.setattr(recovery_cleaner.cleanup, "clean", lambda *given: (whole(*given), swept.append(1)))

    def come_and_go(writer: int) -> None:
        while not done.is_set():
            for at in range(50):
                services.spool.path(f"{writer}-{at}.part").touch()
            for at in range(50):
                services.spool.path(f"{writer}-{at}.part").unlink()

    often = replace(services, settings=services.settings.model_copy(update={"sweep_seconds": 0.02}))
    with ThreadPoolExecutor(2) as pool, Running(often):
        coming = [pool.submit(come_and_go, writer) for writer in range(2)]
        try:
            wait_for(lambda: len(swept) >= 20, "it has cleaned again and again")
        finally:
            done.set()
        for each in coming:
            each.result()
        assert list_failing(services.spool, services.installation) == {}


def test_a_cleaning_that_fails_once_is_not_waited_for_a_minute(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    chores = Chores(services)
    cleaner = Cleaner(services, chores)
    with monkeypatch.context() as patched:
        patched.setattr(cleanup, "_delete_temporary", raising(OSError("a moment without the disk")))
        cleaner.clean()
    chores.tell()
    assert set(list_failing(services.spool, services.installation)) == {"delete_temporary"}
    cleaner.clean()
    chores.tell()
    assert not list_failing(services.spool, services.installation)


def test_one_import_that_cannot_be_brought_to_its_end_holds_up_no_other(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, decided = [prepare(services) for _ in range(2)], [prepare(services, decided=True) for _ in range(2)]
    for row in stopped:
        stop_import(services, row.id)
    for row in decided:
        end_lease(services, row)
    roll_back, finish = rollback.finish_rollback, commit.finish
    bad = stopped[0].number, decided[0].number

    def unless_bad(act: Any) -> Any:
        return lambda *given: raising(ValueError("a bad row"))() if given[-1] in bad else act(*given)

    monkeypatch.setattr(recovery_sweeper.rollback, "finish_rollback", unless_bad(roll_back))
    monkeypatch.setattr(recovery_sweeper.commit, "finish", unless_bad(finish))
    sweeper = Sweeper(services)
    until = time.monotonic() + patience()
    while {find(services, row.number).state for row in (stopped[1], decided[1])} != {State.STOPPED, State.COMMITTED}:
        assert time.monotonic() < until
        sweeper.sweep()
    assert find(services, bad[0]).state is State.STOPPING and find(services, bad[1]).state is State.COMMITTING


def test_one_branch_that_cannot_be_finished_holds_up_no_other(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [prepare(services, decided=True) for _ in range(3)]
    for row in rows:
        end_lease(services, row)
    finish = recovery_sweeper.xa.commit_prepared

    def unless_first(session: Any, xid: Any) -> bool:
        if xid.number == rows[0].number:
            raise ValueError("no answer that is known")
        return finish(session, xid)

    monkeypatch.setattr(recovery_sweeper.xa, "commit_prepared", unless_first)
    Sweeper(services).sweep()
    assert [find(services, row.number).state for row in rows] == [State.COMMITTING, State.COMMITTED, State.COMMITTED]
    monkeypatch.undo()
    Sweeper(services).sweep()
    assert find(services, rows[0].number).state is State.COMMITTED


def test_a_row_of_the_ledger_that_cannot_be_read_holds_up_no_other(services: Services) -> None:
    """Neither in the sweeper nor in a worker."""
    bad, good = [prepare(services) for _ in range(2)]
    waiting, next_one = accept_rows(services), accept_rows(services)
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE imports SET options = '[1]' WHERE number IN (%s, %s)", (bad.number, waiting.number)
        )
    with pytest.raises(Exception):  # noqa: B017 — whatever it raises
        find(services, bad.number)
    for row in (bad, good):
        end_lease(services, row)
    sweeper = Sweeper(services)
    sweeper.sweep()
    sweeper.chores.tell()
    assert find(services, good.number).state is State.QUEUED
    assert "read_ledger" in list_failing(services.spool, services.installation)
    claimed = claim_next(services, "worker", only_small=False)
    assert claimed is not None and claimed.number in (good.number, next_one.number)
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE imports SET options = NULL")
    assert find(services, waiting.number).state is State.QUEUED and find(services, bad.number).state is State.RUNNING
    sweeper.sweep()
    sweeper.chores.tell()
    assert (
        list_failing(services.spool, services.installation) == {} and find(services, bad.number).state is State.QUEUED
    )


def test_waiting_imports_stay_where_they_are(services: Services) -> None:
    row = accept_rows(services)
    Sweeper(services).sweep()
    with services.database.begin() as connection:
        assert [event.kind for event in queries.list_events(connection, row.number)] == ["queued"]
