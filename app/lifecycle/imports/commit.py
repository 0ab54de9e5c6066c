"""Commit: prepare every branch, decide once, commit every branch, and record the end when every receipt is there."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import structlog

from app.db import receipts, xa
from app.db.database import Connection, Database
from app.db.imports import queries, transitions
from app.db.reverts import claims
from app.domain.errors import AttemptLost, BranchLost
from app.domain.imports import Import, Tally
from app.domain.requests.revert import Kind
from app.domain.states import State
from app.domain.xid import name_branches, parse_xid

log = structlog.get_logger(__name__)


def commit_branches(
    database: Database,
    installation: str,
    row: Import,
    branches: list[xa.Branch],
    tally: Tally,
    also: Callable[[Connection], None] | None = None,
) -> None:
    """Bring ended branches to `committed`; `tally` is what became of the file's rows. `also` is done in the transaction
    of the decision.

    Raises `AttemptLost` when the decision went the other way: everything is rolled back then. Any other exception says
    that the outcome is not known here: the caller drops the sockets and leaves the branches to the sweeper, which reads
    the ledger. It must not roll back: the decision may have been recorded though its answer was lost.
    """
    for branch in branches:
        branch.prepare()
        # a crash here leaves prepared branches of a `running` import: rolled back when its lease has run out
    with database.begin() as connection:
        decided = transitions.ledger.move(
            connection,
            row.number,
            {State.RUNNING},
            State.COMMITTING,
            at_epoch=row.epoch,
            condition=transitions.ARRIVED,
            **_counts(tally),
        )
        if decided and also is not None:
            also(connection)
    if not decided:
        for branch in branches:
            branch.rollback()
        raise AttemptLost("the import was stopped or taken over before it could commit")
    # a crash from here on leaves prepared branches of a `committing` import: committed by the sweeper
    for branch in branches:
        branch.commit()
    _finish(database, installation, replace(row, state=State.COMMITTING), branches[0])


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


def end_dry_run(
    database: Database, row: Import, tally: Tally, also: Callable[[Connection], None] | None = None
) -> None:
    """Decide that a load that went well is never committed. The caller drops its sockets, so the server undoes it.

    Raises `AttemptLost` when the import was stopped or taken over meanwhile.
    """
    with database.begin() as connection:
        decided = transitions.ledger.move(
            connection,
            row.number,
            {State.RUNNING},
            State.CHECKING,
            at_epoch=row.epoch,
            **_counts(tally),
        )
        if decided and also is not None:
            also(connection)
    if not decided:
        raise AttemptLost("the dry run was stopped or taken over before its end")


def finish(database: Database, installation: str, number: int) -> bool:
    """Move a `committing` import to `committed` if every receipt is there and no branch is listed; True when it is.

    Raises `BranchLost` where a branch is neither prepared nor proved by a receipt: nothing may be guessed then.
    """
    with database.begin() as connection:
        row = queries.find_numbered(connection, number)
    if row is None or row.state is not State.COMMITTING:
        return row is not None and row.state is State.COMMITTED
    return _finish(database, installation, row)


def _finish(database: Database, installation: str, row: Import, branch: xa.Branch | None = None) -> bool:
    # `branch` is one of the finished ones, whose connection then asks for the list
    number = row.number
    mine = set(name_branches(installation, number, range(row.epoch, row.epoch + 1), row.branches))
    with nullcontext(branch.connection) if branch else database.session() as session:
        listed = any(parse_xid(raw, installation) in mine for raw in xa.list_prepared(session))
    with database.begin() as connection:
        committed, loaded = receipts.count_receipts(connection, number, row.epoch)
        if committed == row.branches and not listed:
            if transitions.ledger.move(connection, number, {State.COMMITTING}, State.COMMITTED):
                if row.kind is Kind.REVERT:
                    claims.finish(connection, row)
                log.info("committed", import_id=row.id, rows=loaded)
            return True
    if not listed and not row.lease_live:
        with database.control() as control:
            owned = xa.owners_of(control, list(mine))
        if not owned:
            raise BranchLost(
                f"decided to commit, but {row.branches - committed} of {row.branches} branches have neither a receipt"
                " nor are prepared: somebody finished them by hand, or the server lost them"
            )
    return False
