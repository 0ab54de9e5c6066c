"""What tests of faults share: imports that are held in mid-load, settings of the broker, and the count at the end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pymysql

from app.cli.servers import PrivateRabbitMQ
from app.formats.generate.orders import write_csv_sample
from tests.servers import DatabaseServer
from tests.stack import FINAL, Stack
from tests.waiting import patience, wait_for

HELD_ROWS = 2000  # three batches of 128 KiB
# a held import waits longer than a test does
PATIENCE: dict[str, object] = {"lock_wait_seconds": int(patience()) + 40, "lease_seconds": int(patience()) + 41}
RECONNECTED = '"Connected to amqp'
_seeds = (f"held{number}" for number in count())


def insert(stack: Stack, rows: int) -> str:
    answer = stack.get(f"/insert/{rows}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["task_id"])


def committed_once(stack: Stack, id: str, rows: int) -> dict[str, Any]:
    """The only import of a test, once it has ended as it should."""
    return all_committed_once(stack, {id: rows})[0]


def all_committed_once(stack: Stack, rows: dict[str, int]) -> list[dict[str, Any]]:
    """Every import of a test (id → rows), once all have ended as they should."""
    unfinished = {id: stack.find(id) for id in rows}

    def all_ended() -> bool:
        for id in list(unfinished):
            unfinished[id] = stack.find(id)
            if unfinished[id]["state"] in FINAL:
                del unfinished[id]
        return not unfinished

    try:
        wait_for(all_ended, "every import ended", seconds=patience(90))
    except AssertionError as error:
        left = Counter((row["state"], row["attempt"]["number"]) for row in unfinished.values())
        raise AssertionError(f"{error}; of {len(rows)} are left, by state and attempt: {dict(left)}") from error
    found = [stack.find(id) for id in rows]
    ended = {row["id"]: (row["state"], row["rows_done"], row["error"]) for row in found}
    assert ended == {id: ("committed", number, None) for id, number in rows.items()}
    for row in found:
        kinds = [event["event"] for event in row["timeline"]]
        assert (kinds.count("committing"), kinds.count("committed")) == (1, 1)
    assert stack.count() == sum(rows.values())
    return found


class Held:
    """Imports that wait at their last order, because an open transaction has its key. Use `held_imports`."""

    def __init__(self, stack: Stack, connection: "pymysql.Connection[Any]", folder: Path) -> None:
        self._stack, self._connection, self._folder = stack, connection, folder
        self._numbers = count(4_000_000_000)

    def start(self) -> str:
        """Send one and wait until it has loaded some rows; its id."""
        path = self._folder / "held.csv"
        write_csv_sample(path, HELD_ROWS, next(_seeds))
        file = path.read_bytes()
        marketplace, order_number = file.splitlines()[-1].decode().split(",")[:2]
        with self._connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO orders VALUES (%s, 1, %s, %s, '', '', '', '', 1, 1, 'EUR', 'paid', NOW())",
                (next(self._numbers), marketplace, order_number),
            )
        answer = self._stack.send(file)
        assert answer.status_code == 202, answer.text
        id = str(answer.json()["id"])
        self._stack.wait_rows(id)
        return id

    def release(self) -> None:
        """Let all of them go on."""
        self._connection.rollback()


@contextmanager
def held_imports(stack: Stack, database: DatabaseServer, folder: Path) -> Iterator[Held]:
    """Imports are held in mid-load while this lasts, as long as their lock wait allows (`PATIENCE`)."""
    with pymysql.connect(
        host="127.0.0.1",
        port=database.server.port,
        user="root",
        password=database.server.password,
        database=database.database,
    ) as connection:
        yield Held(stack, connection, folder)


def count_logged(stack: Stack, name: str, text: str) -> int:
    """How often this process has logged something since it was started."""
    return stack.log(name).read_text().count(text)


@contextmanager
def consumer_timeout(broker: PrivateRabbitMQ, seconds: float, tick_seconds: float) -> Iterator[None]:
    """How long a consumer may keep a message without acknowledging it; RabbitMQ 3 looks every `tick_seconds`.

    For channels and queues that are made from now on.
    """
    _set_environment(broker, consumer_timeout=seconds, channel_tick_interval=tick_seconds)
    try:
        yield
    finally:
        _set_environment(broker, consumer_timeout=1800, channel_tick_interval=60)


def _set_environment(broker: PrivateRabbitMQ, **seconds: float) -> None:
    settings = [f"application:set_env(rabbit, {name}, {value * 1000:.0f})" for name, value in seconds.items()]
    broker.control("eval", ", ".join(settings) + ".")
