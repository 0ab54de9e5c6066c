"""Everything that is read, or done again and again, while an installation stands: it must not grow with the history."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from app import create_app
from app.db.database import Connection
from app.db.handlings import transitions as handlings
from app.db.imports import queries, transitions, usage
from app.domain.caller import Reach
from app.domain.handling import HandlingState
from app.domain.states import State
from app.lifecycle import change_feed
from app.lifecycle.access import sessions, tokens
from app.lifecycle.imports import queries as import_queries
from app.lifecycle.recovery.chores import Chores
from app.lifecycle.recovery.cleaner import Cleaner
from app.lifecycle.recovery.sweeper import Sweeper
from app.lifecycle.services import Services

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
        def act() -> None:
            status = web.get(path).status_code
            assert status < 500 or path in ("/readyz", "/v1/queue"), status

        return act

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
