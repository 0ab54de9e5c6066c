"""What is read, and done again and again, costs the same with a long history as with a short one."""

from pathlib import Path

import pytest

from app.db.imports import totals
from app.domain.states import State
from app.handling.extension import HandlingExtension
from app.lifecycle.recovery import cleanup
from app.lifecycle.services import Services, open_services
from tests.growth.history import fill, rows_read
from tests.growth.reads import reads
from tests.servers import DatabaseServer, make_settings

SHORT, LONG, QUEUED = 1000, 30_000, 300
ALLOWED, ASIDE = 1.5, 60  # times as many rows, and so many beside

pytestmark = pytest.mark.in_turn


def measure(services: Services, server: DatabaseServer) -> dict[str, int]:
    """How many rows each of them reads: the second time, when what is kept in the process is there."""
    found = {}
    with server.root() as cursor:
        rows_read(cursor)
        aside = -rows_read(cursor) + rows_read(cursor)
        for name, act in reads(services).items():
            act()
            before = rows_read(cursor)
            act()
            found[name] = rows_read(cursor) - before - aside
    return found


@pytest.mark.timeout(300)
def test_no_read_and_no_chore_grows_with_the_history(database: DatabaseServer, tmp_path: Path) -> None:
    services = open_services(make_settings(database.url, tmp_path / "spool"), extensions=(HandlingExtension(),))
    found = []
    for ended in (SHORT, LONG - SHORT):
        with database.root() as cursor:
            fill(cursor, ended, QUEUED if not found else 0, handlings=max(600, ended // 10), events=3)
        while cleanup._fold_totals(services.database):
            pass
        found.append(measure(services, database))
    grown = {name: (rows, found[1][name]) for name, rows in found[0].items() if found[1][name] > rows * ALLOWED + ASIDE}
    assert grown == {}
    with services.database.begin() as connection:
        figures = totals.measure_states(connection)
    assert sum(figures[state].imports for state in State) == LONG + QUEUED
    services.database.dispose()
