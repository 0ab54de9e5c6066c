"""The worker's consumer: Celery's, without a step that hints don't need."""

from celery.worker.consumer import Consumer

DELAYS = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class HintConsumer(Consumer):  # type: ignore[misc] # celery has no types
    """Takes hints. None of them is delayed, and Celery's step for delays visits every node at the start: one that is
    cut off would keep the worker from its work for minutes."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]
        """The steps of its start."""

        default_steps = tuple(step for step in Consumer.Blueprint.default_steps if step != DELAYS)
