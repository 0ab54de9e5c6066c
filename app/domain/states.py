"""The states of an import and the moves between them.

`*ing`: a process is working on it. `*ed`: waiting or final. Each docstring says who moves it on and what a crash
leaves.
"""

from enum import StrEnum


class State(StrEnum):
    """The state of an import. Only the ledger's row counts."""

    QUEUED = "queued"
    """Accepted. A worker claims it; a stop ends it at once. After a crash it stays queued, and the sweeper publishes
    another hint."""

    RUNNING = "running"
    """An attempt is loading under a lease. The worker moves it on. After a crash the server undoes the open branches,
    the lease expires, and the sweeper requeues the import under a new epoch."""

    COMMITTING = "committing"
    """Decided: it will commit, irreversibly. A crash leaves prepared branches; the sweeper commits them."""

    COMMITTED = "committed"
    """Final: every row is in the table. A receipt of each branch proves it."""

    STOPPING = "stopping"
    """Decided: it will never commit. A crash leaves branches that the sweeper rolls back."""

    STOPPED = "stopped"
    """Final: none of its rows is left."""

    FAILING = "failing"
    """Decided: it can't be loaded. A crash leaves branches that the sweeper rolls back."""

    FAILED = "failed"
    """Final: none of its rows is left, and `error` says why."""

    CHECKING = "checking"
    """A dry run has succeeded and will never commit: its rows are being undone, as in `stopping`."""

    CHECKED = "checked"
    """Final: a dry run. None of its rows is left; an import would load the file."""


LEGAL_MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.QUEUED, State.RUNNING),
        (State.QUEUED, State.STOPPING),
        (State.QUEUED, State.FAILING),
        (State.RUNNING, State.QUEUED),
        (State.RUNNING, State.COMMITTING),
        (State.RUNNING, State.STOPPING),
        (State.RUNNING, State.FAILING),
        (State.RUNNING, State.CHECKING),
        (State.COMMITTING, State.COMMITTED),
        (State.STOPPING, State.STOPPED),
        (State.FAILING, State.FAILED),
        (State.CHECKING, State.CHECKED),
    }
)

FINAL = frozenset({State.COMMITTED, State.STOPPED, State.FAILED, State.CHECKED})
UNFINISHED = frozenset(State) - FINAL
STOPPABLE = frozenset({State.QUEUED, State.RUNNING})
LEASED = frozenset({State.RUNNING, State.COMMITTING})
UNDOING = {State.STOPPING: State.STOPPED, State.FAILING: State.FAILED, State.CHECKING: State.CHECKED}
NEVER_COMMIT = frozenset({*UNDOING, *UNDOING.values()})


def require_legal(sources: frozenset[State], target: State) -> None:
    """Raise `IllegalMove` unless all `sources` may move to `target`. It signals a bug, never a user's mistake."""
    for source in sources:
        if (source, target) not in LEGAL_MOVES:
            raise IllegalMove(f"{source} → {target} is not a legal move")


class IllegalMove(Exception):
    """The code requested a move that the table of legal moves lacks."""
