"""The proxy of the tests does what it says, between the code that loads imports and both databases."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymysql
import pytest

from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.errors import DatabaseUnavailable
from app.domain.states import State
from app.lifecycle.imports import accept, stop
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services, open_services
from tests import proxy as statements
from tests.invariants import converge, find
from tests.packets import COM_QUERY, Statements
from tests.proxy import Proxy
from tests.servers import DatabaseServer, make_settings
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn
ROWS = 3000


@pytest.fixture
def proxy(database: DatabaseServer) -> Iterator[Proxy]:
    with Proxy(database.server.port) as proxy:
        yield proxy


@pytest.fixture
def through(database: DatabaseServer, proxy: Proxy, tmp_path: Path) -> Iterator[Services]:
    """A worker's view of the installation, all of it through the proxy."""
    url = database.url.replace(str(database.server.port), str(proxy.port))
    services = open_services(make_settings(url, tmp_path / "spool", batch_bytes=64 * 1024))
    yield services
    services.database._engine.dispose()


@pytest.fixture
def connect(database: DatabaseServer, proxy: Proxy) -> Callable[[], "pymysql.Connection[Any]"]:
    def connect() -> "pymysql.Connection[Any]":
        return pymysql.connect(host="127.0.0.1", port=proxy.port, user="app", password="app-secret", autocommit=True)

    return connect


def new_import(services: Services) -> int:
    return accept.accept_generated(services, ORDERS, ROWS, Caller()).row.number


LOSSES = [
    # what is lost, after what, whether it arrives, and how many attempts the import takes
    (statements.RECEIPT, None, True, 2),
    (statements.BULK_LOAD, None, True, 2),
    (statements.ENDED, None, False, 2),
    (statements.PREPARE, None, True, 2),
    (statements.DECISION, None, True, 2),
    (statements.DECISION_COMMIT, statements.DECISION, True, 1),
    (statements.DECISION_COMMIT, statements.DECISION, False, 2),  # the server rolls the decision back
    (statements.XA_COMMIT, None, True, 1),
    (statements.XA_COMMIT, None, False, 1),
    (statements.RECORDED, None, True, 1),
]


@pytest.mark.parametrize(("statement", "after", "arrives", "attempts"), LOSSES)
def test_a_lost_answer_is_made_up_for(
    services: Services, through: Services, proxy: Proxy, statement: str, after: str | None, arrives: bool, attempts: int
) -> None:
    number = new_import(services)
    loss = proxy.lose_answer(statement, after=after, arrives=arrives)
    load_next(through, "worker", GracefulShutdown(0))
    assert loss.happened.is_set()
    ended = converge(services, number)
    assert (ended.state, ended.attempts) == (State.COMMITTED, attempts)


def test_a_stop_whose_answer_is_lost_has_stopped(services: Services, through: Services, proxy: Proxy) -> None:
    number = new_import(services)
    loss = proxy.lose_answer(statements.DECISION_COMMIT, after=statements.STOP)
    with pytest.raises(DatabaseUnavailable):
        stop.stop_import(through, find(services, number).id)
    assert loss.happened.is_set()
    assert find(services, number).state is State.STOPPED


def test_a_loss_strikes_once_and_after_its_statement_only(
    connect: Callable[[], "pymysql.Connection[Any]"], proxy: Proxy
) -> None:
    loss = proxy.lose_answer("^SELECT 2", after="^SELECT 1$")
    with connect() as other, other.cursor() as cursor:
        cursor.execute("SELECT 2")
        with connect() as connection, connection.cursor() as struck:
            struck.execute("SELECT 1")
            assert not loss.happened.is_set()
            with pytest.raises(pymysql.err.OperationalError):
                struck.execute("SELECT 2")
            assert loss.happened.is_set()
        cursor.execute("SELECT 1")
        cursor.execute("SELECT 2")
    forgotten = proxy.lose_answer("^SELECT 3")
    proxy.forget(forgotten)
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 3")


def test_a_held_statement_arrives_when_it_is_released(services: Services, through: Services, proxy: Proxy) -> None:
    number = new_import(services)
    hold = proxy.hold(statements.DECISION_COMMIT, after=statements.DECISION)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load_next, through, "worker", GracefulShutdown(0))
        assert hold.happened.wait(patience())
        assert f"imports.number = {number} ".encode() in hold.sent
        assert find(services, number).state is State.RUNNING
        proxy.release(hold)
        loading.result(patience())
    ended = converge(services, number)
    assert (ended.state, ended.attempts) == (State.COMMITTED, 1)


def test_one_statement_may_fall_into_several_traps(
    connect: Callable[[], "pymysql.Connection[Any]"], proxy: Proxy
) -> None:
    hold, loss = proxy.hold("^SELECT 1"), proxy.lose_answer("^SELECT 1")
    with ThreadPoolExecutor(1) as pool, connect() as connection, connection.cursor() as cursor:
        asking = pool.submit(cursor.execute, "SELECT 1")
        assert hold.happened.wait(patience()) and not loss.happened.is_set()
        proxy.forget(loss)
        proxy.release(hold)
        with pytest.raises(pymysql.err.OperationalError):
            asking.result(patience())
        assert loss.happened.is_set()


def test_no_client_gets_tls_and_a_first_login_works(
    connect: Callable[[], "pymysql.Connection[Any]"], database: DatabaseServer
) -> None:
    with pymysql.connect(
        host="127.0.0.1", port=database.server.port, user="root", password=database.server.password
    ) as root:
        with root.cursor() as cursor:
            cursor.execute("FLUSH PRIVILEGES")  # forgets passwords too: the whole of caching_sha2_password runs
            cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            tls = bool(cursor.fetchall()[0][1])
        assert tls == (database.name == "mysql")
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        assert cursor.fetchone() == ("Ssl_cipher", "")


def test_cut_resets_what_is_there_and_lets_new_connections_in(
    connect: Callable[[], "pymysql.Connection[Any]"], proxy: Proxy
) -> None:
    with connect() as connection, connection.cursor() as cursor:
        proxy.cut()
        with pytest.raises(pymysql.err.OperationalError):
            cursor.execute("SELECT 1")
    with connect() as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1") == 1


def test_refused_connections_are_reset_and_others_stay(
    connect: Callable[[], "pymysql.Connection[Any]"], proxy: Proxy
) -> None:
    with connect() as connection, connection.cursor() as cursor:
        proxy.refuse()
        with pytest.raises(pymysql.err.OperationalError):
            connect()
        assert cursor.execute("SELECT 1") == 1
        proxy.accept()
        connect().close()


def test_nothing_is_lost_in_a_freeze(connect: Callable[[], "pymysql.Connection[Any]"], proxy: Proxy) -> None:
    def ask(connection: "pymysql.Connection[Any]") -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 42")
            return cursor.fetchone()

    def ask_anew() -> Any:
        with connect() as connection:
            return ask(connection)

    with connect() as connection, ThreadPoolExecutor(2) as pool:
        proxy.freeze()
        waiting = [pool.submit(ask, connection), pool.submit(ask_anew)]
        wait_for(lambda: len(proxy.connections) == 2, "the new connection")
        assert not any(answer.done() for answer in waiting)
        proxy.thaw()
        assert [answer.result(patience()) for answer in waiting] == [(42,), (42,)]


def test_a_server_that_is_away_is_a_reset(proxy: Proxy) -> None:
    away = socket.create_server(("127.0.0.1", 0))
    port = away.getsockname()[1]
    away.close()
    with (
        Proxy(port) as nowhere,
        pytest.raises(ConnectionResetError),  # it may come before the connection counts as made
        socket.create_connection(("127.0.0.1", nowhere.port), timeout=patience()) as client,
    ):
        client.recv(1)


def test_another_protocol_passes_unread() -> None:
    sent = b"AMQP\0\0\x09\x01" + bytes(range(256)) * 1000
    with socket.create_server(("127.0.0.1", 0)) as server, Proxy(server.getsockname()[1]) as proxy:

        def echo() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

        thread = threading.Thread(target=echo)
        thread.start()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=patience()) as client:
            sender = threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
            sender.start()
            received = b""
            while piece := client.recv(65536):
                received += piece
            sender.join()
        thread.join()
    assert received == sent


def packet(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence % 256]) + payload


@pytest.mark.parametrize("size", [1, 3, 7, 1000, 10**6])
def test_a_load_of_more_than_256_packets_holds_no_statement(size: int) -> None:
    query = bytes([COM_QUERY])
    data = [packet(2 + number, query + b"XA PREPARE is but data") for number in range(600)]
    stream = b"".join(
        [
            packet(1, b"login"),
            packet(0, query + b"LOAD DATA"),
            *data,
            packet(2 + len(data), b""),
            packet(0, query + b"COMMIT"),
            packet(0, b"\x01"),
        ]
    )
    split = Statements()
    pieces = [piece for at in range(0, len(stream), size) for piece in split.split(stream[at : at + size])]
    assert b"".join(data for data, _ in pieces) == stream
    assert [statement for _, statement in pieces if statement is not None] == [b"LOAD DATA", b"COMMIT"]
