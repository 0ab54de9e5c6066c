"""The worker's consumer has every step of Celery's but one."""

from pathlib import Path

from celery.worker.consumer import Consumer
from kombu.utils.imports import symbol_by_name

from app.queue import HEARTBEAT_SECONDS, create_celery
from app.tasks.consumer import DELAYS, HintConsumer
from tests.servers import make_settings


def test_only_the_step_for_delayed_tasks_is_left_out(tmp_path: Path) -> None:
    assert DELAYS in Consumer.Blueprint.default_steps
    assert set(HintConsumer.Blueprint.default_steps) == set(Consumer.Blueprint.default_steps) - {DELAYS}
    settings = create_celery(make_settings("mysql+pymysql://nobody@localhost/none", tmp_path)).conf
    assert symbol_by_name(settings.worker_consumer) is HintConsumer
    assert settings.broker_heartbeat == HEARTBEAT_SECONDS
