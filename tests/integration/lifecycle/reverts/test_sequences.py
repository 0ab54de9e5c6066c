"""After any sequence of imports, edits, deletions and reverts the table and the answers are those of a model."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.db.reverts import spans
from app.domain.dataset import ORDERS
from app.domain.errors import ImportFailed, NotRevertible, Reverted
from app.domain.imports import Import
from app.domain.states import State
from app.formats.reject_file import RejectWriter
from app.lifecycle.datasets.delete_rows import delete_rows
from app.lifecycle.imports import stop
from app.lifecycle.imports.loading.load import claim
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.reverting.attempt import RevertAttempt
from app.lifecycle.imports.reverting.show import show_reverts
from app.lifecycle.imports.row_counter import count_rows
from app.lifecycle.services import Services
from tests.fuzz.examples import examples
from tests.in_doubt import end_lease
from tests.integration.lifecycle.reverts.model import How, Model
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find
from tests.servers import DatabaseServer, empty

NUMBERS = st.integers(1, 6)
WHICH = st.integers(0, 20)  # an import or a revert, by its position among all there are
MODES = st.sampled_from(["update", "update", "update", "skip", "fail"])
ROWS = st.one_of(
    st.none(),
    st.none(),
    st.none(),
    st.integers(1, 5).map(lambda first: {"ranges": [f"{first}-{first + 1}"]}),
    st.integers(1, 8).map(lambda act: {"filter": {"customer": f"import {act}"}}),
)
ON_CHANGED = st.sampled_from(["skip", "skip", "force", "fail"])
HOW = st.builds(
    How, on_changed=ON_CHANGED, cascade=st.booleans(), keep_images=st.sampled_from([True, True, False]), rows=ROWS
)
END = st.sampled_from(["", "", "", "", "dry", "stop", "kill"])
LOADS = st.tuples(st.just("load"), st.lists(NUMBERS, min_size=1, max_size=5), MODES)
REVERTS = st.tuples(st.just("revert"), st.lists(WHICH, min_size=1, max_size=3), HOW, END)
RETURNS = st.tuples(st.just("bring back"), WHICH, st.sampled_from(["skip", "fail"]), END)
ACTS = st.one_of(
    LOADS,
    st.tuples(st.just("edit"), NUMBERS),
    st.tuples(st.just("delete"), NUMBERS),
    st.tuples(st.just("delete rows"), WHICH),
    st.tuples(st.just("count"), WHICH),
    REVERTS,
    REVERTS,
    RETURNS,
    RETURNS,
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
            assert (row.reverted_by is not None) == (loaded.reverted_by is not None)

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

    def _revert(self, which: list[int], how: How, end: str) -> None:
        numbers = list(dict.fromkeys(self._find(one) for one in which))
        if None in numbers:
            return
        targets = [find(self.nights.services, number) for number in numbers if number is not None]
        cascade = how.cascade and how.rows is None
        how = replace(how, cascade=cascade, rows=how.rows if len(numbers) == 1 else None)
        asked = {"on_changed": how.on_changed, "keep_images": how.keep_images, "rows": how.rows}
        asked |= {"dependents": "cascade" if cascade else "restrict", "dry_run": end == "dry"}
        if any(self.model.imports[target.number].reverted_by is not None for target in targets):
            with pytest.raises(Reverted):
                self.nights.accept_all(targets, **asked)
            return
        plan = self.model.plan([target.number for target in targets], how)
        if end == "" and len(self.model.reverts) % 2:
            checked = converge(
                self.nights.services, self.nights.accept_all(targets, **{**asked, "dry_run": True}).number
            )
            (outcome, *_) = show_reverts(self.nights.services, checked.id).imports
            asked["expected"] = outcome.fingerprint
        revert = self.nights.accept_all(targets, **asked)
        ended = self._end(revert, end)
        if ended is None:
            return
        assert ended.rows_rejected == plan.obstacles, ended.error
        if end == "dry":
            assert ended.state is State.CHECKED, ended.error
        elif plan.obstacles and how.on_changed != "skip":
            assert ended.state is State.FAILED
            return
        else:
            assert ended.state is State.COMMITTED, ended.error
            self.model.revert(revert.number, plan, how)
        assert (ended.rows_done, ended.rows_updated) == (len(plan.gone), len(plan.lowered))

    def _bring_back(self, which: int, on_changed: str, end: str) -> None:
        if not self.model.reverts:
            return
        number = list(self.model.reverts)[which % len(self.model.reverts)]
        known, target = self.model.reverts[number], find(self.nights.services, number)
        asked = {"on_changed": on_changed, "dry_run": end == "dry"}
        if known.of_revert or known.taken is None or known.reverted:
            with pytest.raises(Reverted if known.reverted else NotRevertible):
                self.nights.accept(target, **asked)
            return
        free, obstacles, there = self.model.plan_return(number)
        revert = self.nights.accept(target, **asked)
        ended = self._end(revert, end)
        if ended is None:
            return
        assert ended.rows_rejected == obstacles, ended.error
        if end == "dry":
            assert ended.state is State.CHECKED, ended.error
        elif obstacles and on_changed == "fail":
            assert ended.state is State.FAILED
            return
        else:
            assert ended.state is State.COMMITTED, ended.error
            self.model.bring_back(number, revert.number, free, there)
        gone = sum(one.left is None for one in free)
        assert (ended.rows_done, ended.rows_updated) == (gone, len(free) - gone)

    def _end(self, revert: Import, end: str) -> Import | None:
        """The revert at its end; None if it was stopped."""
        if end == "stop":
            stop.stop_import(self.nights.services, revert.id)
            assert converge(self.nights.services, revert.number).state is State.STOPPED
            return None
        if end == "kill":
            self._begin_and_die(revert.number)
        return converge(self.nights.services, revert.number)

    def _begin_and_die(self, number: int) -> None:
        """A worker that dies with everything done and nothing prepared."""
        services = self.nights.services
        row = claim(services.database, services.settings, number, "doomed")
        assert row is not None
        writer = RejectWriter(services.spool.path("doomed"))
        attempt = RevertAttempt(services, row, GracefulShutdown(0), writer)
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
@given(
    loads=st.lists(LOADS, min_size=2, max_size=4),
    acts=st.lists(ACTS, min_size=3, max_size=9),
    images_of_span=st.sampled_from([2, spans.IMAGES]),
)
def test_any_sequence_comes_to_what_the_model_says(
    services: Services,
    database: DatabaseServer,
    loads: list[tuple[Any, ...]],
    acts: list[tuple[Any, ...]],
    images_of_span: int,
) -> None:
    empty(database)
    sequence = Sequence(services)
    with patch.object(spans, "IMAGES", images_of_span):
        for act in loads + acts:
            sequence.do(act)
