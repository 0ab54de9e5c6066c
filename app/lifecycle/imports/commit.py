"""Commit: prepare every branch, decide once, commit every branch, and record the end when every receipt is there."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import structlog

from app.db import receipts, xa
from app.db.imports import queries, transitions
from app.domain.errors import AttemptLost, BranchLost
from app.domain.imports import Import, Tally
from app.domain.states import State
from app.domain.xid import parse_xid
from app.lifecycle.services import Services

log = structlog.get_logger(__name__)


def commit_branches(services: Services, row: Import, branches: list[xa.Branch], tally: Tally) -> None:
    """Bring ended branches to `committed`; `tally` is what became of the file's rows.

    Raises `AttemptLost` when the decision went the other way: everything is rolled back then. Any other exception says
    that the outcome is not known here: the caller drops the sockets and leaves the branches to the sweeper, which reads
    the ledger. It must not roll back: the decision may have been recorded though its answer was lost.
    """
    for branch in branches:
        branch.prepare()
        # a crash here leaves prepared branches of a `running` import: rolled back when its lease has run out
    with services.database.begin() as connection:
        decided = transitions.move(
            connection,
            row.number,
            {State.RUNNING},
            State.COMMITTING,
            at_epoch=row.epoch,
            condition=transitions.ARRIVED,
            decided_at=transitions.NOW,
            phase="committing",
            **_counts(tally),
        )
    if not decided:
        for branch in branches:
            branch.rollback()
        raise AttemptLost("the import was stopped or taken over before it could commit")
    # a crash from here on leaves prepared branches of a `committing` import: committed by the sweeper
    for branch in branches:
        branch.commit()
    _finish(services, replace(row, state=State.COMMITTING), branches[0])


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "rows_total": tally.accepted,
        "rows_done": tally.inserted,
        "rows_updated": tally.updated,
        "rows_skipped": tally.skipped,
        "rows_rejected": tally.rejected,
        "rows_blank": tally.blank,
        "attempt_rows": tally.accepted,
        "bytes_done": transitions.WHOLE_SOURCE,
        "attempt_bytes": transitions.WHOLE_SOURCE,
    }


def end_dry_run(services: Services, row: Import, tally: Tally) -> None:
    """Decide that a load that went well is never committed. The caller drops its sockets, so the server undoes it.

    Raises `AttemptLost` when the import was stopped or taken over meanwhile.
    """
    with services.database.begin() as connection:
        decided = transitions.move(
            connection,
            row.number,
            {State.RUNNING},
            State.CHECKING,
            at_epoch=row.epoch,
            decided_at=transitions.NOW,
            phase="undoing",
            **_counts(tally),
        )
    if not decided:
        raise AttemptLost("the dry run was stopped or taken over before its end")


def finish(services: Services, number: int) -> bool:
    """Move a `committing` import to `committed` if every receipt is there and no branch is listed; True when it is.

    Raises `BranchLost` where a branch is neither prepared nor proved by a receipt: nothing may be guessed then.
    """
    with services.database.begin() as connection:
        row = queries.find_numbered(connection, number)
    if row is None or row.state is not State.COMMITTING:
        return row is not None and row.state is State.COMMITTED
    return _finish(services, row)


def _finish(services: Services, row: Import, branch: xa.Branch | None = None) -> bool:
    # `branch` is one of the finished ones, whose connection then asks for the list
    number = row.number
    mine = set(services.xids(number, range(row.epoch, row.epoch + 1), row.branches))
    with nullcontext(branch.connection) if branch else services.database.session() as session:
        listed = any(parse_xid(raw, services.installation) in mine for raw in xa.list_prepared(session))
    with services.database.begin() as connection:
        committed, loaded = receipts.count_receipts(connection, number, row.epoch)
        if committed == row.branches and not listed:
            if transitions.move(connection, number, {State.COMMITTING}, State.COMMITTED, phase="committed"):
                log.info("committed", import_id=row.id, rows=loaded)
            return True
    if not listed and not row.lease_live:
        with services.database.control() as control:
            owned = xa.owners_of(control, list(mine))
        if not owned:
            raise BranchLost(
                f"decided to commit, but {row.branches - committed} of {row.branches} branches have neither a receipt"
                " nor are prepared: somebody finished them by hand, or the server lost them"
            )
    return False
