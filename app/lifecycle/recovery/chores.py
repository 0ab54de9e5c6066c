"""Chores: what a sweeper does again and again, each so that its error ends neither the sweep nor the sweeper."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic
from typing import TypeVar

import structlog

from app.domain.errors import DatabaseUnavailable, LedgerFrozen, SpoolFull, SpoolUnavailable
from app.lifecycle.services import Services
from app.spool import Spool

FIRST_PAUSE_SECONDS = 0.5  # after a second failure in a row, and doubled with each one that follows
MAX_PAUSE_SECONDS = 10.0
TELL_SECONDS = 10.0  # how often a sweeper says that it is there
SENTENCE = 300

Item = TypeVar("Item")

log = structlog.get_logger(__name__)


class Chores:
    """Runs one sweeper's chores, counts those that failed, and says which fail now. Its threads share it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._name = secrets.token_hex(8)
        self._lock = Lock()
        self._failures: Counter[str] = Counter()
        self._failing: dict[str, str] = {}
        self._in_a_row: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._told: object = None
        self._told_at = float("-inf")

    def run(self, name: str, chore: Callable[[], object]) -> None:
        """Run a chore. One that fails is logged, counted, and run again by a later sweep; after a second failure in a
        row not at once.

        Raises what ends a sweep: `LedgerFrozen`, and `DatabaseUnavailable` where the database does not answer at all.
        """
        if monotonic() < self._not_before.get(name, 0):
            return
        with self._lock:
            self._failures.setdefault(name, 0)  # a metric is there before it rises
        try:
            chore()
        except LedgerFrozen:
            raise
        except DatabaseUnavailable as error:
            self._services.database.ping()  # raises where it is away; else this chore alone was refused
            self.fail(name, error)
        except Exception as error:  # noqa: BLE001 — the boundary of a chore: the others are run whatever it was
            self.fail(name, error)
        else:
            self.succeed(name)

    def succeed(self, name: str) -> None:
        """What failed before does so no more."""
        with self._lock:
            for known in (self._failing, self._in_a_row, self._not_before):
                known.pop(name, None)

    def is_failing(self, name: str) -> bool:
        """Whether the chore failed when it was last run."""
        return name in self._failing

    def fail(self, name: str, error: Exception) -> None:
        """Log and count a failure."""
        told = f"{type(error).__name__}: {error}"[:SENTENCE]
        with self._lock:
            self._failures[name] += 1
            self._in_a_row[name] += 1
            row = self._in_a_row[name]
            if row > 1:
                pause = min(FIRST_PAUSE_SECONDS * 2 ** min(row - 2, 10), MAX_PAUSE_SECONDS)
                self._not_before[name] = monotonic() + pause
            self._failing[name] = told
        log.error("chore_failed", chore=name, error=told, in_a_row=row, exc_info=error if row == 1 else None)

    def tell(self) -> None:
        """Keep in the spool folder, for web servers, what failed: at once where that has changed. Raises nothing."""
        with self._lock:
            figures = {"failures": dict(self._failures), "failing": dict(self._failing)}
        if figures == self._told and monotonic() < self._told_at + TELL_SECONDS:
            return
        try:
            self._services.spool.write_figures(self._services.installation, self._name, figures)
        except (OSError, SpoolFull, SpoolUnavailable, DatabaseUnavailable) as error:
            log.warning("figures_not_kept", error=str(error))
        self._told, self._told_at = figures, monotonic()


def do_each(items: Iterable[Item], act: Callable[[Item], object]) -> None:
    """Do something with each item, so that an error with one keeps it from none of the others; raises the first error
    after that. What ends a sweep is raised at once, as in `Chores.run`."""
    first: Exception | None = None
    for item in items:
        try:
            act(item)
        except (LedgerFrozen, DatabaseUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 — raised below
            if first is not None:
                log.error("another_failed", error=f"{type(error).__name__}: {error}")
            first = first or error
    if first is not None:
        raise first


def list_failing(spool: Spool, installation: str) -> dict[str, str]:
    """Which chores fail now, each with its error, by what the sweepers that run say."""
    failing: dict[str, str] = {}
    for figures in spool.read_figures(installation):
        failing |= figures.get("failing", {})
    return failing


def count_failures(spool: Spool, installation: str) -> tuple[int, dict[str, int]]:
    """How many sweepers run, and how often each chore has failed since these were started."""
    found = spool.read_figures(installation)
    failures: Counter[str] = Counter()
    for figures in found:
        failures.update(figures.get("failures", {}))
    return len(found), dict(failures)
