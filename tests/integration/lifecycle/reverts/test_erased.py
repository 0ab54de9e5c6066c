"""Reverts after an erasure: a person never comes back, and all others do."""

from typing import Any

import pytest

from app.db.erasures import rows
from app.domain.dataset import ORDERS
from app.domain.errors import FileForgotten
from app.domain.imports import Import
from app.domain.states import State
from app.lifecycle.datasets.erasing import erase as erasing, progress as steps
from app.lifecycle.datasets.erasing.erase import Erasure
from app.lifecycle.imports.retry import retry_import
from app.lifecycle.imports.reverting.show import show_reverts
from tests.integration.lifecycle.reverts.nights import HEADER, Nights
from tests.invariants import check, converge
from tests.uploads import accept_file

ANNA, BOB = "anna@example.org", "bob@example.org"


def load(nights: Nights, orders: dict[int, tuple[str, str]], **options: str) -> Import:
    """An import of orders by number: the customer and the address."""
    lines = (
        f"Bay,N-{number},{customer},{email},Weg 1,S-1,2,1.50,EUR,paid,2026-01-02 03:04:05\n"
        for number, (customer, email) in orders.items()
    )
    body = HEADER + "".join(lines)
    return converge(nights.services, accept_file(nights.services, ORDERS, body.encode(), **options).row.number)


def erase(nights: Nights, *, dry_run: bool = False, **where: str) -> Erasure:
    """Go on to its end."""
    where = where or {"email": ANNA}
    cursor = None
    while True:
        found = erasing.erase(nights.services, "orders", where, dry_run=dry_run, cursor=cursor)
        cursor = found.cursor
        if cursor is None:
            return found


def counts(found: Erasure, *places: str) -> tuple[int, ...]:
    return tuple(found.progress.counts[place] for place in places)


def revert(nights: Nights, row: Import, **options: Any) -> dict[int, str]:
    """Revert an import whole; what the table is then."""
    done = nights.revert(row, **options)
    assert done.state is State.COMMITTED, done.error
    return nights.table()


@pytest.fixture(params=[5.0, 0.0], ids=["at once", "step by step"])
def _seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STEP_SECONDS", request.param)


@pytest.mark.usefixtures("_seconds")
def test_a_revert_puts_back_all_others(nights: Nights) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de"), 3: ("Anna again", ANNA)})
    second = load(nights, {1: ("Anna B", ANNA), 2: ("Carl B", "c@x.de")}, on_conflict="update")
    for dry_run in (True, False):
        found = erase(nights, dry_run=dry_run)
        assert counts(found, "rows", "images", "files") == (2, 1, 2) and found.is_complete
    assert found.progress.imports == {first.number, second.number}
    assert nights.table() == {2: "Carl B"}
    for row in (first, second):
        check(nights.services, row.number)
    assert revert(nights, second) == {2: "Carl"}
    assert revert(nights, first) == {}
    assert counts(erase(nights), "rows", "images", "files", "texts") == (0, 0, 0, 0)
    with pytest.raises(FileForgotten):
        retry_import(nights.services, first.id)


@pytest.mark.parametrize("order", ["update first", "cascade", "restrict"])
def test_a_row_that_is_someone_elses_by_now_stays_and_is_counted(nights: Nights, order: str) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de")})
    second = load(nights, {1: ("Bob", BOB), 2: ("Carl B", "c@x.de")}, on_conflict="update")
    assert counts(erase(nights), "rows", "images") == (0, 1)
    assert nights.table() == {1: "Bob", 2: "Carl B"}
    if order == "cascade":
        assert revert(nights, first, dependents="cascade") == {}
        return
    failed = nights.revert(first)
    assert failed.state is State.FAILED and {kind for _, kind in nights.list_obstacles(failed)} == {"updated_by_import"}
    if order == "restrict":
        return
    assert converge(nights.services, nights.accept(second, dry_run=True).number).rows_updated == 1
    assert revert(nights, second) == {1: "Bob", 2: "Carl"}
    (outcome, _) = show_reverts(nights.services, second.id).outcomes
    assert (outcome.rows_restored, outcome.rows_erased, outcome.rows_left, outcome.in_the_way) == (1, 1, 0, {})
    assert revert(nights, first) == {}


@pytest.mark.parametrize("order", [("third", "second", "first"), ("second", "third", "first"), ("both", "first")])
def test_the_chain_of_updates_goes_on_without_the_erased_one(nights: Nights, order: tuple[str, ...]) -> None:
    imports = {
        "first": load(nights, {1: ("Anna", ANNA)}),
        "second": load(nights, {1: ("Bob", BOB)}, on_conflict="update"),
        "third": load(nights, {1: ("Cleo", "cleo@x.de")}, on_conflict="update"),
    }
    assert counts(erase(nights), "rows", "images") == (0, 1)
    for step in order:
        if step == "both":
            done = converge(nights.services, nights.accept_all([imports["second"], imports["third"]]).number)
            assert done.state is State.COMMITTED and nights.table() == {1: "Bob"}
        else:
            revert(nights, imports[step])
    assert nights.table() == {}


def test_what_a_revert_kept_of_a_person_is_not_brought_back(nights: Nights) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de")})
    taken = nights.revert(first, keep_images=True)
    assert counts(erase(nights), "rows", "images") == (0, 1)
    assert revert(nights, taken) == {2: "Carl"}
    check(nights.services, first.number)
    assert revert(nights, first) == {}


def test_what_a_row_was_goes_with_what_it_was_at_last(nights: Nights) -> None:
    first = load(nights, {1: ("Anna of before", BOB), 2: ("Carl", "c@x.de")})
    load(nights, {1: ("Anna", ANNA)}, on_conflict="update")
    taken = nights.revert(first, dependents="cascade", keep_images=True)
    assert nights.table() == {}
    for dry_run in (True, False):
        assert counts(erase(nights, dry_run=dry_run), "rows", "images") == (0, 2)
    assert "Anna" not in str(nights.ask("SELECT `row` FROM before_images"))
    assert revert(nights, taken) == {2: "Carl"}


def test_what_a_revert_replaced_is_not_brought_back(nights: Nights) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de"), 3: ("Bob", BOB)})
    after = {1: ("Anna B", ANNA), 2: ("Carl B", "c@x.de"), 3: ("Now Anna", ANNA)}
    second = load(nights, after, on_conflict="update")
    taken = nights.revert(second, keep_images=True)
    assert nights.table() == {1: "Anna", 2: "Carl", 3: "Bob"}
    assert counts(erase(nights), "rows", "images") == (1, 3)  # of the third the revert's alone
    assert revert(nights, taken) == {2: "Carl B", 3: "Bob"}
    assert revert(nights, second) == {2: "Carl", 3: "Bob"}
    assert revert(nights, first) == {}


def test_forced_and_partial_reverts_pass_it_over(nights: Nights) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de")})
    second = load(nights, {1: ("Bob", BOB), 2: ("Carl B", "c@x.de")}, on_conflict="update")
    erase(nights)
    assert revert(nights, second, rows={"filter": {"order_number": "N-1"}}) == {1: "Bob", 2: "Carl B"}
    nights.do("UPDATE orders SET quantity = 7")
    assert revert(nights, second, on_changed="force") == {1: "Bob", 2: "Carl"}
    assert revert(nights, first, on_changed="force") == {}


def test_rows_that_another_transaction_holds_are_left_and_named(nights: Nights) -> None:
    load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de")})
    with nights.services.database.begin_long() as connection:
        connection.exec_driver_sql("SELECT 1 FROM orders WHERE order_number = 'N-1' FOR UPDATE")
        found = erase(nights)
        assert not found.is_complete and "locked" in found.progress.left[0]["reason"]
    assert nights.table() == {1: "Anna", 2: "Carl"}
    assert erase(nights).is_complete and nights.table() == {2: "Carl"}


def test_an_import_and_a_revert_that_wait_are_named(nights: Nights) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de")})
    waiting = nights.accept(first)
    later = nights.accept_file(7)
    found = erase(nights)
    assert not found.is_complete and nights.table() == {1: "Anna", 2: "Carl"}
    named = {one["import"] for one in found.progress.left}
    assert {first.id, waiting.id} <= named and len(named) == 3
    converge(nights.services, waiting.number)
    converge(nights.services, later)
    assert erase(nights).is_complete


def test_a_revert_that_ends_between_two_steps_makes_another_look(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(nights, {1: ("Anna", ANNA), 2: ("Carl", "c@x.de")})
    taken = nights.revert(first, keep_images=True)
    look = erasing._STAGES[steps.Stage.IMAGES]
    brought = []

    def bring_back_first(*arguments: Any, **named: Any) -> bool:
        if not brought:  # the rows were looked at: she was not there
            brought.append(revert(nights, taken))
        return look(*arguments, **named)

    monkeypatch.setitem(erasing._STAGES, steps.Stage.IMAGES, bring_back_first)
    found = erase(nights)
    assert brought == [{1: "Anna", 2: "Carl"}]
    assert found.is_complete and found.progress.looks == 2 and nights.table() == {2: "Carl"}
    assert counts(found, "rows") == (1,)
    check(nights.services, first.number)


def test_an_import_that_updates_her_row_meanwhile_leaves_no_image(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(nights, {1: ("Anna", ANNA)})
    lock, updates = rows.lock_rows, []

    def update_first(*arguments: Any) -> list[int]:
        if not updates:  # her row was found, and is not locked yet
            updates.append(load(nights, {1: ("Bob", BOB)}, on_conflict="update"))
        return lock(*arguments)

    monkeypatch.setattr(rows, "lock_rows", update_first)
    found = erase(nights)
    assert found.is_complete and counts(found, "rows", "images") == (0, 1)
    assert ANNA not in str(nights.ask("SELECT `row` FROM before_images"))
    assert revert(nights, updates[0]) == {1: "Bob"}
    assert revert(nights, first) == {}
