"""A crowd of small requests: what is asked, published and waited for once, not by each of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from app.cli.servers import PrivateRabbitMQ
from app.db.imports.backlog import measure_backlog
from app.db.imports.queries import count_queued
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import Overloaded
from app.lifecycle import backlog
from app.lifecycle.imports.accept import accept_generated
from app.lifecycle.services import Services, open_services
from app.queue import MAX_ANNOUNCED, PAUSE_SECONDS, QUEUE, Hints, create_celery
from tests.servers import DEAD_BROKER, DatabaseServer, make_settings, new_broker
from tests.waiting import patience, stretched, wait_for

CROWD = 400
NO_DATABASE = "mysql+pymysql://nobody@localhost/none"


@pytest.fixture(scope="module")
def broker(servers_folder: Path) -> Iterator[PrivateRabbitMQ]:
    """One of its own: another's worker would take the hints."""
    broker = new_broker("rabbitmq-3", servers_folder / "crowd")
    yield broker
    broker.kill()


@pytest.fixture
def hints(broker: PrivateRabbitMQ, tmp_path: Path) -> Iterator[Hints]:
    """On a queue that nobody takes from, as it is while every process has its hands full."""
    hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, broker.url())), 5)
    hints._producer().channel.queue_delete(QUEUE)
    yield hints
    hints.close()


def test_what_is_announced_is_published_without_being_waited_for(hints: Hints) -> None:
    hints.announce("one")
    wait_for(lambda: hints.depth() == 1, "the hint")


def test_a_crowd_makes_no_crowd_of_hints(hints: Hints) -> None:
    begun = monotonic()
    for number in range(CROWD):
        hints.announce(str(number))
    assert monotonic() - begun < stretched(MAX_ANNOUNCED * PAUSE_SECONDS), "nobody waits for what was announced before"
    wait_for(lambda: not hints._announced, "all that was kept")
    depth = wait_for(lambda: (found := hints.depth()) and found >= MAX_ANNOUNCED and found, "their hints")
    assert depth < CROWD / 2


def test_a_broker_that_is_away_is_not_tried_for_each(tmp_path: Path) -> None:
    hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, DEAD_BROKER)), 0.5)
    begun = monotonic()
    for number in range(MAX_ANNOUNCED):
        hints.announce(str(number))
    wait_for(lambda: not hints._announced, "that it was given up")
    assert monotonic() - begun < stretched(MAX_ANNOUNCED * 0.5 / 4)
    hints.close()


def accept_until_full(all_services: list[Services], most: int) -> int:
    """How many imports several processes accept in turn."""
    for accepted in range(most):
        try:
            accept_generated(all_services[accepted % len(all_services)], ORDERS, 3, Caller())
        except Overloaded:
            return accepted
    return most


def test_what_waits_is_counted_once_for_many_and_never_passes_its_bound(
    database: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def count(connection: object) -> int:
        asked.append(count_queued(connection))  # type: ignore[arg-type]
        return asked[-1]

    monkeypatch.setattr(backlog, "count_queued", count)
    monkeypatch.setattr(backlog, "WAITING_SECONDS", 60.0)
    with database.root() as cursor:
        cursor.execute("DELETE FROM imports")
    settings = make_settings(database.url, tmp_path / "spool", max_queued=12)
    one, *two = [open_services(settings) for _ in range(3)]
    assert accept_until_full([one], 6) == 6 and asked == [0]
    assert accept_until_full([one], 100) == 6
    with database.root() as cursor:
        cursor.execute("UPDATE imports SET state = 'stopped' ORDER BY number LIMIT 1")
    assert accept_until_full([one], 100) == 1, "a place that comes free is seen at once"
    with database.root() as cursor:
        cursor.execute("DELETE FROM imports")
    assert accept_until_full(two, 100) == 12
    for services in (one, *two):
        services.database.dispose()


def test_what_lies_before_an_import_is_measured_once_for_many(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(backlog, "measure_backlog", lambda connection: asked.append(1) or measure_backlog(connection))
    monkeypatch.setattr(backlog, "BACKLOG_SECONDS", 60.0)
    for _ in range(5):
        row = accept_generated(services, ORDERS, 3, Caller()).row
        services.backlog_cache.estimate_seconds(services.database, row)
    assert len(asked) == 1


def test_more_at_once_than_there_are_connections_wait_for_each_other_and_not_for_themselves(
    database: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that holds a connection and asks for another waits for what none of them gives back: in a process that is
    new, all of them do what is done once."""
    monkeypatch.setattr("app.db.database.POOL_SECONDS", patience(120))
    services = open_services(make_settings(database.url, tmp_path / "spool"), pool_size=2)
    begun = monotonic()
    with ThreadPoolExecutor(20) as crowd:
        accepted = list(crowd.map(lambda _: accept_generated(services, ORDERS, 3, Caller()).row.id, range(20)))
    assert len(set(accepted)) == 20 and monotonic() - begun < patience()
    services.database.dispose()
