"""The failpoints of an attempt, reached by wrapping the verbs from outside: the app has no hooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import get_ident
from typing import Any
from unittest.mock import patch

from app.db import receipts, xa
from app.db.datasets import rows
from app.db.imports import transitions
from app.db.reverts import deleted as deleted_rows, rows as revert_rows
from app.domain.states import State
from app.lifecycle.imports import commit
from app.lifecycle.imports.loading import load
from app.lifecycle.imports.reverting import attempt

FAILPOINTS = (
    "claimed",
    "lock held",
    "started",
    "receipt written",
    "half loaded",
    "all loaded",
    "one ended",
    "one prepared",
    "all prepared",
    "deciding",
    "decided",
    "one committed",
    "all committed",
    "done",
)
OF_A_CASCADE = ("begun again", "dependents claimed")  # between its first branch and its second


@contextmanager
def at_failpoint(failpoint: str, branches: int, act: Callable[[], None]) -> Iterator[None]:
    """While this lasts, the first attempt of this process that comes to the failpoint calls `act` there, once."""
    assert failpoint in (*FAILPOINTS, *OF_A_CASCADE)
    acted: list[str] = []
    counts: dict[str, int] = {}

    def reach(name: str, needed: int = 1) -> None:
        counts[name] = counts.get(name, 0) + 1
        if name == failpoint and counts[name] >= needed and not acted:
            acted.append(name)
            act()

    def after(function: Callable[..., Any], name: str, needed: int = 1) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            reach(name, needed)
            return result

        return wrapped

    def after_both(function: Callable[..., Any], one: str, every: str) -> Callable[..., Any]:
        return after(after(function, one), every, branches)

    move = transitions.ImportLedger.move

    def moving(*args: Any, **kwargs: Any) -> bool:
        if args[4] is State.COMMITTING:
            reach("deciding")
        return move(*args, **kwargs)

    begin = commit.commit_branches

    def committing(database: Any, *args: Any) -> None:
        begin_transaction = database.begin
        decided: list[bool] = []
        decider = get_ident()

        @contextmanager
        def noticing() -> Iterator[Any]:
            with begin_transaction() as connection:
                yield connection
            # the first transaction after the branches were prepared is the decision; the heartbeat has its own
            if get_ident() == decider and not decided:
                decided.append(True)
                reach("decided")

        with patch.object(database, "begin", noticing):
            begin(database, *args)
        reach("done")

    with (
        patch.object(load, "claim_next", after(load.claim_next, "claimed")),
        patch.object(xa.Branch, "hold_owner_lock", after(xa.Branch.hold_owner_lock, "lock held")),
        patch.object(xa.Branch, "start", after(xa.Branch.start, "started")),
        patch.object(receipts, "write_receipt", after(receipts.write_receipt, "receipt written")),
        patch.object(rows, "load_payload", after(rows.load_payload, "half loaded", 2)),
        patch.object(attempt.RevertAttempt, "_claim", after(attempt.RevertAttempt._claim, OF_A_CASCADE[1])),
        patch.object(xa.Branch, "rollback", after(xa.Branch.rollback, OF_A_CASCADE[0])),
        patch.object(deleted_rows, "bring_back", after(deleted_rows.bring_back, "half loaded")),
        patch.object(revert_rows, "delete_rows", after(revert_rows.delete_rows, "half loaded")),
        patch.object(receipts, "seal_receipt", after(receipts.seal_receipt, "all loaded", branches)),
        patch.object(xa.Branch, "end", after(xa.Branch.end, "one ended")),
        patch.object(xa.Branch, "prepare", after_both(xa.Branch.prepare, "one prepared", "all prepared")),
        patch.object(transitions.ImportLedger, "move", moving),
        patch.object(commit, "commit_branches", committing),
        patch.object(xa.Branch, "commit", after_both(xa.Branch.commit, "one committed", "all committed")),
    ):
        yield
