"""What is read, and done again and again, costs the same with a long history as with a short one."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest

from app import create_app
from app.db.database import Connection
from app.db.handlings import transitions as handlings
from app.db.imports import queries, totals, transitions, usage
from app.domain.caller import Reach
from app.domain.handling import HandlingState
from app.domain.states import State
from app.handling.extension import HandlingExtension
from app.lifecycle import change_feed
from app.lifecycle.access import sessions, tokens
from app.lifecycle.imports import queries as import_queries
from app.lifecycle.recovery import cleanup
from app.lifecycle.recovery.chores import Chores
from app.lifecycle.recovery.cleaner import Cleaner
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services, open_services
from tests.history import fill, rows_read
from tests.servers import DatabaseServer, make_settings

SHORT, LONG, QUEUED = 1000, 30_000, 300
ALLOWED, ASIDE = 1.5, 60  # times as many rows, and so many beside

PAGING = {"connection", "before", "limit"}
# a list that gets another filter fails here until there is a value for it, and then until it has an index
IMPORT_FILTERS: Mapping[str, list[Any]] = {
    "states": [[State.FAILED], [State.COMMITTED], [State.FAILED, State.COMMITTED, State.RUNNING]],
    "dataset": ["orders", "others"],
    "client": ["often", "seldom", "nobody"],
    "reach": [Reach("seldom"), Reach(None, frozenset({"others", "orders"})), Reach("seldom", frozenset({"orders"}))],
}
HANDLING_FILTERS: Mapping[str, list[Any]] = {
    "states": [[HandlingState.STOPPED], [HandlingState.STOPPED, HandlingState.RUNNING]],
    "client": ["often", "seldom", "nobody"],
}

pytestmark = pytest.mark.in_turn


def each_filter(listing: Callable[..., Any], filters: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the filters that a list has, by its signature."""
    names = sorted(set(inspect.signature(listing).parameters) - PAGING)
    for size in range(len(names) + 1):
        for some in combinations(names, size):
            for at in range(max((len(filters[name]) for name in some), default=1)):
                yield {name: filters[name][at % len(filters[name])] for name in some}


def reads(services: Services) -> dict[str, Callable[[], object]]:
    """Everything that is read or done while an installation stands and does nothing."""
    web = create_app(services.settings).test_client()
    with services.database.begin() as connection:
        middle = queries.list_imports(connection, states=[State.COMMITTED], limit=50)[-1]

    def get(path: str) -> Callable[[], object]:
        return lambda: web.get(path).status_code < 500 or path in ("/readyz", "/v1/queue") or pytest.fail(path)

    def ask(question: Callable[[Connection], object]) -> Callable[[], object]:
        def act() -> object:
            with services.database.begin() as connection:
                return question(connection)

        return act

    found: dict[str, Callable[[], object]] = {path: get(path) for path in ("/metrics", "/v1/queue", "/readyz", "/")}
    found["import"] = lambda: import_queries.find_import(services.database, middle.id)
    for before in (None, middle.number):
        for chosen in each_filter(queries.list_imports, IMPORT_FILTERS):
            found[f"imports {chosen} before {bool(before)}"] = ask(
                lambda connection, chosen=chosen, before=before: queries.list_imports(
                    connection, before=before, limit=50, **chosen
                )
            )
    for chosen in each_filter(handlings.list_handlings, HANDLING_FILTERS):
        found[f"handlings {chosen}"] = ask(
            lambda connection, chosen=chosen: handlings.list_handlings(connection, limit=50, **chosen)
        )
    found |= {
        "due": ask(lambda connection: transitions.list_due(connection, 1)),
        "due small": ask(lambda connection: transitions.list_due(connection, 1, only_small=True)),
        "last row counts": ask(lambda connection: queries.list_last_row_counts(connection, "orders", 2**31, 20)),
        "usage": ask(lambda connection: usage.measure_usage(connection, "often", 3600)),
        "poll": lambda: change_feed.find_cursor(services.database),
        "tokens": lambda: tokens.list_tokens(services.database),
        "sessions": lambda: sessions.list_sessions(services.database),
        "sweep": Sweeper(services).sweep,
        "undo": Sweeper(services).undo,
        "clean": lambda: Cleaner(services, Chores(services)).clean(),
    }
    return found


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
def test_no_read_and_no_chore_grows_with_the_history(database: DatabaseServer, tmp_path: Any) -> None:
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
