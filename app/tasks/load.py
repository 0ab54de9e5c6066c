"""The worker: a message says that there is work, and each one makes one claim."""

import os
import socket
from functools import cache
from multiprocessing import Value
from time import monotonic
from typing import Any

import structlog
from celery import Celery, signals

from app.config import Settings
from app.domain.errors import DatabaseUnavailable
from app.lifecycle.drain import Draining
from app.lifecycle.load import load_next
from app.lifecycle.site import Site, open_site
from app.logs import configure_logs
from app.queue import LOAD_TASK, create_celery

log = structlog.get_logger(__name__)


def create_worker(settings: Settings) -> Celery:
    """The Celery app with the load task, for `celery worker`."""
    celery = create_celery(settings)
    told_at = Value("d", 0.0)  # shared with the children, which the parent forks

    @cache
    def site() -> Site:
        return open_site(settings, pool_size=4)  # first used in a child: parent and child never share a connection

    @celery.task(name=LOAD_TASK)
    def load(import_id: str) -> None:
        """Claim what is due, which may be another import than the one that the message names."""
        draining = Draining(settings.drain_seconds, lambda: float(told_at.value))
        try:
            load_next(site(), f"{socket.gethostname()}:{os.getpid()}", draining)
        except DatabaseUnavailable as error:
            log.warning("nothing_claimed", error=error.detail)  # the sweeper hints again

    def tell_children(**_: Any) -> None:
        told_at.value = monotonic()

    def set_up_logs(**_: Any) -> None:
        configure_logs(settings.log_level)

    signals.worker_shutting_down.connect(tell_children, weak=False)
    signals.setup_logging.connect(set_up_logs, weak=False)
    return celery
