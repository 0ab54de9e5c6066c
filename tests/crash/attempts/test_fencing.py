"""Only one attempt counts: zombies are fenced, doubled messages are harmless, foreign branches are left alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from app.domain.errors import ImportFailed
from app.domain.states import State
from app.domain.xid import FORMAT_ID, RawXid, Xid
from app.lifecycle.imports.loading.heartbeat import Heartbeat
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services
from tests.crash.attempts.conftest import ROWS
from tests.crash.failpoints import at_failpoint
from tests.in_doubt import list_raw, prepared_by_another
from tests.invariants import converge
from tests.waiting import patience


@pytest.fixture
def frozen_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that was stopped: its heartbeat does not beat either."""
    monkeypatch.setattr(Heartbeat, "_beat", lambda self: None)


@pytest.mark.in_turn
@pytest.mark.usefixtures("frozen_heartbeat")
@pytest.mark.parametrize("failpoint", ["claimed", "lock held", "half loaded", "all prepared", "deciding"])
def test_a_zombie_is_fenced_by_its_epoch(
    services: Services, accept_import: Callable[[], int], branches: int, failpoint: str
) -> None:
    number = accept_import()
    reached, resume = Event(), Event()

    def freeze() -> None:
        reached.set()
        assert resume.wait(patience())

    with ThreadPoolExecutor(1) as pool:
        with at_failpoint(failpoint, branches, freeze):
            zombie = pool.submit(load_next, services, "zombie", GracefulShutdown(0))
            assert reached.wait(patience())
        ended = converge(services, number)
        assert (ended.state, ended.worker) == (State.COMMITTED, "a-later-worker")
        resume.set()
        zombie.result(patience())
    after = converge(services, number)
    assert (after.state, after.epoch, after.rows_done) == (State.COMMITTED, ended.epoch, ROWS)


def test_one_import_is_loaded_once_however_many_messages_there_are(
    services: Services, accept_import: Callable[[], int]
) -> None:
    number = accept_import()
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda worker: load_next(services, f"worker-{worker}", GracefulShutdown(0)), range(4)))
    assert len([id for id in loaded if id is not None]) == 1
    ended = converge(services, number)
    assert (ended.state, ended.attempts, ended.rows_done) == (State.COMMITTED, 1, ROWS)


@pytest.mark.parametrize(
    "raw",
    [
        RawXid(1, b"somebody-else", b"1"),
        RawXid(FORMAT_ID, b"\xff\x00\xfe", b"\x80"),
        RawXid(FORMAT_ID, b"backout:0123456789abcdef:1:1", b"1"),
    ],
    ids=["another-program", "bytes-that-are-no-text", "another-installation"],
)
def test_a_foreign_branch_is_never_touched(services: Services, accept_import: Callable[[], int], raw: RawXid) -> None:
    with prepared_by_another(services, raw):
        number = accept_import()
        assert converge(services, number).state is State.COMMITTED
        Sweeper(services).sweep()
        assert list_raw(services) == {raw}


def test_a_branch_of_ours_without_an_import_is_reported_and_left(services: Services, capsys: Any) -> None:
    raw = Xid(services.installation, 4_000_000_001, 1, 1).raw()
    with prepared_by_another(services, raw):
        sweeper = Sweeper(services)
        sweeper.sweep()
        sweeper.sweep()
        assert list_raw(services) == {raw}
    assert capsys.readouterr().err.count("unknown_branch") == 1


def test_an_import_that_breaks_every_time_fails_after_a_bounded_number_of_attempts(
    services: Services, accept_import: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.lifecycle.imports.requeue.RETRY_SECONDS", 0.01)

    def break_down(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr("app.db.datasets.rows.load_payload", break_down)
    number = accept_import()
    ended = converge(services, number)
    assert (ended.state, ended.attempts) == (State.FAILED, services.settings.max_attempts)
    assert ended.error is not None
    assert ended.error["code"] == "gave_up" and "the disk is on fire" in ended.error["message"]


def test_what_no_other_attempt_would_mend_fails_at_once(
    services: Services, accept_import: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ImportFailed("not_a_number", "quantity is no number", line=7, column="quantity", value="x")

    monkeypatch.setattr("app.db.datasets.rows.load_payload", refuse)
    number = accept_import()
    ended = converge(services, number)
    assert (ended.state, ended.attempts) == (State.FAILED, 1)
    assert ended.error is not None and ended.error["line"] == 7
