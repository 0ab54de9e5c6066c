"""Measure: figures for those who watch the whole installation. Nothing here changes anything."""

from dataclasses import dataclass

from app.db import measures
from app.db.database import Database
from app.db.imports import queries
from app.db.measures import StateFigures
from app.domain.states import State
from app.lifecycle.recovery import chores
from app.queue import Hints
from app.spool import Spool


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
        backlog = queries.measure_backlog(connection)
        age = measures.measure_age(connection)
    waiting = hints.queue_stats()
    rate = backlog.rows_per_second
    return QueueFigures(
        depth=backlog.waiting,
        running=backlog.running,
        workers=None if waiting is None else waiting.workers,
        hints=None if waiting is None else waiting.hints,
        oldest_seconds=None if age is None else round(age, 1),
        rows_per_second=None if rate is None else round(rate, 1),
    )


def measure_imports(database: Database) -> dict[State, StateFigures]:
    """What all imports in the ledger amount to, by state; raises `DatabaseUnavailable`."""
    with database.begin() as connection:
        return measures.measure_states(connection)
