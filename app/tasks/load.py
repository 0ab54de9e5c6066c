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
from app.lifecycle.slots import Slots
from app.logs import configure_logs
from app.queue import LOAD_TASK, create_celery

log = structlog.get_logger(__name__)


def create_worker(settings: Settings) -> Celery:
    """The Celery app with the load task, for `celery worker`."""
    celery = create_celery(settings)
    # Every slot reads a file of its own, beside a server that has the rest to do: as many threads as there are
    # processors, in each of them, would only take the server's. Set before a child imports polars.
    threads = max(1, len(os.sched_getaffinity(0)) // settings.worker_slots)
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))
    # Shared with the children, which the parent forks. Without a lock: a child that is killed while it holds one would
    # stop its parent, and the other children, for ever.
    told_at = Value("d", 0.0, lock=False)

    slots = Slots(settings.worker_slots)

    @cache
    def site() -> Site:
        return open_site(settings, pool_size=4)  # first used in a child: parent and child never share a connection

    @celery.task(name=LOAD_TASK, shared=False)
    def load(import_id: str) -> None:
        """Claim and load as long as something is due, which may be other imports than the one that the message names.

        A process that may not load what is due has let the message go, so whoever frees a slot looks again.
        """
        try:
            while not (draining := Draining(settings.drain_seconds, lambda: float(told_at.value))).told:
                if load_next(site(), f"{socket.gethostname()}:{os.getpid()}", draining, slots) is None:
                    return
            log.info("nothing_claimed", reason="this worker was told to go")  # the sweeper hints again
        except DatabaseUnavailable as error:
            log.warning("nothing_claimed", error=error.detail)  # the sweeper hints again

    def tell_children(**_: Any) -> None:
        told_at.value = told_at.value or monotonic()  # told again, they have no more time

    def keep_to_itself(sender: Any, **_: Any) -> None:
        # Workers know of each other by the ledger. What Celery's tell each other are messages: a broker whose disk is
        # full takes none, and the worker would wait for that without end, deaf to SIGTERM too. It also saves the
        # second that a worker looks for others, at every connection.
        sender.options.update(task_events=False, without_heartbeat=True, without_gossip=True, without_mingle=True)

    def set_up_logs(**_: Any) -> None:
        configure_logs(settings.log_level)

    signals.worker_shutting_down.connect(tell_children, weak=False)
    signals.worker_init.connect(keep_to_itself, weak=False)
    signals.setup_logging.connect(set_up_logs, weak=False)
    return celery
