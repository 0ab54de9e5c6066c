"""Private servers for the local stack and for tests: on loopback, each in a disposable folder."""

from app.cli.servers.base import PrivateServer, ServerFailed
from app.cli.servers.databases import PrivateMariaDB, PrivateMySQL
from app.cli.servers.rabbitmq import PrivateRabbitMQ

__all__ = ["PrivateMariaDB", "PrivateMySQL", "PrivateRabbitMQ", "PrivateServer", "ServerFailed"]
