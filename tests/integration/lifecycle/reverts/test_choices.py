"""What a revert can be asked for: dependents, some rows, by force, what a dry run has seen, and to be reverted."""

import pytest

from app.domain.dataset import ORDERS
from app.domain.errors import InvalidContent, NotRevertible, Reverted
from app.domain.states import State
from app.lifecycle.datasets.delete_rows import delete_rows
from app.lifecycle.imports.reverting.show import show_reverts
from tests.integration.lifecycle.reverts.nights import Nights
from tests.integration.lifecycle.reverts.test_reverts import counts
from tests.invariants import converge, find

pytestmark = pytest.mark.in_turn

EVERYTHING = "SELECT *, import_changed_at FROM orders ORDER BY 1, 2"


def test_dependents_are_reverted_with_it_whole_and_transitively(nights: Nights) -> None:
    nights.load(9)
    before = nights.ask(EVERYTHING)
    first = nights.load(1, 2)
    second = nights.load(2, 3, customer="second", on_conflict="update")
    third = nights.load(3, 9, customer="third", on_conflict="update")
    revert = nights.revert(first, dependents="cascade", reason="the wrong file")
    assert counts(revert) == (State.COMMITTED, 3, 1, 0)
    assert nights.ask(EVERYTHING) == before
    for row in (first, second, third):
        found = find(nights.services, row.number)
        assert found.reverted_by == revert.id and found.rows_kept == 0


def test_a_dry_run_of_a_cascade_names_the_dependents_and_holds_none(nights: Nights) -> None:
    first = nights.load(1)
    second = nights.load(1, customer="second", on_conflict="update")
    checked = nights.revert(first, dependents="cascade", dry_run=True)
    assert counts(checked) == (State.CHECKED, 1, 0, 0)
    imports = show_reverts(nights.services, checked.id).imports
    assert [one.import_id for one in imports] == [second.id, first.id]
    assert counts(nights.revert(second)) == (State.COMMITTED, 0, 1, 0)


def test_a_dependent_that_can_not_be_reverted_keeps_them_all(nights: Nights) -> None:
    first = nights.load(1)
    second = nights.load(1, customer="second", on_conflict="update")
    nights.do("UPDATE imports SET finished_at = finished_at - INTERVAL 31 DAY WHERE number = %s", second.number)
    failed = nights.revert(first, dependents="cascade")
    assert failed.state is State.FAILED and f"number {second.number}" in failed.error["message"]  # type: ignore[index]
    assert nights.table() == {1: "second"}
    assert find(nights.services, first.number).reverted_by is None


def test_force_takes_what_another_program_changed_and_keeps_it(nights: Nights) -> None:
    nights.load(8)
    row = nights.load(1, 2, 3, 8, on_conflict="update")
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number IN ('N-1', 'N-8')")
    nights.do("DELETE FROM orders WHERE order_number = 'N-2'")
    revert = nights.revert(row, on_changed="force")
    assert counts(revert) == (State.COMMITTED, 2, 1, 0)
    assert nights.table() == {8: "first"}
    kept = nights.ask("SELECT `row` LIKE '%%edited%%' FROM before_images WHERE import_no = %s", revert.number)
    assert kept == [(1,), (1,)]
    assert find(nights.services, row.number).reverted_by == revert.id


def test_force_takes_no_update_of_another_import(nights: Nights) -> None:
    first = nights.load(1, 2)
    nights.load(1, customer="second", on_conflict="update")
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-2'")
    failed = nights.revert(first, on_changed="force")
    assert failed.state is State.FAILED and nights.list_obstacles(failed) == [(1, "updated_by_import")]
    assert nights.table() == {1: "second", 2: "edited"}


def test_some_rows_are_reverted_and_the_others_later(nights: Nights) -> None:
    row = nights.load(1, 2, 3, 4)
    revert = nights.revert(row, rows={"ranges": ["2-3"]})
    assert counts(revert) == (State.COMMITTED, 2, 0, 0)
    found = find(nights.services, row.number)
    assert set(nights.table()) == {1, 4} and found.rows_kept == 2 and found.reverted_by is None
    nights.do("UPDATE orders SET customer = 'of 4' WHERE order_number = 'N-4'")
    failed = nights.revert(row, rows={"filter": {"customer": "of 4", "quantity": "2"}})
    assert nights.list_obstacles(failed) == [(4, "changed")]
    assert counts(nights.revert(row, rows={"filter": {"customer": "first"}})) == (State.COMMITTED, 1, 0, 0)
    assert counts(nights.revert(row, on_changed="force")) == (State.COMMITTED, 1, 0, 0)
    assert find(nights.services, row.number).reverted_by is not None


def test_rows_that_it_updated_are_chosen_by_what_they_are_now(nights: Nights) -> None:
    nights.load(1, 2)
    row = nights.load(1, 2, customer="second", on_conflict="update")
    nights.do("UPDATE orders SET sku = 'S-2', import_changed_at = import_changed_at WHERE order_number = 'N-1'")
    assert counts(nights.revert(row, rows={"filter": {"sku": "S-2"}})) == (State.COMMITTED, 0, 1, 0)
    assert nights.table() == {1: "first", 2: "second"}


def test_other_rows_than_those_of_the_dry_run_are_left_alone(nights: Nights) -> None:
    row = nights.load(1, 2)
    checked = nights.revert(row, dry_run=True)
    (outcome,) = show_reverts(nights.services, checked.id).imports
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-1'")
    failed = nights.revert(row, expected=outcome.fingerprint, on_changed="skip")
    assert failed.state is State.FAILED and failed.error["code"] == "rows_differ"  # type: ignore[index]
    assert set(nights.table()) == {1, 2}
    nights.do("UPDATE orders SET customer = 'first', import_changed_at = NULL WHERE order_number = 'N-1'")
    assert counts(nights.revert(row, expected=outcome.fingerprint)) == (State.COMMITTED, 2, 0, 0)


def test_an_edit_after_the_dry_run_is_not_forced(nights: Nights) -> None:
    nights.load(8)
    row = nights.load(1, 8, customer="second", on_conflict="update")
    for number in (1, 8):
        nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = %s", f"N-{number}")
        checked = nights.revert(row, dry_run=True, on_changed="force")
        (outcome,) = show_reverts(nights.services, checked.id).imports
        nights.do("UPDATE orders SET customer = 'edited again' WHERE order_number = %s", f"N-{number}")
        failed = nights.revert(row, on_changed="force", expected=outcome.fingerprint)
        assert failed.state is State.FAILED and failed.error["code"] == "rows_differ"  # type: ignore[index]
    assert nights.table() == {1: "edited again", 8: "edited again"}


def test_a_revert_that_kept_images_is_reverted_to_the_letter(nights: Nights) -> None:
    nights.load(8, 9)
    row = nights.load(1, 2, 8, customer="second", on_conflict="update")
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-1'")
    before = nights.ask(EVERYTHING)
    revert = nights.revert(row, keep_images=True, on_changed="force")
    assert nights.table() == {8: "first", 9: "first"}
    again = nights.revert(revert)
    assert counts(again) == (State.COMMITTED, 2, 1, 0)
    assert nights.ask(EVERYTHING) == before
    found = find(nights.services, row.number)
    assert found.reverted_by is None and found.rows_kept == 2
    assert find(nights.services, revert.number).reverted_by == again.id
    with pytest.raises(NotRevertible, match="revert their import again"):
        nights.accept(again)
    with pytest.raises(Reverted):
        nights.accept(revert)
    assert counts(nights.revert(row, on_changed="skip")) == (State.COMMITTED, 1, 1, 1)


def test_an_update_that_comes_back_with_its_row_counts_again(nights: Nights) -> None:
    first = nights.load(1, 2)
    second = nights.load(1, customer="second", on_conflict="update")
    revert = nights.revert(first, dependents="cascade", keep_images=True)
    assert counts(nights.revert(revert)) == (State.COMMITTED, 2, 0, 0)
    assert nights.table() == {1: "second", 2: "first"}
    assert nights.list_obstacles(nights.revert(first)) == [(1, "updated_by_import")]
    assert counts(nights.revert(second)) == (State.COMMITTED, 0, 1, 0)
    assert counts(nights.revert(first)) == (State.COMMITTED, 2, 0, 0)


def test_what_a_revert_had_put_back_and_another_deleted_is_not_in_its_way(nights: Nights) -> None:
    first = nights.load(1)
    second = nights.load(1, customer="second", on_conflict="update")
    put_back = nights.revert(second, keep_images=True)
    deleted = nights.revert(first, keep_images=True)
    assert counts(nights.revert(put_back, dry_run=True)) == (State.CHECKED, 0, 0, 0)
    assert counts(nights.revert(deleted)) == (State.COMMITTED, 1, 0, 0)
    assert counts(nights.revert(put_back)) == (State.COMMITTED, 0, 1, 0)
    assert nights.table() == {1: "second"}


def test_what_a_revert_of_a_revert_finds_changed_stays(nights: Nights) -> None:
    nights.load(8, 9)
    row = nights.load(1, 2, 8, 9, customer="second", on_conflict="update")
    revert = nights.revert(row, keep_images=True)
    nights.load(1, customer="third")  # its key is taken by now
    nights.load(8, customer="third", on_conflict="update")
    nights.do("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-9'")
    failed = nights.revert(revert)
    assert failed.state is State.FAILED
    assert nights.list_obstacles(failed) == [(1, "key_taken"), (1, "updated_by_import"), (2, "changed")]
    assert counts(nights.revert(revert, on_changed="skip")) == (State.COMMITTED, 1, 0, 3)
    assert nights.table() == {1: "third", 2: "second", 8: "third", 9: "edited"}
    assert find(nights.services, row.number).rows_kept == 1


def test_what_is_for_imports_is_refused_for_a_revert(nights: Nights) -> None:
    revert = nights.revert(nights.load(1), keep_images=True)
    for option in (
        {"on_changed": "force"},
        {"dependents": "cascade"},
        {"keep_images": True},
        {"rows": {"ranges": ["1-1"]}},
    ):
        with pytest.raises(InvalidContent, match="is a revert"):
            nights.accept(revert, **option)
    with pytest.raises(InvalidContent, match="reverted alone"):
        nights.accept_all([revert, nights.load(2)])


def test_rows_that_are_deleted_after_a_revert_of_it_do_not_spoil_its_revert(nights: Nights) -> None:
    row = nights.load(1, 2)
    revert = nights.revert(row, keep_images=True)
    assert delete_rows(nights.services, ORDERS, row.number) == 0
    assert counts(nights.revert(revert)) == (State.COMMITTED, 2, 0, 0)


@pytest.mark.parametrize("shipped", [False, True])
def test_an_updated_order_that_is_handled_stays(nights: Nights, shipped: bool) -> None:
    first = nights.load(1, 2)
    second = nights.load(1, 2, customer="second", on_conflict="update")
    nights.do(
        "INSERT INTO handled_orders (handling_no, position, import_no, row_no, active, state, shipped_at)"
        " VALUES (2147483648, 1, %s, 1, %s, 'done', %s)",
        first.number,
        None if shipped else 1,
        "2026-01-01" if shipped else None,
    )
    failed = nights.revert(second)
    assert nights.list_obstacles(failed) == [(1, "handled" if shipped else "in_handling")]
    assert counts(nights.revert(second, on_changed="skip")) == (State.COMMITTED, 0, 1, 1)
    assert nights.table() == {1: "second", 2: "first"}


def test_a_stopped_revert_gives_its_dependents_back(nights: Nights) -> None:
    first = nights.load(1)
    second = nights.load(1, customer="second", on_conflict="update")
    third = nights.load(1, customer="third", on_conflict="update")
    nights.do("UPDATE imports SET finished_at = finished_at - INTERVAL 31 DAY WHERE number = %s", third.number)
    failed = nights.revert(second, dependents="cascade")
    assert failed.state is State.FAILED
    nights.do("UPDATE imports SET finished_at = NOW(6) WHERE number = %s", third.number)
    assert converge(nights.services, nights.accept(first, dependents="cascade").number).state is State.COMMITTED
    assert nights.table() == {}
