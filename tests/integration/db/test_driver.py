"""What is ours in the driver: lines come from memory and no file is ever sent, a dead connection is met before use."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import text

from app.db.driver import DriverConnection
from app.lifecycle.services import Services
from tests.in_doubt import accept_rows
from tests.servers import DatabaseServer

LOAD = "LOAD DATA LOCAL INFILE '{file}' INTO TABLE sent_lines LINES TERMINATED BY '\\n' (line)"


@pytest.fixture(autouse=True)
def table(database: DatabaseServer) -> Iterator[None]:
    with database.root() as cursor:
        cursor.execute("DROP TABLE IF EXISTS sent_lines")
        cursor.execute("CREATE TABLE sent_lines (line VARCHAR(10000) NOT NULL) CHARACTER SET utf8mb4")
    yield
    with database.root() as cursor:  # another test holds the tables to what the code says
        cursor.execute("DROP TABLE sent_lines")


def test_lines_are_sent_in_as_many_packets_as_they_need(services: Services, database: DatabaseServer) -> None:
    lines = [f"{number:06} {'ä' * 4000}" for number in range(200)]
    with services.database.session() as session:
        assert session.load(LOAD.format(file="batch"), "".join(f"{line}\n" for line in lines).encode()) == (200, 0)
        with session.cursor() as cursor:
            cursor.execute("SELECT line FROM sent_lines ORDER BY line")
            assert [line for (line,) in cursor.fetchall()] == lines


@pytest.mark.in_turn
@pytest.mark.parametrize("packets", [1, 2, 253, 254, 255, 300])
def test_lines_that_follow_at_once_are_the_same(services: Services, packets: int) -> None:
    lines = b"".join(b"%07d%s\n" % (number, b"x" * 8184) for number in range(packets * 8))  # 8 KiB each
    with services.database.session() as session:
        for _ in range(3):
            assert session.load(LOAD.format(file="batch"), lines) == (packets * 8, 0)
            with session.cursor() as cursor:
                cursor.execute("SELECT COUNT(*), COUNT(DISTINCT line) FROM sent_lines")
                assert cursor.fetchone() == (packets * 8, packets * 8)
                cursor.execute("DELETE FROM sent_lines")
        assert session.load(LOAD.format(file="batch"), b"") == (0, 0)
        too_long = LOAD.format(file="batch").replace("(line)", "(@line) SET line = REPEAT(@line, 10001)")
        assert session.load(too_long, b"x\n" * 10) == (10, 10)


def test_lines_for_a_statement_that_is_refused_are_never_commands(services: Services, database: DatabaseServer) -> None:
    command = b"\x03DROP TABLE sent_lines"
    with services.database.session() as session:
        with pytest.raises(pymysql.err.ProgrammingError):  # the first one is told why
            session.load(LOAD.format(file="batch").replace("sent_lines", "no_lines"), command)
        assert session.load(LOAD.format(file="batch"), b"one\n") == (1, 0)
        with pytest.raises(pymysql.err.MySQLError):
            session.load(LOAD.format(file="batch").replace("sent_lines", "no_lines"), command * 100_000)
        with pytest.raises((pymysql.err.MySQLError, OSError, AttributeError)), session.cursor() as cursor:
            cursor.execute("SELECT 1")  # of no more use
    with database.root() as cursor:
        cursor.execute("SELECT line FROM sent_lines")
        assert cursor.fetchall() == (("one",),)


def test_a_server_that_asks_for_a_file_gets_nothing_of_it(services: Services, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine\n")
    with services.database.session() as session, session.cursor() as cursor:
        cursor.execute(LOAD.format(file=secret))
        assert session.load(LOAD.format(file=secret), b"yours\n") == (1, 0)
        cursor.execute("SELECT line FROM sent_lines")
        assert cursor.fetchall() == (("yours",),)


TYPES = """SELECT 1, 1.5, CAST(1.5 AS DECIMAL(9, 3)), 'text', X'C3A4FF', NULL, DATE '2026-11-22', TIME '10:11:12',
    TIMESTAMP '2026-11-22 10:11:12.345678', number, id, detail, options
    FROM imports LEFT JOIN events ON number = import_no"""


def test_what_is_read_is_what_the_driver_would_read(services: Services, database: DatabaseServer) -> None:
    number = accept_rows(services).number
    address = {
        "host": services.database.url.host,
        "port": services.database.url.port,
        "user": services.database.url.username,
    }
    plain = pymysql.connect(
        **address,
        password=str(services.database.url.password),
        database=services.database.url.database,
        charset="utf8mb4",
    )
    statement = f"{TYPES} WHERE number = {number}"
    with services.database.session() as session, plain, session.cursor() as ours, plain.cursor() as theirs:
        for asked in (statement, "SELECT 1 FROM imports WHERE FALSE", statement, "DO 1", "SELECT 'two' AS one"):
            assert ours.execute(asked) == theirs.execute(asked)
            assert ours.description == theirs.description and ours.fetchall() == theirs.fetchall()
        for cursor in (ours, theirs):
            with pytest.raises(pymysql.err.MySQLError, match="BIGINT"):
                cursor.execute("SELECT 18446744073709551615 + number FROM imports")
            assert cursor.execute("SELECT 1") == 1, "the answer after a refused one is read whole"


@pytest.mark.parametrize("rest", [b"", b"rd", b"what was never sent"])
def test_an_answer_that_breaks_off_says_so(services: Services, rest: bytes) -> None:
    with services.database.session() as session, session.cursor() as cursor:
        read, left = session._read_bytes, [9]

        def break_off(number: int) -> bytes:
            left[0] -= 1
            if not left[0]:
                session._rfile = BytesIO(rest)
            return read(number)

        session._read_bytes = break_off
        with pytest.raises(pymysql.err.OperationalError, match=r"Lost connection|came instead"):
            cursor.execute("SELECT 1, 2, 3, 4, 5, 6, 7, 8")


def test_a_connection_that_died_while_it_rested_is_replaced(services: Services, database: DatabaseServer) -> None:
    def connection_id() -> int:
        with services.database.begin() as connection:
            return int(connection.execute(text("SELECT CONNECTION_ID()")).scalar_one())

    first = connection_id()
    assert connection_id() == first
    with database.root() as cursor:
        cursor.execute(f"KILL CONNECTION {first}")
    assert connection_id() != first


def test_a_connection_that_was_long_unused_is_asked_first(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(DriverConnection, "ping", lambda connection, reconnect: asked.append(connection))
    for _ in range(3):
        services.database.ping()
    assert not asked
    monkeypatch.setattr("app.db.database.UNUSED_SECONDS", 0)
    for _ in range(3):
        services.database.ping()
    assert len(asked) == 3
