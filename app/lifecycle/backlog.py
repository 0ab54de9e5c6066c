"""Backlog: how many imports wait for a worker, so whether more are accepted, and how long a new one will take."""

from math import inf
from time import monotonic

from app.db.database import Database
from app.db.imports.backlog import Backlog, measure_backlog
from app.db.imports.queries import count_queued
from app.domain.errors import Overloaded
from app.domain.imports import Import

BACKLOG_SECONDS = 1.0  # how old it may be: what is made of it is an estimate
WAITING_SECONDS = 0.25


def is_overloaded(database: Database, max_queued: int) -> bool:
    """Whether as many imports wait as are allowed to."""
    with database.begin() as connection:
        return count_queued(connection) >= max_queued


class BacklogCache:
    """What a process asked the ledger a moment ago: to ask costs more, the more imports wait."""

    def __init__(self, max_queued: int, worker_slots: int) -> None:
        self._max_queued, self._worker_slots = max_queued, worker_slots
        self._backlog: tuple[float, Backlog] | None = None
        self._waiting = -inf, 0

    def require_capacity(self, database: Database) -> None:
        """Raise `Overloaded` where as many imports wait as are allowed to; else count one more.

        The number is up to `WAITING_SECONDS` old. It is asked anew where more than half of those wait that may.
        """
        asked_at, known = self._waiting
        if monotonic() >= asked_at + WAITING_SECONDS or known >= self._max_queued / 2:
            with database.begin() as connection:
                asked_at, known = monotonic(), count_queued(connection)
        self._waiting = asked_at, known + 1
        if known >= self._max_queued:
            raise Overloaded(f"{self._max_queued:,} imports wait already: nothing was kept, send it again later")

    def estimate_seconds(self, database: Database, row: Import) -> float | None:
        """How long until a new import has committed, waiting included, at the rates that were measured lately; None
        while nothing was measured."""
        backlog = self._measure(database)
        if not backlog.rows_per_second:
            return None
        seconds = backlog.waiting_rows / backlog.rows_per_second
        if backlog.bytes_per_second:
            seconds += backlog.waiting_bytes / backlog.bytes_per_second
        elif backlog.waiting_bytes:
            return None
        # the import itself is part of what waits, or soon will be; the others share the slots with it
        own = _own_seconds(row, backlog)
        return None if own is None else round(own + max(seconds - own, 0) / self._worker_slots, 1)

    def _measure(self, database: Database) -> Backlog:
        known = self._backlog
        if known is None or monotonic() >= known[0] + BACKLOG_SECONDS:
            with database.begin() as connection:
                known = self._backlog = monotonic(), measure_backlog(connection)
        return known[1]


def _own_seconds(row: Import, backlog: Backlog) -> float | None:
    if row.source.generate is not None and backlog.rows_per_second:
        return row.source.generate / backlog.rows_per_second
    if row.source.bytes_total is not None and backlog.bytes_per_second:
        return row.source.bytes_total / backlog.bytes_per_second
    return None
