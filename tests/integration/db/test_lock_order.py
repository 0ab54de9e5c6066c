"""No two statements of the ledger wait for each other: each locks an import before the indexes that it changes."""

from collections.abc import Callable
from threading import Event, Thread

import pytest
from sqlalchemy import Connection

from app.db.imports import stops, transitions
from app.domain.imports import Tally
from app.domain.states import STOPPABLE, State
from app.lifecycle.services import Services

ID = "00000000-0000-0000-0000-000000000001"


class UndoneError(Exception):
    """Ends a transaction, so that the next one finds the same state."""


@pytest.fixture
def number(services: Services) -> int:
    """The only import, running: MariaDB finds it by its state as soon as by its number."""
    with services.database.begin() as connection:
        number = transitions.insert_import(connection, {"id": ID, "dataset": "orders", "generate_rows": 1})
        assert transitions.ledger.claim(connection, number, worker="here", lease_seconds=60)
    return number


def progress(connection: Connection, number: int) -> None:
    transitions.record_progress(connection, number, 1, phase="loading", tally=Tally(), source_bytes=0)


def renew(connection: Connection, number: int) -> None:
    transitions.ledger.renew_lease(connection, number, 1, 60)


def decide(connection: Connection, number: int) -> None:
    assert transitions.ledger.move(connection, number, {State.RUNNING}, State.COMMITTING, at_epoch=1)


def requeue(connection: Connection, number: int) -> None:
    assert transitions.ledger.requeue(connection, number, 1, detail={})


def stop(connection: Connection, number: int) -> None:
    assert stops.stop_at_once(connection, ID, STOPPABLE)


@pytest.mark.parametrize("beside", [progress, renew, decide, requeue])
def test_a_stop_never_meets_a_deadlock(
    services: Services, number: int, beside: Callable[[Connection, int], None]
) -> None:
    over, refused = Event(), []

    def repeat(act: Callable[[Connection, int], None], times: int | None) -> None:
        done = 0
        while not over.is_set() and done != times:
            done += 1
            try:
                with services.database.begin() as connection:
                    act(connection, number)
                    raise UndoneError
            except UndoneError:
                continue
            except Exception as error:  # noqa: BLE001 — shown below
                refused.append(error)
                return

    other = Thread(target=repeat, args=(beside, None))
    other.start()
    try:
        repeat(stop, 400)
    finally:
        over.set()
        other.join()
    assert not refused
