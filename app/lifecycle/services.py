"""What every verb of the story works with: the settings and the places they name."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

from app.config import Settings
from app.db.database import Database
from app.db.imports import transitions
from app.domain.requests.quota import Quota
from app.lifecycle.backlog import BacklogCache
from app.lifecycle.extension import Extension
from app.lifecycle.quotas import Quotas
from app.queue import Hints, create_celery
from app.spool import Spool, open_spool

BACKGROUND_THREADS = 2


@dataclass(frozen=True)
class Services:
    """One process's view of the installation."""

    settings: Settings
    database: Database
    spool: Spool
    hints: Hints
    backlog_cache: BacklogCache
    quotas: Quotas
    extensions: tuple[Extension, ...] = ()  # what else there is; the story of imports knows no more of them than that

    @cached_property
    def installation(self) -> str:
        """The random id that marks this installation's branches; raises `DatabaseUnavailable`."""
        with self.database.begin() as connection:
            return transitions.installation_id(connection)

    @cached_property
    def background(self) -> ThreadPoolExecutor:
        """For work that no request waits for. Few threads: each takes a connection that a request could use."""
        return ThreadPoolExecutor(BACKGROUND_THREADS, thread_name_prefix="aside")


def open_services(settings: Settings, *, pool_size: int = 10, extensions: tuple[Extension, ...] = ()) -> Services:
    """The places that these settings name; nothing is connected to before it is used. The process's entry names its
    `extensions`."""
    return Services(
        settings=settings,
        database=Database(settings.database, lock_wait_seconds=settings.lock_wait_seconds, pool_size=pool_size),
        spool=open_spool(settings),
        hints=Hints(create_celery(settings), settings.publish_timeout_seconds),
        backlog_cache=BacklogCache(settings.max_queued, settings.worker_slots),
        quotas=Quotas({Quota(name): most for name, most in settings.quotas.items()}, settings.spool_retention_hours),
        extensions=extensions,
    )
