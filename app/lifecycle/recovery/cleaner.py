"""The cleaner: a thread of the sweeper's process. It removes what outlived its use, and adds to the totals what ended.

It is no part of the sweep: what waits to be recovered does not wait for it. It takes short steps, and rests after each
for as long as it took, or for longer while anything loads. Of several sweepers one cleans at a time.
"""

from collections.abc import Callable
from functools import partial
from time import monotonic

import structlog

from app.db.imports import queries
from app.domain.errors import DatabaseUnavailable, LedgerFrozen
from app.domain.states import LEASED
from app.lifecycle import freeze
from app.lifecycle.recovery import cleanup
from app.lifecycle.recovery.chores import Chores
from app.lifecycle.services import Services

CLEAN_SECONDS = 60.0
LOOK_SECONDS = 1.0  # until the next look at the clock, or what failed is tried again
REST = 1.0  # times what a step took
REST_BESIDE_LOADS = 3.0
MIN_REST_SECONDS = 0.02

log = structlog.get_logger(__name__)


class Cleaner:
    """Cleans again and again; remembers what has more to do."""

    def __init__(self, services: Services, chores: Chores) -> None:
        self._services, self._chores = services, chores
        self._cleaned_at = float("-inf")
        self._unclean: set[str] = set()  # chores that had more to do
        self._failing: set[str] = set()

    def clean(self) -> float:
        """Everything once a minute; of what had more to do, one step more. Returns for how many seconds to rest. Does
        nothing while sweeping is frozen, or another sweeper cleans. Raises `DatabaseUnavailable`."""
        services, begun = self._services, monotonic()
        is_due = begun >= self._cleaned_at + CLEAN_SECONDS
        if not is_due and not self._unclean and not self._failing:
            return LOOK_SECONDS
        try:
            freeze.require_sweeping(services)
            with services.database.alone(f"backout:clean:{services.installation}") as is_mine:
                if not is_mine:
                    return LOOK_SECONDS
                if is_due:
                    self._cleaned_at = begun
                self._clean(is_due)
        except LedgerFrozen:  # the sweep says so
            return LOOK_SECONDS
        if not self._unclean:
            return LOOK_SECONDS
        took = monotonic() - begun
        return max(took * (REST_BESIDE_LOADS if self._is_loading() else REST), MIN_REST_SECONDS)

    def _clean(self, is_due: bool) -> None:
        services = self._services
        again = self._unclean | self._failing

        def run(name: str, chore: Callable[[], object]) -> None:
            if is_due or name in again:
                self._unclean.discard(name)
                self._chores.run(name, lambda: self._unclean.add(name) if chore() is True else None)
                self._failing.discard(name)
                if self._chores.is_failing(name):
                    self._failing.add(name)

        cleanup.clean(services, run)
        for extension in services.extensions:
            run(f"clean_{extension.name}", partial(extension.clean, services.database, services.settings))

    def _is_loading(self) -> bool:
        with self._services.database.begin() as connection:
            return queries.is_any_in_state(connection, LEASED)


def clean_forever(services: Services, chores: Chores, pause: Callable[[float], bool]) -> None:
    """Clean until `pause`, which waits for so many seconds, says to end. A database that is away is waited for, and no
    error ends it; `chores` are the sweeper's, which says what failed."""
    cleaner, seconds = Cleaner(services, chores), 0.0
    while not pause(seconds):
        try:
            seconds = cleaner.clean()
        except DatabaseUnavailable as error:
            seconds = LOOK_SECONDS
            log.warning("cleaning_cut_short", error=error.detail)
        except Exception as error:  # noqa: BLE001 — nothing else cleans
            seconds = LOOK_SECONDS
            chores.fail("clean", error)
        else:
            chores.succeed("clean")
