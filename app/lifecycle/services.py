"""What every verb of the story works with: the settings and the places they name."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import inf
from time import monotonic

from app.config import Settings
from app.db.database import Connection, Database
from app.db.imports import transitions
from app.db.imports.queries import Backlog, count_queued, measure_backlog
from app.lifecycle.extension import Extension
from app.queue import Hints, create_celery
from app.spool import Spool

BACKGROUND_THREADS = 2
BACKLOG_SECONDS = 1.0  # how old it may be: what is made of it is an estimate
WAITING_SECONDS = 0.25


class BacklogCache:
    """What a process asked not long ago, and may say again: it costs the more the more imports wait."""

    def __init__(self, max_waiting: int) -> None:
        self._most_waiting = max_waiting
        self._backlog: tuple[float, Backlog] | None = None
        self._waiting = -inf, 0

    def backlog(self, database: Database) -> Backlog:
        """`measure_backlog`, as it was `BACKLOG_SECONDS` ago at most; raises `DatabaseUnavailable`."""
        known = self._backlog
        if known is None or monotonic() >= known[0] + BACKLOG_SECONDS:
            with database.begin() as connection:
                known = self._backlog = monotonic(), measure_backlog(connection)
        return known[1]

    def waiting(self, connection: Connection) -> int:
        """How many imports wait, for one that is about to: as it was `WAITING_SECONDS` ago at most, and one more for
        each that has asked since. Asked anew where more than half of those wait that may."""
        asked_at, known = self._waiting
        if monotonic() >= asked_at + WAITING_SECONDS or known >= self._most_waiting / 2:
            asked_at, known = monotonic(), count_queued(connection)
        self._waiting = asked_at, known + 1
        return known


@dataclass(frozen=True)
class Services:
    """One process's view of the installation."""

    settings: Settings
    database: Database
    spool: Spool
    hints: Hints
    backlog_cache: BacklogCache
    extensions: tuple[Extension, ...] = ()  # what else there is; the story of imports knows no more of them than that

    @cached_property
    def installation(self) -> str:
        """The random id that marks this installation's branches; raises `DatabaseUnavailable`."""
        with self.database.begin() as connection:
            return transitions.installation_id(connection)

    @cached_property
    def background(self) -> ThreadPoolExecutor:
        """For what need not be waited for. Few threads: each takes a connection from whoever answers a request."""
        return ThreadPoolExecutor(BACKGROUND_THREADS, thread_name_prefix="aside")


def open_services(settings: Settings, *, pool_size: int = 10, extensions: tuple[Extension, ...] = ()) -> Services:
    """The places that these settings name; nothing is connected to before it is used. Whoever wires a process knows the
    `extensions` that it has."""
    return Services(
        settings=settings,
        database=Database(settings.database, lock_wait_seconds=settings.lock_wait_seconds, pool_size=pool_size),
        spool=Spool(settings.spool_dir, settings.max_upload_bytes),
        hints=Hints(create_celery(settings), settings.publish_timeout_seconds),
        backlog_cache=BacklogCache(settings.max_queued),
        extensions=extensions,
    )
