"""The worker: a message says that there is work, and each one makes one claim."""

import os
import socket
from functools import cache

import structlog
from celery import Celery

from app.config import Settings
from app.domain.errors import DatabaseUnavailable, SpoolUnavailable
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.loading.slots import Slots
from app.lifecycle.services import Services, open_services
from app.queue import LOAD_TASK, QUEUE, create_celery
from app.tasks.wiring import wire

log = structlog.get_logger(__name__)


def create_worker(settings: Settings) -> Celery:
    """The Celery app with the load task, for `celery worker`."""
    celery = create_celery(settings, QUEUE)
    # Every slot reads a file of its own, beside a server that has the rest to do: as many threads as there are
    # processors, in each of them, would only take the server's. Two already read faster than a server loads, and
    # each holds row groups of a Parquet file in memory. Set before a child imports polars.
    threads = min(2, max(1, len(os.sched_getaffinity(0)) // settings.worker_slots))
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))
    told_at = wire(settings)

    slots = Slots(settings.worker_slots)

    @cache
    def services() -> Services:
        return open_services(settings, pool_size=4)  # first used in a child: parent and child never share a connection

    @celery.task(name=LOAD_TASK, shared=False)
    def load(import_id: str) -> None:
        """Claim and load while imports are queued, which may be others than the one that the message names.

        A process that may not load the next import has acknowledged its message, so the one that frees a slot looks
        again.
        """
        try:
            while not (
                shutdown := GracefulShutdown(settings.shutdown_grace_seconds, lambda: float(told_at.value))
            ).told:
                if load_next(services(), f"{socket.gethostname()}:{os.getpid()}", shutdown, slots) is None:
                    return
            log.info("nothing_claimed", reason="this worker shuts down")  # the sweeper hints again
        except (DatabaseUnavailable, SpoolUnavailable) as error:
            log.warning("nothing_claimed", error=error.detail)  # the sweeper hints again

    return celery
