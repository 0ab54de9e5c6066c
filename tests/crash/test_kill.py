"""kill -9 of the worker at each instant: the import commits once, whole, by itself."""

import multiprocessing
import signal
from collections.abc import Callable

import pytest

from app.domain.states import State
from app.lifecycle import stop
from app.lifecycle.site import Site
from tests.crash.conftest import ROWS
from tests.crash.instants import INSTANTS
from tests.crash.worker import run_until
from tests.invariants import converge, find

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.crash.worker"])  # what it imports takes seconds


def run_doomed_worker(site: Site, instant: str) -> None:
    process = processes.Process(target=run_until, args=(instant, site.settings))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    process.close()


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    site: Site, accept_import: Callable[[], int], instant: str
) -> None:
    number = accept_import()
    run_doomed_worker(site, instant)
    ended = converge(site, number)
    assert (ended.state, ended.rows_done) == (State.COMMITTED, ROWS)


@pytest.mark.parametrize("instant", ["half loaded", "one prepared", "all prepared", "decided"])
def test_a_stop_after_the_kill_is_as_true_as_any(site: Site, accept_import: Callable[[], int], instant: str) -> None:
    number = accept_import()
    run_doomed_worker(site, instant)
    id = find(site, number).id
    if instant == "decided":
        with pytest.raises(stop.AlreadyDecided):
            stop.stop_import(site, id)
        assert converge(site, number).state is State.COMMITTED
    else:
        assert stop.stop_import(site, id).state in (State.STOPPING, State.STOPPED)
        assert converge(site, number).state is State.STOPPED
