"""The Celery app, and the hint that there is work.

A message says only "there is work": lost, doubled or late ones are harmless, since the ledger is the truth. Hence early
acknowledgement (a late one is cut off by RabbitMQ's consumer timeout) and no result backend.
"""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import structlog
from amqp.exceptions import NotFound
from celery import Celery
from kombu.entity import Exchange, Queue
from kombu.messaging import Producer
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.pyamqp import SSLTransport

from app.config import Settings

LOAD_TASK = "backout.load"
HANDLE_TASK = "backout.handle"
QUEUE = "backout.imports"
HANDLING_QUEUE = "backout.handlings"
PAUSE_SECONDS = 0.02  # between two announced hints, and so many of them are kept
MAX_ANNOUNCED = 50
REPLY_SECONDS = 5.0  # how long the broker may take for one answer
HEARTBEAT_SECONDS = 5  # a worker notices a node that is cut off after two of them; RabbitMQ advises no fewer
LOOK_SECONDS = 5.0  # how long it holds which nodes of a cluster answer
PORTS = {"amqp": 5672, "amqps": 5671}

log = structlog.get_logger(__name__)


class NamedTransport(SSLTransport):
    """AMQP over TLS, where each node of a cluster must prove its own name: kombu asks all of them for the first's."""

    def establish_connection(self) -> Any:
        """A connection to the node that is tried now. Raises what the driver raises."""
        node: Any = self.client
        name = node.hostname
        node.ssl = {**node.ssl, "server_hostname": name}
        try:
            return super().establish_connection()
        finally:
            node.hostname = name  # kombu has made a number of `localhost`, which the next attempt would ask for


TRANSPORT_ALIASES["amqps"] = f"{__name__}:{NamedTransport.__name__}"


def create_celery(settings: Settings, *queues: str) -> Celery:
    """The Celery app for this broker; each worker registers its own tasks. A worker names the `queues` that it
    takes hints from; a publisher knows all of them."""
    celery = Celery("backout", broker=settings.broker, set_as_current=False)
    celery.conf.update(
        broker_use_ssl=settings.broker_tls,
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=QUEUE,
        task_queues=[
            # each its own exchange: by the default one every hint would reach every queue
            Queue(name, Exchange(name), routing_key=name, queue_arguments={"x-queue-type": "quorum"})
            for name in queues or (QUEUE, HANDLING_QUEUE)
        ],
        task_create_missing_queues=False,
        task_publish_retry=False,
        # a worker that shuts down says goodbye to the broker, and a silent one never answers
        broker_transport_options={
            "confirm_publish": True,
            "read_timeout": REPLY_SECONDS,
            "write_timeout": REPLY_SECONDS,
        },
        broker_heartbeat=HEARTBEAT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # The hints that a busy worker holds ready are not acknowledged either, until it begins with them. When that
        # takes longer than the consumer timeout, RabbitMQ closes the channel: connect again, don't end the worker.
        broker_channel_error_retry=True,
        worker_consumer="app.tasks.consumer:HintConsumer",
        worker_concurrency=settings.worker_slots + settings.small_import_slots,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    return celery


@dataclass(frozen=True)
class Waiting:
    """The queue as the broker sees it: hints that no worker took yet, and workers that take them."""

    hints: int = 0
    workers: int = 0


class Hints:
    """Publishes hints for one process, each thread on a connection of its own."""

    def __init__(self, celery: Celery, seconds: float) -> None:
        self._celery = celery
        self._seconds = seconds
        self._mine = threading.local()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="hints")
        self._announced: deque[str] = deque()
        self._nodes = str(celery.conf.broker_url).split(";")
        self._failures = 0  # after each another node is tried first
        self._looking, self._looked_at = threading.Lock(), 0.0
        self._silent: list[str] = []

    def announce(self, id: str) -> None:
        """`publish` beside the caller, who need not wait for the broker.

        A worker that gets a hint goes on until the queue is empty, so one hint for each idle process is enough. A crowd
        of imports makes no crowd of hints: one follows another after a pause, and beyond `MAX_ANNOUNCED` none is kept.
        What is left out, by this or by a crash here, the sweeper publishes while imports are queued and hints are
        missing.
        """
        if len(self._announced) < MAX_ANNOUNCED:
            self._announced.append(id)
            with suppress(RuntimeError):  # this process ends
                self._aside.submit(self._publish_announced)

    def close(self) -> None:
        """Close the connections of this thread and of what is announced, of which nothing more is published."""
        self._announced.clear()
        self._aside.submit(self._drop)
        self._aside.shutdown()
        self._drop()

    def _publish_announced(self) -> None:
        if not self._announced:
            return
        if self.publish(self._announced.popleft()):
            sleep(PAUSE_SECONDS)
        else:
            self._announced.clear()  # the broker is away: the others would be tried in vain

    def publish(self, id: str, task: str = LOAD_TASK, queue: str = QUEUE) -> bool:
        """Tell the workers that there is work, in an import or what else has a queue; False when the broker did not
        confirm in time.

        Takes at most about the seconds given, half of them for a connection that is not there yet. If a cluster's node
        has gone meanwhile, another is tried while there is time. What was not published is published later by the
        sweeper.
        """
        until = monotonic() + self._seconds
        is_published = self._try_to_publish(id, task, queue, until)
        if not is_published and self._nodes[1:] and monotonic() < until:
            is_published = self._try_to_publish(id, task, queue, until)
        return is_published

    def _try_to_publish(self, id: str, task: str, queue: str, until: float) -> bool:
        try:
            producer = self._producer()
            left = max(until - monotonic(), 0.01)
            self._celery.send_task(
                task,
                args=[id],
                task_id=id,
                queue=queue,
                producer=producer,
                retry=False,
                timeout=left,
                confirm_timeout=left,
            )
        except Exception as error:  # noqa: BLE001 — whatever it was: the ledger has the work, and the sweeper hints again
            log.warning("hint_not_published", id=id, queue=queue, error=str(error) or type(error).__name__)
            self._failures += 1
            self._drop()
            return False
        return True

    def publish_missing(self, ids: Sequence[str], task: str = LOAD_TASK, queue: str = QUEUE) -> None:
        """Publish what the queue lacks: as many hints as there are `ids`, never more. Ends at the first that is not
        confirmed."""
        waiting = self.depth(queue) if ids else None
        if waiting is None:
            return
        for id in ids[waiting:]:
            if not self.publish(id, task, queue):
                return

    def depth(self, queue: str = QUEUE) -> int | None:
        """How many hints wait in the queue; None when the broker does not answer."""
        found = self.queue_stats(queue)
        return None if found is None else found.hints

    def queue_stats(self, queue: str = QUEUE) -> Waiting | None:
        """What the broker says of the queue; None when it does not answer. Of a cluster another node is asked where
        this thread's has gone."""
        for _ in self._nodes[:2]:
            try:
                declared = self._producer().channel.queue_declare(queue, passive=True)
            except NotFound:
                self._drop()
                return Waiting()  # it is not declared yet
            except Exception as error:  # noqa: BLE001 — as above
                log.warning("broker_not_reached", error=str(error) or type(error).__name__)
                self._failures += 1
                self._drop()
            else:
                return Waiting(int(declared.message_count), int(declared.consumer_count))
        return None

    def list_silent_nodes(self) -> list[str]:
        """host:port of each node of a cluster that did not answer when they were last asked, some seconds ago at most;
        nothing where there is one address. Takes about as long as a hint may take."""
        if not self._nodes[1:]:
            return []
        with self._looking:
            if monotonic() > self._looked_at + LOOK_SECONDS:
                with ThreadPoolExecutor(len(self._nodes)) as each:
                    found = list(each.map(self._find_silent, self._nodes))
                self._silent = [node for node in found if node is not None]
                self._looked_at = monotonic()
            return self._silent

    def _find_silent(self, url: str) -> str | None:
        parts = urlsplit(url)
        timeouts = {"read_timeout": self._seconds, "write_timeout": self._seconds}
        try:
            node = self._celery.connection_for_write(
                url=url, connect_timeout=self._seconds, transport_options=timeouts
            ).transport
            node.close_connection(node.establish_connection())
        except Exception as error:  # noqa: BLE001 — whatever it was: this node is no help now
            node = f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"
            log.warning("broker_not_reached", node=node, error=str(error) or type(error).__name__)
            return node
        return None

    def _producer(self) -> Producer:
        producer: Producer | None = getattr(self._mine, "producer", None)
        if producer is None:
            first, tries = self._failures % len(self._nodes), max(2, len(self._nodes))
            connection = self._celery.connection_for_write(
                url=";".join((*self._nodes[first:], *self._nodes[:first])),
                connect_timeout=self._seconds / 2 / tries,  # each node is tried, or the only one twice
                # py-amqp waits for an answer without end unless its socket gives up
                transport_options={
                    "confirm_publish": True,
                    "read_timeout": self._seconds,
                    "write_timeout": self._seconds,
                    "max_retries": 0,
                },
            )
            connection.ensure_connection(
                max_retries=tries - 1, interval_start=0, interval_step=0, interval_max=0, timeout=self._seconds / 2
            )
            producer = self._mine.producer = Producer(connection, auto_declare=False)
        return producer

    def _drop(self) -> None:
        producer, self._mine.producer = getattr(self._mine, "producer", None), None
        if producer is not None:
            try:
                producer.connection.collect()  # closes the socket without waiting for the broker's goodbye
            except Exception as error:  # noqa: BLE001 — it is not used again in any case
                log.warning("broker_connection_not_closed", error=str(error) or type(error).__name__)
