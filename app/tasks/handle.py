"""The handlings' worker: a message says that there is work, and each one makes one claim."""

import os
import socket
from functools import cache
from typing import Any

import structlog
from celery import Celery, signals

from app.config import Settings
from app.domain.errors import DatabaseUnavailable, SpoolUnavailable
from app.handling.runner import run_next
from app.handling.service_calls import ServiceClients
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services, open_services
from app.queue import HANDLE_TASK, HANDLING_QUEUE, create_celery
from app.tasks.wiring import wire

log = structlog.get_logger(__name__)


def create_handler(settings: Settings) -> Celery:
    """The Celery app with the task that handles orders, for `celery worker`."""
    celery = create_celery(settings, HANDLING_QUEUE)
    told_at = wire(settings)

    @cache
    def places() -> tuple[Services, ServiceClients]:
        # first used in a child: parent and child never share a connection
        services = open_services(settings, pool_size=settings.handling_concurrency + 4)
        return services, ServiceClients(settings)

    @celery.task(name=HANDLE_TASK, shared=False)
    def handle(handling_id: str) -> None:
        """Claim the next queued handling, which may be another than the one that the message names."""
        shutdown = GracefulShutdown(settings.shutdown_grace_seconds, lambda: float(told_at.value))
        if shutdown.told:
            log.info("nothing_claimed", reason="this worker shuts down")  # the sweeper hints again
            return
        try:
            run_next(*places(), f"{socket.gethostname()}:{os.getpid()}", shutdown)
        except (DatabaseUnavailable, SpoolUnavailable) as error:
            log.warning("nothing_claimed", error=error.detail)  # the sweeper hints again

    def set_bounds(sender: Any, **_: Any) -> None:
        # as many processes as there are handlings to run, between two bounds: Celery's own autoscaler
        if settings.handling_slots_least:
            sender.options.update(autoscale=(settings.handling_slots, settings.handling_slots_least))

    signals.worker_init.connect(set_bounds, weak=False)
    celery.conf.worker_concurrency = settings.handling_slots
    return celery
