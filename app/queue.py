"""The Celery app, and the hint that there is work.

A message says only "there is work": lost, doubled or late ones are harmless, since the ledger is the truth. Hence early
acknowledgement (a late one is cut off by RabbitMQ's consumer timeout) and no result backend.
"""

import structlog
from amqp.exceptions import AMQPError
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import KombuError, OperationalError

from app.config import Settings

LOAD_TASK = "backout.load"
QUEUE = "backout.imports"

log = structlog.get_logger(__name__)


def create_celery(settings: Settings) -> Celery:
    """The Celery app for this broker; tasks are registered by whoever runs them."""
    celery = Celery("backout", broker=settings.broker, set_as_current=False)
    celery.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE, queue_arguments={"x-queue-type": "quorum"})],
        task_create_missing_queues=False,
        task_publish_retry=False,
        broker_transport_options={"confirm_publish": True},
        broker_connection_timeout=settings.publish_seconds,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_concurrency=settings.worker_slots,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    return celery


class Hints:
    """Publishes hints for one process."""

    def __init__(self, celery: Celery, seconds: float) -> None:
        self._celery = celery
        self._seconds = seconds

    def publish(self, import_id: str) -> bool:
        """Tell the workers that there is work; False when the broker did not confirm in time.

        Takes at most about the seconds given. What was not published is published later by the sweeper.
        """
        try:
            self._celery.send_task(
                LOAD_TASK,
                args=[import_id],
                task_id=import_id,
                retry=False,
                timeout=self._seconds,
                confirm_timeout=self._seconds,
            )
        except (OSError, AMQPError, KombuError, OperationalError) as error:
            log.warning("hint_not_published", import_id=import_id, error=str(error) or type(error).__name__)
            self._celery.pool.force_close_all()
            return False
        return True

    def depth(self) -> int | None:
        """How many hints wait in the queue; None when the broker does not answer."""
        try:
            with self._celery.connection_for_read() as connection:
                connection.ensure_connection(max_retries=1, timeout=self._seconds)
                return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)
        except (OSError, AMQPError, KombuError, OperationalError) as error:
            log.warning("broker_not_reached", error=str(error) or type(error).__name__)
            return None
