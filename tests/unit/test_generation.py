"""Which ledger counts as stale, and what the operator reads about a prepared branch."""

from dataclasses import replace
from datetime import datetime

import pytest

from app.domain.generation import Generation, Installation, why_stale
from app.domain.imports import RecoveryAction, explain, proves_older_ledger, recovery_action
from app.domain.states import State
from app.domain.xid import Xid
from tests.unit.test_recovery_action import HERE, ROW, SAME_EPOCH

KNOWN = Installation(HERE, 7, 3, "backout", "server one", "backout", "server one", None, None, datetime.now())


@pytest.mark.parametrize("kept", [None, Generation(7, 3), Generation(6, 3), Generation(0, 0)])
@pytest.mark.parametrize("unfinished", [0, 2])
def test_the_known_ledger_is_not_stale(kept: Generation | None, unfinished: int) -> None:
    assert why_stale(KNOWN, kept, unfinished) is None


def test_a_ledger_without_a_generation_is_not_stale() -> None:
    """As after an upgrade."""
    assert why_stale(replace(KNOWN, generation=0, home_database=None, home_server=None), None, 5) is None


@pytest.mark.parametrize("unfinished", [0, 2])
def test_a_ledger_behind_its_generation_has_gone_back(unfinished: int) -> None:
    stale = why_stale(KNOWN, Generation(8, 12), unfinished)
    assert stale is not None and "gone back" in stale and "12" in stale


def test_a_failover_is_not_stale_while_the_spool_vouches_for_the_ledger() -> None:
    moved = replace(KNOWN, server="server two")
    assert why_stale(moved, Generation(7, 3), 2) is None
    assert why_stale(moved, None, 0) is None
    stale = why_stale(moved, None, 2)
    assert stale is not None and "another server" in stale


def test_a_ledger_in_another_database_is_a_copy() -> None:
    assert why_stale(replace(KNOWN, database="Backout"), Generation(7, 3), 2) is None  # names are alike on some servers
    stale = why_stale(replace(KNOWN, database="staging"), Generation(7, 3), 0)
    assert stale is not None and "backout" in stale and "staging" in stale


def test_only_what_the_ledger_cannot_know_yet_proves_it_older() -> None:
    assert proves_older_ledger(Xid(HERE, 8, 1, 1), None, 7)
    assert not proves_older_ledger(Xid(HERE, 7, 1, 1), None, 7)  # its history was forgotten
    assert proves_older_ledger(Xid(HERE, 7, 3, 1), ROW, 7)
    assert not proves_older_ledger(Xid(HERE, 7, 2, 1), ROW, 7)


@pytest.mark.parametrize(("state", "live"), SAME_EPOCH)
def test_the_operator_reads_what_will_be_done(state: State, live: bool) -> None:
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
            assert "left to" in told or "requeues the import" in told
    assert "no such import" in explain(Xid(HERE, 7, 1, 1), None)
