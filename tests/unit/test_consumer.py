"""The worker's consumer has every step of Celery's but one."""

from celery.worker.consumer import Consumer

from app.tasks.consumer import DELAYS, HintConsumer


def test_only_the_step_for_delayed_tasks_is_left_out() -> None:
    assert DELAYS in Consumer.Blueprint.default_steps
    assert set(HintConsumer.Blueprint.default_steps) == set(Consumer.Blueprint.default_steps) - {DELAYS}
