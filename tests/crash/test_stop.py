"""A stop at each instant against the commit: exactly one of them wins, and the answer says which."""

from collections.abc import Callable

import pytest

from app.domain.errors import AlreadyDecided
from app.domain.states import State
from app.lifecycle import stop
from app.lifecycle.drain import Draining
from app.lifecycle.load import load_next
from app.lifecycle.site import Site
from tests.crash.conftest import ROWS
from tests.crash.instants import INSTANTS, at_instant
from tests.invariants import converge, find

TOO_LATE = INSTANTS[INSTANTS.index("decided") :]


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_stop_wins_until_the_decision_and_never_after(
    site: Site, accept_import: Callable[[], int], branches: int, instant: str
) -> None:
    number = accept_import()
    id = find(site, number).id
    answers: list[bool] = []

    def ask() -> None:
        try:
            assert stop.stop_import(site, id).state in (State.STOPPING, State.STOPPED)
            answers.append(True)
        except AlreadyDecided:
            answers.append(False)

    with at_instant(instant, branches, ask):
        load_next(site, "worker", Draining(0))
    assert answers == [instant not in TOO_LATE]
    ended = converge(site, number)
    if answers == [True]:
        assert ended.state is State.STOPPED
    else:
        assert (ended.state, ended.rows_done) == (State.COMMITTED, ROWS)
    if answers == [True]:
        assert stop.stop_import(site, id).state is State.STOPPED
    else:
        with pytest.raises(AlreadyDecided):
            stop.stop_import(site, id)


def test_a_queued_import_is_stopped_at_once_without_any_worker(site: Site, accept_import: Callable[[], int]) -> None:
    number = accept_import()
    assert stop.stop_import(site, find(site, number).id).state is State.STOPPED
    assert load_next(site, "worker", Draining(0)) is None
    assert converge(site, number).state is State.STOPPED
