"""Totals of what has ended: each import is in them once, for good, and they are never late."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import pytest

from app.db.imports import queries, totals
from app.db.imports.totals import StateFigures
from app.db.migrate import upgrade
from app.domain.states import State
from app.lifecycle import freeze
from app.lifecycle.recovery import cleaner as recovery_cleaner, cleanup
from app.lifecycle.recovery.chores import Chores, list_failing
from app.lifecycle.recovery.cleaner import Cleaner, clean_forever
from app.lifecycle.services import Services
from tests.growth.history import fill
from tests.servers import DatabaseServer
from tests.waiting import wait_for

ENDED, QUEUED = 700, 5

pytestmark = pytest.mark.in_turn


def figures(services: Services) -> dict[State, StateFigures]:
    with services.database.begin() as connection:
        return totals.measure_states(connection)


def settled(services: Services) -> dict[int, int]:
    with services.database.begin() as connection:
        found = connection.exec_driver_sql("SELECT settled, COUNT(*) FROM imports GROUP BY settled")
        return {int(mark): int(count) for mark, count in found}


def clean_until(services: Services, expected: dict[int, int]) -> None:
    cleaner, steps = Cleaner(services, Chores(services)), 0
    while settled(services) != expected:
        cleaner.clean()
        assert (steps := steps + 1) < 100


@pytest.fixture
def history(database: DatabaseServer, services: Services) -> Services:
    with database.root() as cursor:
        fill(cursor, ENDED, QUEUED, events=1)
        cursor.execute("UPDATE imports SET kind = 'revert' WHERE finished_at IS NOT NULL ORDER BY number LIMIT 3")
    return services


def test_figures_are_the_same_before_after_and_in_between_and_when_history_is_gone(
    database: DatabaseServer, history: Services
) -> None:
    whole = figures(history)
    assert sum(found.imports for found in whole.values()) == ENDED - 3 + QUEUED
    assert (whole[State.QUEUED].imports, whole[State.COMMITTED].rows) == (QUEUED, whole[State.COMMITTED].imports * 20)
    with history.database.begin() as connection:
        before = queries.read_clock(connection)
        assert totals.fold(connection, 300) == 300
    assert figures(history) == whole and settled(history) == {0: ENDED - 300 + QUEUED, 2: 300}
    clean_until(history, {0: QUEUED, 2: ENDED})
    assert figures(history) == whole
    with history.database.begin() as connection:
        assert queries.list_changed(connection, before) == []  # nothing that somebody follows
    with database.root() as cursor:
        cursor.execute("UPDATE imports SET finished_at = finished_at - INTERVAL 100 DAY WHERE settled = 2")
    clean_until(history, {0: QUEUED})
    assert figures(history) == whole


def test_two_at_once_count_nothing_twice(history: Services) -> None:
    whole = figures(history)

    def fold() -> None:
        found = 1
        while found:
            with history.database.begin() as connection:
                found = totals.fold(connection, 50)

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(fold) for _ in range(3)]:
            each.result()
    assert figures(history) == whole and settled(history) == {0: QUEUED, 2: ENDED}


def test_an_import_that_is_not_counted_yet_is_not_forgotten(
    database: DatabaseServer, history: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = figures(history)
    with database.root() as cursor:
        cursor.execute("UPDATE imports SET finished_at = finished_at - INTERVAL 100 DAY WHERE finished_at IS NOT NULL")
        cursor.execute("UPDATE imports SET created_at = created_at - INTERVAL 100 DAY WHERE finished_at IS NOT NULL")
    monkeypatch.setattr(cleanup, "_fold_totals", lambda *_: None)
    cleanup.clean(history)
    assert figures(history) == whole and settled(history) == {0: ENDED + QUEUED}


def test_figures_are_whole_right_after_the_upgrade(database: DatabaseServer, history: Services) -> None:
    whole = figures(history)
    with database.root() as cursor:
        cursor.execute(
            "ALTER TABLE imports DROP INDEX imports_settled, DROP INDEX imports_of_state, DROP COLUMN settled"
        )
        cursor.execute("DROP TABLE backout_totals")
        cursor.execute("UPDATE alembic_version SET version_num = '0021'")
    for _ in range(2):  # one that was cut off runs again
        upgrade(database.owner_url)
    assert figures(history) == whole
    clean_until(history, {0: QUEUED, 2: ENDED})
    assert figures(history) == whole


def test_one_sweeper_cleans_and_none_while_sweeping_is_frozen(history: Services) -> None:
    chores = Chores(history)
    with history.database.alone(f"backout:clean:{history.installation}") as is_mine:
        assert is_mine
        assert Cleaner(history, chores).clean() == recovery_cleaner.LOOK_SECONDS
    freeze.freeze(history.database, "a test")
    assert Cleaner(history, chores).clean() == recovery_cleaner.LOOK_SECONDS
    assert settled(history) == {0: ENDED + QUEUED}


def test_no_error_ends_the_cleaner_and_it_is_said(
    history: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recovery_cleaner, "LOOK_SECONDS", 0.01)
    chores, told = Chores(history), Event()

    def fail(*_: object) -> None:
        raise KeyError("a moment")

    def is_said() -> bool:
        chores.tell()
        return "clean" in list_failing(history.spool, history.installation)

    with monkeypatch.context() as patched:
        patched.setattr(Cleaner, "_clean", fail)
        cleaner = Thread(target=clean_forever, args=(history, chores, told.wait))
        cleaner.start()
        wait_for(is_said, "the failure is said")
    wait_for(lambda: not is_said(), "it goes on")
    told.set()
    cleaner.join()
