"""The private servers themselves: prepared once, whatever interrupted it; ready when they answer; gone when ended."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest

from app.cli.processes import is_free, session_led_by
from app.cli.servers import PrivateMariaDB, PrivateMySQL, PrivateRabbitMQ, PrivateServer, ServerFailed
from tests.servers import fetched

Server = PrivateMariaDB | PrivateMySQL | PrivateRabbitMQ
MAKERS: dict[str, Callable[[Path], Server]] = {
    "mariadb": PrivateMariaDB,
    "mysql": lambda folder: PrivateMySQL(folder, fetched("mysql")[0]),
    "rabbitmq-3": PrivateRabbitMQ,
    "rabbitmq-4": lambda folder: PrivateRabbitMQ(folder, *fetched("rabbitmq")),
}


@pytest.fixture(params=MAKERS)
def server(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Server]:
    """Of each kind one, in a path with a space."""
    folder = servers_folder / f"in a folder {request.param}"
    made = MAKERS[request.param](folder)
    yield made
    made.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["mariadb", "mysql"])
def database(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[PrivateMariaDB | PrivateMySQL]:
    made = MAKERS[request.param](servers_folder / f"in a folder {request.param}")
    assert isinstance(made, PrivateMariaDB | PrivateMySQL)
    yield made
    made.kill()
    shutil.rmtree(made.folder, ignore_errors=True)


def ask(server: PrivateMariaDB | PrivateMySQL, question: str, password: str | None = None) -> tuple[object, ...]:
    with (
        pymysql.connect(
            host="127.0.0.1", port=server.port, user="root", password=server.password if password is None else password
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(question)
        return tuple(cursor.fetchone() or ())


def begin(server: PrivateServer) -> None:
    server.prepare()
    server.start()
    server.wait_ready()


def test_it_answers_survives_a_kill_and_leaves_nothing(server: Server) -> None:
    assert not server.is_ready()
    server.prepare()
    assert server.folder.stat().st_mode & 0o077 == 0  # closed to others
    begin(server)
    first = server.pid
    server.kill()
    assert not server.is_ready()
    if isinstance(server, PrivateRabbitMQ):
        assert is_free(server.epmd_port)
    begin(server)
    leader = server._identity
    assert leader is not None and server.pid != first
    server.stop()
    assert session_led_by(leader) == [] and is_free(server.port)
    if isinstance(server, PrivateRabbitMQ):
        assert is_free(server.epmd_port)
        assert not server._folder_without_space.is_symlink()


def test_it_is_durable_on_loopback_asks_for_a_password_and_keeps_its_data(
    database: PrivateMariaDB | PrivateMySQL,
) -> None:
    begin(database)
    settings = "@@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin, @@local_infile"
    assert ask(database, f"SELECT {settings}") == (1, 1, 0, 1)
    assert ask(database, "SELECT @@character_set_server, @@bind_address") == ("utf8mb4", "127.0.0.1")
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        ask(database, "SELECT 1", password="")
    ask(database, "CREATE DATABASE kept")
    database.stop()
    begin(database)
    assert ask(database, "SHOW DATABASES LIKE 'kept'") == ("kept",)


def test_a_half_done_initialisation_is_done_anew(database: PrivateMariaDB | PrivateMySQL) -> None:
    half = database.folder / "data.new" / "mysql"
    half.mkdir(parents=True)
    (half / "db.frm").write_text("cut off")
    begin(database)
    assert ask(database, "SELECT 1") == (1,)


def test_a_broker_killed_in_its_first_start_begins_anew(servers_folder: Path) -> None:
    broker = PrivateRabbitMQ(servers_folder / "cut off")
    broker.prepare()
    half = broker.folder / "data" / broker.node
    half.mkdir(parents=True)
    (half / "schema.DAT").write_text("cut off")
    try:
        begin(broker)
        assert "guest" not in broker.control("list_users")
    finally:
        broker.kill()


def test_a_server_that_ends_at_once_says_why(servers_folder: Path) -> None:
    server = PrivateMariaDB(servers_folder / "ends", extra_options=["--no-such-option"])
    server.prepare()
    server.start()
    with pytest.raises(ServerFailed, match="no-such-option"):
        server.wait_ready()
    server.kill()
