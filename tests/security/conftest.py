"""A stack that asks for keys, on MariaDB and RabbitMQ: what strangers do is the same on all servers."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from app.cli.servers import PrivateRabbitMQ
from tests.security.attacks import KEYS
from tests.servers import DatabaseServer, add_vhost
from tests.stack import Stack, find_port


@pytest.fixture(autouse=True)
def _logs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an application in this process does to its logs would outlive the test."""
    monkeypatch.setattr("app.logs.configure_logs", lambda level: None)


@pytest.fixture(scope="session")
def stack(
    start_database: Callable[[str], DatabaseServer],
    start_broker: Callable[[str], PrivateRabbitMQ],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Its client is `alice`; few streams, so that half of them are few."""
    database, broker = replace(start_database("mariadb"), database="security"), start_broker("rabbitmq-3")
    database.install()
    add_vhost(broker, "security")
    folder = tmp_path_factory.mktemp("security")
    keys = folder / "keys"
    keys.write_text("".join(f"{name}:{key}\n" for name, key in KEYS.items()), encoding="utf-8")
    stack = Stack(folder, database.url, broker.url("security"), find_port(), api_keys_file=keys, max_streams=20)
    stack.http.headers["X-API-Key"] = KEYS["alice"]
    try:
        # an ordinary limit of files, which the web server has to raise
        stack.commands["web"] = ["sh", "-c", 'ulimit -Sn 512 && exec "$0" "$@"', *stack.commands["web"]]
        yield stack.start("web")
    finally:
        stack.kill()
