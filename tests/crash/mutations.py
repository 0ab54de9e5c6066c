"""How each rule of the protocol is broken, in a process of our own: the functions that mutants are made of."""

import ast
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import func, true

from app.db import receipts, schema, xa
from app.db.datasets import rows
from app.db.imports import queries, transitions
from app.domain import imports, states
from app.domain.errors import AttemptLost
from app.domain.imports import RecoveryAction, Tally
from app.domain.states import State
from app.domain.xid import Xid
from app.lifecycle.imports import commit, stop
from app.lifecycle.recovery import sweeper


class NoTarget(Exception):
    """What is to be replaced is not there, or nothing calls it there: the mutant would change nothing."""


def replace_in(owner: Any, name: str, value: Any) -> None:
    """Set an attribute that exists and is used. Raises `NoTarget`: after a rename a mutant must not become empty."""
    if not hasattr(owner, name):
        raise NoTarget(f"{owner.__name__} has no {name}")
    found = getattr(owner, name)
    is_imported = isinstance(owner, ModuleType) and getattr(found, "__module__", owner.__name__) != owner.__name__
    if is_imported and name not in _names_used_in(owner):
        raise NoTarget(f"{owner.__name__} imports {name} and does not use it")
    setattr(owner, name, value)


def _names_used_in(module: ModuleType) -> set[str]:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def direct(**changed: RecoveryAction) -> None:
    """Let the sweeper turn where it should not."""
    right = imports.recovery_action

    def wrong(xid: Xid, row: Any) -> RecoveryAction:
        found = right(xid, row)
        return changed.get(found.value, found)

    replace_in(sweeper, "recovery_action", wrong)


def leave_epochs() -> None:
    move = transitions.ImportLedger.move

    def wrong(*arguments: Any, at_epoch: Any = None, **values: Any) -> bool:
        return move(*arguments, **values)

    replace_in(transitions.ImportLedger, "move", wrong)
    find = transitions.ImportLedger.holds

    def holds(self: Any, connection: Any, number: int, epoch: int) -> bool:
        return any(find(self, connection, number, other) for other in range(epoch, epoch + 20))

    replace_in(transitions.ImportLedger, "holds", holds)


def keep_epoch() -> None:
    move = transitions.ImportLedger.move

    def wrong(self: Any, connection: Any, number: int, sources: Any, target: State, **values: Any) -> bool:
        if "epoch" in values:
            values["epoch"] = func.greatest(schema.imports.c.epoch, 1)
        return move(self, connection, number, sources, target, **values)

    replace_in(transitions.ImportLedger, "move", wrong)


def skip_receipt() -> None:
    replace_in(receipts, "write_receipt", lambda *_: None)
    replace_in(receipts, "seal_receipt", lambda *_: True)


def trust_list() -> None:
    def wrong(database: Any, installation: str, row: Any, branch: Any = None) -> bool:
        with database.begin() as connection:
            return transitions.ledger.move(
                connection, row.number, {State.COMMITTING}, State.COMMITTED, phase="committed"
            )

    replace_in(commit, "_finish", wrong)


def any_receipt() -> None:
    count = receipts.count_receipts

    def wrong(connection: Any, number: int, epoch: int) -> tuple[int, int]:
        committed, loaded = count(connection, number, epoch)
        row = queries.find_numbered(connection, number)
        return (row.branches if committed and row else committed), loaded

    replace_in(receipts, "count_receipts", wrong)
    replace_in(commit, "parse_xid", lambda *_: None)


def decide_after_commit() -> None:
    def wrong(database: Any, installation: str, row: Any, branches: list[xa.Branch], tally: Tally) -> None:
        for branch in branches:
            branch.prepare()
        for branch in branches:
            branch.commit()
        with database.begin() as connection:
            values = {
                "phase": "committing",
                "rows_total": tally.accepted,
                "rows_done": tally.inserted,
                "decided_at": transitions.NOW,
            }
            if not transitions.ledger.move(
                connection, row.number, {State.RUNNING}, State.COMMITTING, at_epoch=row.epoch, **values
            ):
                raise AttemptLost("too late")
        commit.finish(database, installation, row.number)

    replace_in(commit, "commit_branches", wrong)


def ignore_lost_decision() -> None:
    move = transitions.ImportLedger.move

    def wrong(self: Any, connection: Any, number: int, sources: Any, target: State, **values: Any) -> bool:
        return move(self, connection, number, sources, target, **values) or target is State.COMMITTING

    replace_in(transitions.ImportLedger, "move", wrong)


def roll_back_when_unsure() -> None:
    right = commit.commit_branches

    def wrong(database: Any, installation: str, row: Any, branches: list[xa.Branch], tally: Tally) -> None:
        try:
            right(database, installation, row, branches, tally)
        except Exception:
            for branch in branches:
                branch.rollback()
            raise

    replace_in(commit, "commit_branches", wrong)


def stop_decided() -> None:
    moves = states.LEGAL_MOVES | {(State.COMMITTING, State.STOPPING), (State.COMMITTED, State.STOPPING)}
    replace_in(states, "LEGAL_MOVES", moves)
    replace_in(stop, "STOPPABLE", frozenset({*states.STOPPABLE, State.COMMITTING, State.COMMITTED}))


def stop_in_words() -> None:
    find = queries.find_import

    class Stops:
        @staticmethod
        def stop_at_once(connection: Any, id: str, sources: Any, client: str = "") -> bool:
            return False

    class History:
        @staticmethod
        def find_import(connection: Any, id: str) -> Any:
            row = find(connection, id)
            return row and replace(row, state=State.STOPPING)

    replace_in(stop, "stops", Stops)
    replace_in(stop, "queries", History)


def own_foreign() -> None:
    def wrong(raw: Any, installation: str) -> Xid | None:
        parts = raw.gtrid.split(b":")
        return Xid(parts[1].decode(), int(parts[2]), int(parts[3]), int(raw.bqual)) if len(parts) == 4 else None

    replace_in(sweeper, "parse_xid", wrong)


def write_ledger_in_branch() -> None:
    right = receipts.write_receipt

    def wrong(connection: Any, xid: Xid, *rest: Any, **more: Any) -> None:
        right(connection, xid, *rest, **more)
        if xid.branch > 1:
            return  # it would wait for the first
        with connection.cursor() as cursor:
            cursor.execute("UPDATE imports SET phase = 'loading' WHERE number = %s", (xid.number,))

    replace_in(receipts, "write_receipt", wrong)


def ignore_difference() -> None:
    right = rows.load_payload

    def wrong(*arguments: Any) -> None:
        try:
            right(*arguments)
        except rows.RowsDiffer:
            return

    replace_in(rows, "load_payload", wrong)


def swallow_errors() -> None:
    right = rows.load_payload

    def wrong(*arguments: Any) -> None:
        try:
            right(*arguments)
        except Exception as error:
            if getattr(error, "args", (0,))[0] not in (1205, 1213, 1062):
                raise

    replace_in(rows, "load_payload", wrong)


def ignore_leases() -> None:
    replace_in(transitions.ImportLedger, "expired", lambda self: None)
    look = sweeper.Sweeper._in_state

    def wrong(self: Any, *wanted: State) -> Any:
        return [replace(row, lease_live=False) for row in look(self, *wanted)]

    replace_in(sweeper.Sweeper, "_in_state", wrong)


def claim_paused() -> None:
    replace_in(transitions, "_NOT_PAUSED", true())
    replace_in(transitions.ledger, "_may_run", true())


def count_pauses() -> None:
    right = transitions.ImportLedger.requeue

    def wrong(*arguments: Any, attempts: int = 0, **values: Any) -> bool:
        return right(*arguments, **values)

    replace_in(transitions.ImportLedger, "requeue", wrong)


def replace_by(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return partial(replace_in, owner, name, value)
