"""A chore that fails ends neither its sweep nor its sweeper, is counted, and is tried again."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from app.domain.errors import DatabaseUnavailable, LedgerFrozen, SpoolFull
from app.lifecycle.recovery import chores
from app.lifecycle.recovery.chores import Chores, count_failures, do_each, list_failing
from app.lifecycle.services import Services
from app.spool import Spool

ERRORS = [OSError(5, "Input/output error"), KeyError("number"), ValueError("no state"), UnicodeError("no text")]


class Standing:
    """As much of the services as chores need; `database` is itself."""

    installation = "0123456789abcdef"

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder, 1)
        self.database, self.is_away = self, False

    def ping(self) -> None:
        if self.is_away:
            raise DatabaseUnavailable("the database does not answer")


@pytest.fixture
def standing(tmp_path: Path) -> Standing:
    return Standing(tmp_path / "spool")


@pytest.fixture
def services(standing: Standing) -> Services:
    return cast("Services", standing)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(chores, "monotonic", lambda: now[0])
    return now


def fail(error: BaseException) -> Callable[[], None]:
    def chore() -> None:
        raise error

    return chore


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_chore_that_fails_is_counted_and_said_until_it_succeeds(services: Services, error: Exception) -> None:
    mine, others, done = Chores(services), Chores(services), []
    mine.run("tidy", fail(error))
    mine.run("sweep", lambda: done.append(1))
    others.run("tidy", fail(error))
    for each in (mine, others):
        each.tell()
    assert done == [1]
    assert count_failures(services.spool, services.installation) == (2, {"tidy": 2, "sweep": 0})
    assert (
        list_failing(services.spool, services.installation).keys() == {"tidy"}
        and type(error).__name__ in list_failing(services.spool, services.installation)["tidy"]
    )
    for each in (mine, others):
        each.run("tidy", lambda: None)
        each.tell()
    assert list_failing(services.spool, services.installation) == {} and count_failures(
        services.spool, services.installation
    ) == (2, {"tidy": 2, "sweep": 0})


def test_what_fails_on_and_on_is_tried_at_longer_intervals_and_does_not_stop(
    services: Services, clock: list[float]
) -> None:
    mine, tried = Chores(services), []

    def chore() -> None:
        tried.append(clock[0])
        raise OSError("again")

    while clock[0] < 160:
        mine.run("tidy", chore)
        clock[0] += 0.25
    pauses = [later - sooner for sooner, later in pairwise(tried)]
    assert pauses[0] == 0.25  # the second time at once
    assert pauses == sorted(pauses) and pauses[-1] == chores.MAX_PAUSE_SECONDS


def test_a_database_that_is_away_ends_the_sweep_and_one_refusal_does_not(
    services: Services, standing: Standing
) -> None:
    mine = Chores(services)
    mine.run("tidy", fail(DatabaseUnavailable("a lock was kept for long")))
    standing.is_away = True
    with pytest.raises(DatabaseUnavailable):
        mine.run("other", fail(DatabaseUnavailable("the database does not answer")))
    mine.tell()
    assert list_failing(services.spool, services.installation).keys() == {"tidy"}  # not the chore's fault


@pytest.mark.parametrize("error", [LedgerFrozen("look"), KeyboardInterrupt(), SystemExit()])
def test_what_ends_a_sweep_or_the_process_still_does(services: Services, error: BaseException) -> None:
    with pytest.raises(type(error)):
        Chores(services).run("tidy", fail(error))


def test_figures_that_cannot_be_kept_end_nothing(
    services: Services, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (SpoolFull("full"), OSError(30, "Read-only file system")):
        monkeypatch.setattr(standing.spool, "write_figures", lambda *_, error=error: fail(error)())
        Chores(services).tell()


def test_one_item_that_fails_keeps_no_other_from_its_turn() -> None:
    done: list[int] = []

    def act(item: int) -> None:
        if item % 2:
            raise ValueError(f"item {item}")
        done.append(item)

    with pytest.raises(ValueError, match="item 1"):
        do_each(range(5), act)
    assert done == [0, 2, 4]
