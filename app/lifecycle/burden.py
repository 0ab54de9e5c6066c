"""Burden: how the work went lately, and what of it is beyond bounds."""

from app.config import Settings
from app.db import statistics
from app.db.database import Database
from app.domain.work_stats import WorkStats, summarize
from app.lifecycle.imports.admission import is_overloaded
from app.lifecycle.services import Services

LATELY_SECONDS = 3600.0
ENOUGH = 20  # fewer say nothing about a rate


def measure_kinds(services: Services) -> list[WorkStats]:
    """How imports went within the last hour, and what each chapter adds; raises `DatabaseUnavailable`."""
    with services.database.begin() as connection:
        found = [summarize("import", statistics.sample_imports(connection, LATELY_SECONDS))]
    for extension in services.extensions:
        found += extension.measure(services, LATELY_SECONDS)
    return found


def find_excess(database: Database, settings: Settings, found: list[WorkStats]) -> list[str]:
    """A sentence for each bound that is passed: more waits than may, or too much of a kind goes wrong."""
    told = []
    if is_overloaded(database, settings):
        told.append(f"{settings.max_queued:,} imports or more wait, so no more is taken for now")
    most = settings.overload_error_rate
    for kind in found:
        if kind.ended >= ENOUGH and kind.error_rate is not None and kind.error_rate > most:
            told.append(f"of {kind.kind}, {kind.error_rate:.0%} went wrong lately, and {most:.0%} is too much")
    return told
