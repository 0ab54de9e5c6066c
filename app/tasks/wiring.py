"""Wiring: what every worker of ours has in common."""

from multiprocessing import Value
from time import monotonic
from typing import Any

from celery import signals

from app.config import Settings
from app.logs import configure_logs


def wire(settings: Settings) -> Any:
    """Connect a worker's signals; returns the shared instant at which it was asked to shut down, 0 for never.

    It is shared with the children, which the parent forks. Without a lock: a child that is killed while it holds one
    would stop its parent, and the other children, for ever.
    """
    told_at = Value("d", 0.0, lock=False)

    def tell_children(**_: Any) -> None:
        told_at.value = told_at.value or monotonic()  # a second signal gives them no more time

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
    return told_at
