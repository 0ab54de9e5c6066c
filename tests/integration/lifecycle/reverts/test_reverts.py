"""Reverts: an import's rows go, what it updated comes back, and what others changed since stands in the way."""

import pytest

from app.domain.dataset import ORDERS
from app.domain.errors import KeyReused, NotRevertible, Reverted
from app.domain.imports import Import
from app.domain.states import State
from app.lifecycle.datasets.delete_rows import delete_rows
from app.lifecycle.imports import stop
from app.lifecycle.imports.retry import retry_import
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find


def counts(row: Import) -> tuple[State, int, int, int]:
    """State, rows deleted, rows put back, rows in the way."""
    return row.state, row.rows_done, row.rows_updated, row.rows_rejected


def test_all_rows_of_an_import_go_and_no_others(nights: Nights) -> None:
    first, second = nights.load(1, 2, 3), nights.load(4, 5)
    assert counts(nights.revert(first, reason="the wrong file")) == (State.COMMITTED, 3, 0, 0)
    assert nights.table() == {4: "first", 5: "first"}
    gone = find(nights.services, first.number)
    assert gone.state is State.COMMITTED and (gone.rows_done, gone.rows_deleted, gone.rows_kept) == (3, 3, 0)
    assert gone.reverted_by is not None and gone.reverted_at is not None
    assert find(nights.services, second.number).reverted_by is None
    with pytest.raises(Reverted) as refused:
        nights.accept(first)
    assert refused.value.extra["revert_id"] == gone.reverted_by


def test_updated_rows_get_their_old_values_back(nights: Nights) -> None:
    first = nights.load(1, 2, 3)
    before = nights.ask("SELECT *, import_changed_at FROM orders ORDER BY 1, 2")
    second = nights.load(2, 3, 4, customer="second", on_conflict="update")
    assert nights.table() == {1: "first", 2: "second", 3: "second", 4: "second"}
    assert counts(nights.revert(second)) == (State.COMMITTED, 1, 2, 0)
    assert nights.ask("SELECT *, import_changed_at FROM orders ORDER BY 1, 2") == before
    assert counts(nights.revert(first)) == (State.COMMITTED, 3, 0, 0)  # nobody has changed its rows since
    assert nights.table() == {}


def test_updates_are_taken_back_in_the_order_in_which_they_came(nights: Nights) -> None:
    first = nights.load(1)
    second = nights.load(1, customer="second", on_conflict="update")
    third = nights.load(1, customer="third", on_conflict="update")
    failed = nights.revert(second)
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "updated_by_import")]
    failed = nights.revert(first)
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "updated_by_import")]
    for row, customer in ((third, "second"), (second, "first")):
        assert nights.revert(row).state is State.COMMITTED
        assert nights.table() == {1: customer}
    assert nights.revert(first).state is State.COMMITTED
    assert nights.table() == {}


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_another_program_changed_stands_in_the_way(nights: Nights, dry_run: bool) -> None:
    row = nights.load(1, 2, 3, 4)
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-2'")
    nights.do("DELETE FROM orders WHERE order_number = 'N-4'")
    revert = nights.revert(row, dry_run=dry_run)
    assert revert.state is (State.CHECKED if dry_run else State.FAILED)
    assert nights.list_obstacles(revert) == [(2, "changed"), (0, "missing")]
    assert nights.table() == {1: "first", 2: "edited", 3: "first"}
    if not dry_run:
        assert "1 changed by another program" in revert.error["message"]  # type: ignore[index]
    # neither keeps a revert that leaves them from the import, nor that one another
    assert counts(nights.revert(row, on_changed="skip")) == (State.COMMITTED, 2, 0, 2)
    assert nights.table() == {2: "edited"}
    left = find(nights.services, row.number)
    assert left.reverted_by is None and (left.rows_deleted, left.rows_kept) == (3, 1)
    again = nights.revert(row, on_changed="skip")
    assert counts(again) == (State.COMMITTED, 0, 0, 1)


def test_rows_that_are_gone_already_leave_nothing_to_revert(nights: Nights) -> None:
    row = nights.load(1, 2, 3)
    nights.do("DELETE FROM orders WHERE order_number <> 'N-1'")
    assert counts(nights.revert(row, on_changed="skip")) == (State.COMMITTED, 1, 0, 2)
    gone = find(nights.services, row.number)
    assert gone.reverted_by is not None and gone.rows_kept == 0


def test_a_row_that_was_updated_and_is_gone_is_missing_once(nights: Nights) -> None:
    first = nights.load(1, 2)
    nights.load(1, customer="second", on_conflict="update")
    nights.do("DELETE FROM orders WHERE order_number = 'N-1'")
    failed = nights.revert(first)
    assert failed.attempts == 1 and nights.list_obstacles(failed) == [(0, "missing")]
    assert counts(nights.revert(first, on_changed="skip")) == (State.COMMITTED, 1, 0, 1)


def test_an_updated_row_that_was_changed_or_deleted_since_stays(nights: Nights) -> None:
    nights.load(1, 2, 3)
    second = nights.load(1, 2, 3, customer="second", on_conflict="update")
    nights.do("UPDATE orders SET quantity = 7 WHERE order_number = 'N-1'")
    nights.do("DELETE FROM orders WHERE order_number = 'N-2'")
    failed = nights.revert(second)
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "changed"), (2, "missing")]
    assert counts(nights.revert(second, on_changed="skip")) == (State.COMMITTED, 0, 1, 2)
    assert nights.table() == {1: "second", 3: "first"}


def test_a_key_that_stands_in_a_file_twice_is_no_stranger(nights: Nights) -> None:
    row = nights.load(1, 2, 1, on_conflict="update")
    assert row.rows_updated == 1
    assert counts(nights.revert(row)) == (State.COMMITTED, 2, 0, 0)
    assert nights.table() == {}


def test_rows_that_were_deleted_through_us_are_not_missing(nights: Nights) -> None:
    first = nights.load(1, 2)
    second = nights.load(2, 3, customer="second", on_conflict="update")
    assert delete_rows(nights.services, ORDERS, first.number) == 2
    assert counts(nights.revert(first)) == (State.COMMITTED, 0, 0, 0)
    assert counts(nights.revert(second)) == (State.COMMITTED, 1, 0, 0)
    assert nights.table() == {}


def test_a_stopped_revert_leaves_everything_and_frees_the_import(nights: Nights) -> None:
    row = nights.load(1, 2)
    waiting = nights.accept(row)
    with pytest.raises(Reverted, match="is being reverted"):
        nights.accept(row)
    assert stop.stop_import(nights.services, waiting.id).state is State.STOPPED
    assert nights.table() == {1: "first", 2: "first"}
    assert counts(nights.revert(row)) == (State.COMMITTED, 2, 0, 0)
    assert converge(nights.services, waiting.number).state is State.STOPPED


def test_what_can_not_be_reverted_says_why(nights: Nights) -> None:
    row = nights.load(1)
    failed = nights.load(1)
    revert = nights.revert(row)
    for one, words in ((failed, "the import is failed"), (revert, "kept no images")):
        with pytest.raises(NotRevertible, match=words):
            nights.accept(one)
    old = nights.load(2)
    nights.do("UPDATE receipts SET stamp = NULL WHERE import_no = %s", old.number)
    with pytest.raises(NotRevertible, match="before there were reverts"):
        nights.accept(old)
    late = nights.load(3)
    nights.do("UPDATE imports SET finished_at = finished_at - INTERVAL 31 DAY WHERE number = %s", late.number)
    with pytest.raises(NotRevertible, match="was over on"):
        nights.accept(late)


def test_a_key_does_not_load_what_was_reverted(nights: Nights) -> None:
    row = nights.load(1, 2, key="night")
    assert nights.load(1, 2, key="night").number == row.number
    revert = nights.revert(row)
    with pytest.raises(Reverted, match="retry") as refused:
        nights.load(1, 2, key="night")
    assert refused.value.extra["revert_id"] == revert.id
    right = nights.load(3, key="night")  # the right file under the same name of the night
    assert right.number != row.number and nights.table() == {3: "first"}
    assert nights.load(3, key="night").number == right.number
    again = converge(nights.services, retry_import(nights.services, row.id).number)
    assert again.state is State.COMMITTED and set(nights.table()) == {1, 2, 3}


def test_a_revert_that_left_rows_frees_no_key(nights: Nights) -> None:
    row = nights.load(1, 2, key="night")
    nights.do("UPDATE orders SET quantity = 9 WHERE order_number = 'N-1'")
    nights.revert(row, on_changed="skip")
    assert nights.load(1, 2, key="night").number == row.number
    with pytest.raises(KeyReused):
        nights.load(3, key="night")
