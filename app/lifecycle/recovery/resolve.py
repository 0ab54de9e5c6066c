"""Resolve: a person finishes what is in doubt, where the protocol allows it and only in the direction it calls for."""

import re
from contextlib import suppress
from uuid import UUID

import structlog

from app.db import installation, xa
from app.db.access import audit
from app.db.database import Database
from app.db.datasets import rows
from app.db.imports import lost_branches, queries, transitions
from app.domain.errors import BadRequest, BranchLost, NotAllowed
from app.domain.imports import Import, RecoveryAction, explain, recovery_action
from app.domain.states import UNDOING, State
from app.domain.xid import Xid
from app.lifecycle.datasets.catalog import find_dataset_of
from app.lifecycle.imports import commit
from app.lifecycle.recovery import in_doubt
from app.lifecycle.recovery.in_doubt import Doubt, Listed

HEURISTIC_DECISION = (
    "heuristic_decision"  # the event; it is recorded before the act, which may then turn out to be done already
)
_BRANCH = re.compile("backout:([0-9a-f]{16}):([0-9]{1,10}):([0-9]{1,10}):([0-9]{1,3})")
_NUMBER = re.compile("[0-9]{1,10}")

log = structlog.get_logger(__name__)


def resolve(database: Database, installation: str, target: str, verdict: RecoveryAction, by: str) -> list[str]:
    """Commit or roll back a branch, all prepared branches of an import, or an import with a lost branch.

    `target` is a branch as `branches` lists it, an import's number or its id; `by` is who does it. Returns
    sentences that say what was done.
    Raises `BadRequest` for what is no target, `NotAllowed` where the protocol does not call for this, and
    `DatabaseUnavailable`. Every heuristic decision is recorded in the import's history first, where there is an import.
    """
    doubt = in_doubt.list_in_doubt(database)
    if doubt.installation.is_copy:
        raise NotAllowed(
            f"this ledger is a copy of the one in {doubt.installation.home_database}, and the branches that carry its"
            " id are the original's: `python -m app.cli sweeping resume` gives the copy an id of its own"
        )
    chosen = _find_branches(database, doubt, target)
    if chosen is None:
        return [_resolve_lost_branch(database, installation, _find_import(database, target), verdict, by)]
    for listed in chosen:  # all of them first: none is touched if one is refused
        _require_allowed(listed, verdict)
    told = [_finish(database, listed, verdict, by) for listed in chosen]
    if verdict is RecoveryAction.COMMIT:
        for number in sorted({listed.xid.number for listed in chosen}):
            with suppress(BranchLost):  # the sweeper says so
                if commit.finish(database, installation, number):
                    told.append(f"import number {number} has committed")
    return told


def _find_branches(database: Database, doubt: Doubt, target: str) -> list[Listed] | None:
    """The prepared branches that are meant; None where an import is meant that has none."""
    if match := _BRANCH.fullmatch(target):
        owner, number, epoch, branch = match[1], int(match[2]), int(match[3]), int(match[4])
        if owner != doubt.installation.id:
            raise NotAllowed(f"branch {target} belongs to installation {owner}: foreign branches are never touched")
        xid = Xid(owner, number, epoch, branch)
        chosen = [listed for listed in doubt.branches if listed.xid == xid]
        if not chosen:
            raise NotAllowed(f"no branch {target} is prepared: there is nothing to resolve")
        return chosen
    number = int(target) if _NUMBER.fullmatch(target) else _find_import(database, target).number
    return [listed for listed in doubt.branches if listed.xid.number == number] or None


def _find_import(database: Database, target: str) -> Import:
    with database.begin() as connection:
        if _NUMBER.fullmatch(target):
            row = queries.find_numbered(connection, int(target))
        else:
            try:
                row = queries.find_import(connection, str(UUID(target)))
            except ValueError:
                raise BadRequest(f"{target!r} is no branch, import number or import id") from None
    if row is None:
        raise NotAllowed(f"there is no import {target} and no prepared branch of it: there is nothing to resolve")
    return row


def _require_allowed(listed: Listed, verdict: RecoveryAction) -> None:
    called_for, name = listed.recovery_action, listed.xid.lock_name()
    why = f"branch {name} can't be {_done(verdict)}: {listed.meaning}"
    if called_for is RecoveryAction.LEAVE:
        undecided = listed.row is not None and listed.row.state is State.RUNNING
        raise NotAllowed(why + ("; to end the import, stop it" if undecided else "; wait until it has, or is gone"))
    if called_for is RecoveryAction.REPORT:
        if verdict is RecoveryAction.COMMIT:
            raise NotAllowed(why + "; no decision to commit it is known, so it may not be committed")
        if listed.owner is not None:
            raise NotAllowed(why + f", but its owner, connection {listed.owner}, is at work: stop that process first")
    elif called_for is not verdict:
        raise NotAllowed(why)


def _finish(database: Database, listed: Listed, verdict: RecoveryAction, by: str) -> str:
    xid, name = listed.xid, listed.xid.lock_name()
    with database.begin() as connection:
        # judged again beside the record of it: what the person was shown may be minutes old
        row = queries.find_numbered(connection, xid.number)
        if recovery_action(xid, row) is not listed.recovery_action:
            raise NotAllowed(f"branch {name} changed meanwhile: {explain(xid, row)}; look again")
        if row is not None:
            transitions.ledger.note(
                connection, xid.number, HEURISTIC_DECISION, {"by": by, "verdict": verdict, "branch": name}
            )
        else:
            installation.know_number(connection, xid.number)
        audit.record(connection, name, verdict)
    log.warning(HEURISTIC_DECISION, by=by, verdict=verdict, branch=name)
    with database.session() as session:
        finish = xa.commit_prepared if verdict is RecoveryAction.COMMIT else xa.roll_back_prepared
        done = bool(xa.release(session, [xid])) and finish(session, xid)
    if not done:
        raise NotAllowed(f"branch {name} could not be {_done(verdict)}: it is gone, or its owner is ending; look again")
    return f"branch {name} was {_done(verdict)}"


def _resolve_lost_branch(database: Database, installation: str, row: Import, verdict: RecoveryAction, by: str) -> str:
    """Finish an import of which no branch is prepared: only one with a lost branch needs it."""
    if row.state is not State.COMMITTING:
        raise NotAllowed(f"import {row.id} (number {row.number}) {_WHY_NOT[row.state]}")
    if row.lease_live:
        raise NotAllowed(
            f"import {row.id} is committing, and its worker holds the lease: wait until it has, or is gone"
        )
    try:
        ended = commit.finish(database, installation, row.number)
    except BranchLost as error:
        if verdict is RecoveryAction.COMMIT:
            raise NotAllowed(f"import {row.id} has lost a branch and can't be committed whole: {error}") from None
        return _fail(database, row, str(error), by)
    if ended and verdict is RecoveryAction.COMMIT:
        return f"import {row.id} has committed: every receipt was there"
    if ended:
        raise NotAllowed(f"import {row.id} can't be rolled back: every receipt is there, and it has committed")
    raise NotAllowed(f"import {row.id} is committing, and a connection of its worker is still there: look again")


def _fail(database: Database, row: Import, reason: str, by: str) -> str:
    """Let an import with a lost branch fail, and delete its rows."""
    lost = "a branch was lost after the decision; nothing of it is left: send it again"
    error = {"code": "lost_branch", "reason": lost, "message": lost}
    dataset = find_dataset_of(database, row)
    with database.begin_long() as connection:
        told = {"by": by, "verdict": RecoveryAction.ROLLBACK, "reason": reason}
        if not lost_branches.fail_with_lost_branch(connection, row.number, row.epoch, error, told):
            raise NotAllowed(f"import {row.id} changed meanwhile: look again")
        # an import into an adopted table has one branch: what was lost is all of it
        kept = dataset is not None and not dataset.adopted
        deleted = rows.delete_rows(connection, dataset, row.number) if dataset is not None and kept else 0
        audit.record(connection, row.id, RecoveryAction.ROLLBACK)
    log.warning(HEURISTIC_DECISION, by=by, verdict=RecoveryAction.ROLLBACK, import_id=row.id, rows=deleted)
    return f"import {row.id} has failed and nothing of it is left ({deleted:,} rows were deleted): tell its sender"


def _done(verdict: RecoveryAction) -> str:
    return "committed" if verdict is RecoveryAction.COMMIT else "rolled back"


_WHY_NOT = {
    State.QUEUED: "is queued and nothing of it is in doubt: to end it, stop it",
    State.RUNNING: "is running and has not been decided: to end it, stop it",
    State.COMMITTED: "has committed, which is final",
    State.STOPPED: "was stopped, which is final",
    State.FAILED: "has failed, which is final",
    State.CHECKED: "was a dry run, and nothing of it was kept",
    **dict.fromkeys(UNDOING, "will never commit, and nothing of it is prepared: the sweeper ends it"),
}
