"""A move is one conditional update on the server: the first one wins, under its own epoch only."""

from contextlib import suppress

import pytest

from app.db.imports import queries as import_queries, transitions
from app.db.imports.backlog import measure_backlog
from app.domain.errors import DatabaseUnavailable
from app.domain.states import LEGAL_MOVES, State
from app.lifecycle.imports import stop
from app.lifecycle.services import Services
from tests.waiting import wait_for


def put(services: Services, state: State, epoch: int) -> int:
    """An import in this state."""
    with services.database.begin() as connection:
        values = {"id": f"{state}-import", "dataset": "orders", "generate_rows": 1}
        number = transitions.insert_import(connection, values)
        connection.exec_driver_sql(
            "UPDATE imports SET state = %s, epoch = %s, lease_until = NOW(6) + INTERVAL 1 MINUTE WHERE number = %s",
            (str(state), epoch, number),
        )
    return number


@pytest.mark.parametrize(("source", "target"), sorted(LEGAL_MOVES))
def test_only_the_first_of_two_wins_and_only_at_its_epoch(services: Services, source: State, target: State) -> None:
    number = put(services, source, epoch=3)
    with services.database.begin() as connection:
        assert not transitions.ledger.move(connection, number, {source}, target, at_epoch=2)
        assert transitions.ledger.move(connection, number, {source}, target, at_epoch=3)
        assert not transitions.ledger.move(connection, number, {source}, target, at_epoch=3)
        row = import_queries.find_numbered(connection, number)
        events = import_queries.list_events(connection, number)
    assert row is not None and row.state is target
    assert [event.kind for event in events] == ["queued", target]
    assert [event.sequence for event in events] == [1, 2]


def test_a_matching_update_that_changes_nothing_counts_as_one_row(services: Services) -> None:
    with services.database.begin() as connection:
        number = transitions.insert_import(connection, {"id": "same", "dataset": "orders", "generate_rows": 1})
        same = connection.exec_driver_sql("UPDATE imports SET priority = priority WHERE number = %s", (number,))
        assert same.rowcount == 1


def test_a_process_that_freezes_before_its_commit_does_not_hold_up_a_stop_for_long(services: Services) -> None:
    number = put(services, State.RUNNING, epoch=1)

    def stopped() -> bool:
        with suppress(DatabaseUnavailable):  # waited 5 s for the frozen one's lock
            stop.stop_import(services, f"{State.RUNNING}-import")
            return True
        return False

    with pytest.raises(DatabaseUnavailable), services.database.begin() as frozen:
        frozen.exec_driver_sql("UPDATE imports SET phase = 'frozen' WHERE number = %s", (number,))
        wait_for(stopped, "the server ends the frozen one's transaction")
    with services.database.begin() as connection:
        row = import_queries.find_numbered(connection, number)
    assert row is not None and row.state in (State.STOPPING, State.STOPPED) and row.phase != "frozen"


@pytest.mark.parametrize(("rows", "seconds"), [(1_000, 86_400), (2_000, 100), (1_000_000, 1)])
def test_the_measured_rate_is_exact_however_slow_or_fast(services: Services, rows: int, seconds: int) -> None:
    number = put(services, State.COMMITTED, epoch=1)
    waiting = put(services, State.QUEUED, epoch=1)
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE imports SET rows_done = %s, bytes_total = 100 * %s, attempt_started_at = NOW(6),"
            " finished_at = attempt_started_at + INTERVAL %s SECOND WHERE number = %s",
            (rows, rows, seconds, number),
        )
        backlog = measure_backlog(connection)
        row = import_queries.find_numbered(connection, waiting)
    assert backlog.rows_per_second == pytest.approx(rows / seconds, rel=0.01)
    assert backlog.bytes_per_second == pytest.approx(100 * rows / seconds, rel=0.01)
    assert row is not None and services.backlog_cache.estimate_seconds(services.database, row) is not None
