"""After any sequence of imports, edits, deletions and reverts the table and the answers are those of a model."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.domain.dataset import ORDERS
from app.domain.errors import ImportFailed, NotRevertible, Reverted
from app.domain.states import State
from app.formats.reject_file import RejectWriter
from app.lifecycle.datasets.delete_rows import delete_rows
from app.lifecycle.imports import stop
from app.lifecycle.imports.loading.load import claim
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.reverting.attempt import RevertAttempt
from app.lifecycle.imports.row_counter import count_rows
from app.lifecycle.services import Services
from tests.fuzz.examples import examples
from tests.in_doubt import end_lease
from tests.integration.lifecycle.reverts.model import Model
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find
from tests.servers import DatabaseServer, empty

NUMBERS = st.integers(1, 6)
WHICH = st.integers(0, 20)  # an import, by its position among all there are
ON_CHANGED = st.sampled_from(["fail", "skip"])
ACTS = st.one_of(
    st.tuples(st.just("load"), st.lists(NUMBERS, min_size=1, max_size=5), st.sampled_from(["fail", "skip", "update"])),
    st.tuples(st.just("load"), st.lists(NUMBERS, min_size=1, max_size=5), st.just("update")),
    st.tuples(st.just("edit"), NUMBERS),
    st.tuples(st.just("delete"), NUMBERS),
    st.tuples(st.just("delete rows"), WHICH),
    st.tuples(st.just("count"), WHICH),
    st.tuples(st.just("revert"), WHICH, ON_CHANGED, st.sampled_from(["", "dry", "stop", "kill"])),
    st.tuples(st.just("revert"), WHICH, ON_CHANGED, st.just("")),
)


class Sequence:
    """One sequence, on the server and in the model."""

    def __init__(self, services: Services) -> None:
        self.nights, self.model, self.acts = Nights(services), Model(), 0

    def do(self, act: tuple[Any, ...]) -> None:
        self.acts += 1
        getattr(self, f"_{act[0].replace(' ', '_')}")(*act[1:])
        assert self.nights.table() == self.model.table
        for number, loaded in self.model.imports.items():
            row = find(self.nights.services, number)
            assert (row.rows_deleted, row.rows_kept) == (loaded.rows_deleted, loaded.rows_kept)
            assert (row.reverted_by is not None) == loaded.reverted

    def _load(self, numbers: list[int], mode: str) -> None:
        customer = f"import {self.acts}"
        row = self.nights.load(*numbers, customer=customer, on_conflict=mode)
        committed = self.model.load(row.number, numbers, customer, mode)
        assert row.state is (State.COMMITTED if committed else State.FAILED)

    def _edit(self, number: int) -> None:
        customer = f"edit {self.acts}"
        self.nights.do("UPDATE orders SET customer = %s WHERE order_number = %s", customer, f"N-{number}")
        self.model.edit(number, customer)

    def _delete(self, number: int) -> None:
        self.nights.do("DELETE FROM orders WHERE order_number = %s", f"N-{number}")
        self.model.delete(number)

    def _delete_rows(self, which: int) -> None:
        if (number := self._find(which)) is not None:
            delete_rows(self.nights.services, ORDERS, number)
            self.model.delete_rows(number)

    def _count(self, which: int) -> None:
        if (number := self._find(which)) is not None:
            self.nights.do("UPDATE imports SET count_asked_at = NULL WHERE number = %s", number)
            assert count_rows(self.nights.services.database, number)
            self.model.count(number)

    def _revert(self, which: int, on_changed: str, how: str) -> None:
        if (number := self._find(which)) is None:
            return
        target, expected = find(self.nights.services, number), self.model.expect(number)
        if self.model.imports[number].reverted:
            with pytest.raises(Reverted):
                self.nights.accept(target)
            return
        try:
            revert = self.nights.accept(target, on_changed=on_changed, dry_run=how == "dry")
        except NotRevertible:
            raise AssertionError("it can be reverted") from None
        if how == "stop":
            stop.stop_import(self.nights.services, revert.id)
        elif how == "kill":
            self._begin_and_die(revert.number)
        ended = converge(self.nights.services, revert.number)
        if how == "stop":
            assert ended.state is State.STOPPED
            return
        assert ended.rows_rejected == expected.obstacles
        if how == "dry":
            assert ended.state is State.CHECKED
        elif expected.obstacles and on_changed == "fail":
            assert ended.state is State.FAILED
            return
        else:
            assert ended.state is State.COMMITTED
            self.model.revert(number, expected)
        assert (ended.rows_done, ended.rows_updated) == (len(expected.deleted), len(expected.restored))

    def _begin_and_die(self, number: int) -> None:
        """A worker that dies with everything done and nothing prepared."""
        services = self.nights.services
        row = claim(services.database, services.settings, number, "doomed")
        assert row is not None
        writer = RejectWriter(services.spool.path("doomed"))
        attempt = RevertAttempt(services.database, services.installation, row, GracefulShutdown(0), writer)
        with suppress(ImportFailed):  # it finds rows in the way, and dies before it can say so
            attempt.run()
        attempt.abandon()
        writer.discard()
        end_lease(services, row)

    def _find(self, which: int) -> int | None:
        numbers = list(self.model.imports)
        return numbers[which % len(numbers)] if numbers else None


@settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(acts=st.lists(ACTS, min_size=4, max_size=12))
def test_any_sequence_comes_to_what_the_model_says(
    services: Services, database: DatabaseServer, acts: list[tuple[Any, ...]]
) -> None:
    empty(database)
    sequence = Sequence(services)
    for act in acts:
        sequence.do(act)
