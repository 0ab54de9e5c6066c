"""Which ledger is taken for another than the one that was known; and what a person is told of a branch."""

from dataclasses import replace
from datetime import datetime

import pytest

from app.domain.generation import Installation, Mark, find_doubt
from app.domain.imports import RecoveryAction, explain, proves_older_ledger, recovery_action
from app.domain.states import State
from app.domain.xid import Xid
from tests.unit.domain.test_imports import HERE, ROW, SAME_EPOCH

KNOWN = Installation(HERE, 7, 3, "backout", "server one", "backout", "server one", None, None, datetime.now())


@pytest.mark.parametrize("kept", [None, Mark(7, 3), Mark(6, 3), Mark(0, 0)])
@pytest.mark.parametrize("unfinished", [0, 2])
def test_the_ledger_that_was_known_is_not_doubted(kept: Mark | None, unfinished: int) -> None:
    assert find_doubt(KNOWN, kept, unfinished) is None


def test_a_ledger_that_nobody_has_marked_yet_is_not_doubted() -> None:
    """As after an upgrade."""
    assert find_doubt(replace(KNOWN, mark=0, home_database=None, home_server=None), None, 5) is None


@pytest.mark.parametrize("unfinished", [0, 2])
def test_a_ledger_behind_its_mark_has_gone_back(unfinished: int) -> None:
    doubt = find_doubt(KNOWN, Mark(8, 12), unfinished)
    assert doubt is not None and "gone back" in doubt and "12" in doubt


def test_a_failover_is_not_doubted_while_the_spool_vouches_for_the_ledger() -> None:
    moved = replace(KNOWN, server="server two")
    assert find_doubt(moved, Mark(7, 3), 2) is None
    assert find_doubt(moved, None, 0) is None
    doubt = find_doubt(moved, None, 2)
    assert doubt is not None and "another server" in doubt


def test_a_ledger_in_another_database_is_a_copy() -> None:
    assert find_doubt(replace(KNOWN, database="Backout"), Mark(7, 3), 2) is None  # names are alike on some servers
    doubt = find_doubt(replace(KNOWN, database="staging"), Mark(7, 3), 0)
    assert doubt is not None and "backout" in doubt and "staging" in doubt


def test_only_what_the_ledger_cannot_know_yet_proves_it_older() -> None:
    assert proves_older_ledger(Xid(HERE, 8, 1, 1), None, 7)
    assert not proves_older_ledger(Xid(HERE, 7, 1, 1), None, 7)  # its history was forgotten
    assert proves_older_ledger(Xid(HERE, 7, 3, 1), ROW, 7)
    assert not proves_older_ledger(Xid(HERE, 7, 2, 1), ROW, 7)


@pytest.mark.parametrize(("state", "live"), SAME_EPOCH)
def test_what_a_person_is_told_is_what_is_done(state: State, live: bool) -> None:
    row = replace(ROW, state=state, lease_live=live)
    words = {
        RecoveryAction.COMMIT: "the sweeper commits it",
        RecoveryAction.ROLLBACK: "the sweeper rolls it back",
        RecoveryAction.REPORT: "may roll it back",
    }
    for epoch in (1, 2, 3):
        xid = Xid(HERE, 7, epoch, 1)
        told = explain(xid, row)
        assert words.get(recovery_action(xid, row), "") in told
        if recovery_action(xid, row) is RecoveryAction.LEAVE:
            assert "left to" in told or "takes the import back" in told
    assert "no such import" in explain(Xid(HERE, 7, 1, 1), None)
