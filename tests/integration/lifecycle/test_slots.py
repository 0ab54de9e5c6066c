"""Who is next: priority, then clients in turn, then age; and small imports have a slot that large ones can't take."""

import multiprocessing
import os
import signal
from typing import Any

import pytest

from app.db.imports import transitions
from app.lifecycle.imports.loading.load import claim, claim_next
from app.lifecycle.imports.loading.slots import Slots
from app.lifecycle.services import Services
from tests.waiting import patience

pytestmark = pytest.mark.in_turn


def record(services: Services, **values: Any) -> int:
    row = {"id": os.urandom(16).hex(), "dataset": "orders", "generate_rows": 1_000_000, "seed": "s", **values}
    with services.database.begin() as connection:
        return transitions.insert_import(connection, row)


def list_due(services: Services, *, only_small: bool = False) -> list[int]:
    with services.database.begin() as connection:
        return transitions.list_due(connection, 10, only_small=only_small)


def test_priority_comes_before_age(services: Services) -> None:
    first, second, urgent = record(services), record(services), record(services, priority=5)
    later = record(services, priority=-5)
    assert list_due(services) == [urgent, first, second, later]


def test_clients_take_turns(services: Services) -> None:
    ann = [record(services, client="ann") for _ in range(3)]
    bob = [record(services, client="bob") for _ in range(2)]
    assert list_due(services) == ann + bob
    assert claim(services.database, services.settings, ann[0], "worker")
    assert list_due(services) == [*bob, ann[1], ann[2]]
    assert claim(services.database, services.settings, bob[0], "worker")
    assert list_due(services) == [ann[1], ann[2], bob[1]]


def test_what_another_has_claimed_meanwhile_is_left_to_it(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [record(services) for _ in range(2)]
    monkeypatch.setattr(transitions, "list_due", lambda *_, **__: numbers)  # as each saw it before the other's claim
    claimed = [claim_next(services, worker, only_small=False) for worker in ("one", "another", "a third")]
    assert [row and (row.number, row.epoch) for row in claimed] == [(numbers[0], 1), (numbers[1], 1), None]
    assert claim(services.database, services.settings, numbers[0], "late") is None


@pytest.mark.parametrize(
    ("values", "small"),
    [
        ({"generate_rows": 100}, True),
        ({"generate_rows": 100_000}, False),
        ({"generate_rows": None, "bytes_total": 100_000, "compression": "none"}, True),
        ({"generate_rows": None, "bytes_total": 900_000, "compression": "gzip"}, False),
        ({"generate_rows": None, "bytes_total": 2_000_000, "compression": "none"}, False),
        (
            {"generate_rows": None, "bytes_total": 100, "compression": "none", "upload_lease_until": transitions.NOW},
            False,
        ),
    ],
)
def test_what_is_small(services: Services, values: dict[str, Any], small: bool) -> None:
    number = record(services, **values)
    assert list_due(services, only_small=True) == ([number] if small else [])


def test_slots_are_freed_with_their_process() -> None:
    slots = Slots(1)
    fork = multiprocessing.get_context("fork")
    taken, done = fork.Event(), fork.Event()

    def hold() -> None:
        with slots.take() as any_size:
            assert any_size
            taken.set()
            done.wait(patience())

    holder = fork.Process(target=hold, daemon=True)
    holder.start()
    assert taken.wait(patience())
    with slots.take() as any_size:
        assert not any_size
    assert holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with slots.take() as any_size:
        assert any_size
