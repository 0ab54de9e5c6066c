"""What becomes of a branch follows from state, epoch and lease alone; what is not ours is never named ours."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.imports import Import, RecoveryAction, Source, recovery_action
from app.domain.requests.policy import Policy
from app.domain.states import State
from app.domain.xid import FORMAT_ID, RawXid, Xid, parse_xid

HERE = "0123456789abcdef"
AT = datetime(2026, 11, 22, tzinfo=UTC)
ROW = Import(
    number=7,
    id="id",
    dataset="orders",
    source=Source(bytes_total=1000),
    state=State.RUNNING,
    epoch=2,
    attempts=2,
    branches=2,
    inline=False,
    lease_live=True,
    phase="loading",
    rows_total=None,
    rows_done=0,
    bytes_done=0,
    attempt_rows=0,
    attempt_bytes=0,
    rows_deleted=0,
    rows_rejected=0,
    rows_updated=0,
    rows_skipped=0,
    rows_blank=0,
    policy=Policy(),
    sequence=1,
    error=None,
    worker=None,
    created_at=AT,
    started_at=AT,
    attempt_started_at=AT,
    decided_at=None,
    finished_at=None,
    updated_at=AT,
    retry_of=None,
    read_at=AT,
)
COMMIT, ROLLBACK, LEAVE, REPORT = (
    RecoveryAction.COMMIT,
    RecoveryAction.ROLLBACK,
    RecoveryAction.LEAVE,
    RecoveryAction.REPORT,
)
SAME_EPOCH = {
    (State.QUEUED, True): REPORT,
    (State.QUEUED, False): REPORT,
    (State.RUNNING, True): LEAVE,
    (State.RUNNING, False): LEAVE,
    (State.COMMITTING, True): LEAVE,
    (State.COMMITTING, False): COMMIT,
    (State.COMMITTED, True): LEAVE,
    (State.COMMITTED, False): COMMIT,
    (State.STOPPING, True): ROLLBACK,
    (State.STOPPING, False): ROLLBACK,
    (State.STOPPED, True): ROLLBACK,
    (State.STOPPED, False): ROLLBACK,
    (State.FAILING, True): ROLLBACK,
    (State.FAILING, False): ROLLBACK,
    (State.FAILED, True): ROLLBACK,
    (State.FAILED, False): ROLLBACK,
    (State.CHECKING, True): ROLLBACK,
    (State.CHECKING, False): ROLLBACK,
    (State.CHECKED, True): ROLLBACK,
    (State.CHECKED, False): ROLLBACK,
}


@pytest.mark.parametrize(("state", "live"), SAME_EPOCH)
def test_a_branch_goes_where_state_epoch_and_lease_say(state: State, live: bool) -> None:
    row = replace(ROW, state=state, lease_live=live)
    assert recovery_action(Xid(HERE, 7, 2, 1), row) is SAME_EPOCH[state, live]
    assert recovery_action(Xid(HERE, 7, 1, 1), row) is ROLLBACK  # an older epoch never commits
    assert recovery_action(Xid(HERE, 7, 3, 1), row) is REPORT  # a later one can't be
    assert recovery_action(Xid(HERE, 7, 2, 1), None) is REPORT


def test_a_name_survives_the_server() -> None:
    xid = Xid("f" * 16, 4_294_967_295, 2_147_483_647, 16)
    raw = xid.raw()
    assert parse_xid(raw, "f" * 16) == xid
    assert len(raw.gtrid) <= 64 and len(raw.bqual) <= 64 and len(xid.lock_name()) <= 64


@pytest.mark.parametrize(
    "raw",
    [
        RawXid(FORMAT_ID + 1, Xid(HERE, 1, 1, 1).raw().gtrid, b"1"),
        RawXid(FORMAT_ID, Xid("f" * 16, 1, 1, 1).raw().gtrid, b"1"),
        RawXid(FORMAT_ID, b"backout:" + HERE.encode() + b":1:1:1", b"1"),
        RawXid(FORMAT_ID, b"\xff\xfe", b"\x00"),
        RawXid(FORMAT_ID, Xid(HERE, 1, 1, 1).raw().gtrid, b"x"),
        RawXid(FORMAT_ID, b"", b""),
    ],
)
def test_what_another_made_is_foreign(raw: RawXid) -> None:
    assert parse_xid(raw, HERE) is None


def test_progress_is_never_complete_before_the_commit() -> None:
    full = replace(ROW, bytes_done=1000)
    assert full.percent == 99.9
    assert replace(full, state=State.COMMITTED).percent == 100
    assert replace(ROW, bytes_done=250).percent == 25
    assert replace(ROW, source=Source(generate=10), rows_total=10, rows_done=5).percent == 50


@pytest.mark.parametrize(
    ("deleted", "counted", "missing", "kept"),
    [(0, None, 0, 10), (4, None, 0, 6), (0, 10, 0, 10), (0, 7, 3, 7), (4, 6, 0, 6), (4, 5, 1, 5), (10, 7, 0, 0)],
)
def test_what_is_kept_is_what_neither_we_nor_by_the_last_count_others_deleted(
    deleted: int, counted: int | None, missing: int, kept: int
) -> None:
    row = replace(ROW, state=State.COMMITTED, rows_done=10, rows_deleted=deleted, rows_counted=counted)
    assert (row.rows_missing, row.rows_kept) == (missing, kept)
