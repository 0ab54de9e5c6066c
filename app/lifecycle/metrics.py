"""Metrics: figures for those who watch the whole installation, and which of them are beyond their bounds. Nothing here
changes anything."""

from dataclasses import dataclass

from app.config import Settings
from app.db import statistics
from app.db.database import Database
from app.db.imports import totals
from app.db.imports.backlog import measure_backlog
from app.db.imports.totals import StateFigures
from app.domain.states import State
from app.lifecycle.backlog import is_overloaded
from app.lifecycle.recovery import chores
from app.lifecycle.services import Services
from app.lifecycle.work_stats import WorkStats, summarize
from app.queue import Hints
from app.spool import Spool

LATELY_SECONDS = 3600.0
ENOUGH = 20  # fewer say nothing about a rate


@dataclass(frozen=True)
class QueueFigures:
    """How busy the installation is.

    Attributes:
        depth: imports that wait for a worker, by the ledger.
        running: imports that a worker is loading.
        workers: worker processes that are connected to the broker, each with its slots; None where it does not answer.
        hints: messages that wait in the broker; None where it does not answer. They may be more or fewer than `depth`.
        oldest_seconds: for how long the oldest of those that wait has waited; None where none does.
        rows_per_second: of the imports that committed lately; None before there are any.
    """

    depth: int
    running: int
    workers: int | None
    hints: int | None
    oldest_seconds: float | None
    rows_per_second: float | None


@dataclass(frozen=True)
class SweeperFigures:
    """How many sweepers run, and how often each chore has failed since they were started."""

    running: int
    failures: dict[str, int]


def measure_sweepers(spool: Spool, installation: str) -> SweeperFigures:
    """What the sweepers say of themselves, in the spool folder; raises `DatabaseUnavailable`."""
    return SweeperFigures(*chores.count_failures(spool, installation))


def measure_queue(database: Database, hints: Hints) -> QueueFigures:
    """How busy it is now; raises `DatabaseUnavailable`."""
    with database.begin() as connection:
        backlog = measure_backlog(connection)
    waiting = hints.queue_stats()
    rate, age = backlog.rows_per_second, backlog.oldest_seconds
    return QueueFigures(
        depth=backlog.waiting,
        running=backlog.running,
        workers=None if waiting is None else waiting.workers,
        hints=None if waiting is None else waiting.hints,
        oldest_seconds=None if age is None else round(age, 1),
        rows_per_second=None if rate is None else round(rate, 1),
    )


def measure_imports(database: Database) -> dict[State, StateFigures]:
    """What all imports amount to, by state, also those that are forgotten; raises `DatabaseUnavailable`."""
    with database.begin() as connection:
        return totals.measure_states(connection)


def measure_kinds(services: Services) -> list[WorkStats]:
    """How imports went within the last hour, and what each extension adds; raises `DatabaseUnavailable`."""
    with services.database.begin() as connection:
        found = [summarize("import", statistics.sample_imports(connection, LATELY_SECONDS))]
    for extension in services.extensions:
        found += extension.measure(services.database, services.settings, LATELY_SECONDS)
    return found


def find_excess(database: Database, settings: Settings, found: list[WorkStats]) -> list[str]:
    """A sentence for each bound that is passed: more waits than may, or too much of a kind goes wrong."""
    told = []
    if is_overloaded(database, settings.max_queued):
        told.append(f"{settings.max_queued:,} imports or more wait, so no more is taken for now")
    most = settings.overload_error_rate
    for kind in found:
        if kind.ended >= ENOUGH and kind.error_rate is not None and kind.error_rate > most:
            told.append(f"of {kind.kind}, {kind.error_rate:.0%} went wrong lately, and {most:.0%} is too much")
    return told
