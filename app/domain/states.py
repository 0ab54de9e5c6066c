"""The states of an import and the moves between them.

`*-ing`: somebody is working on it. `*-ed`: resting or final. Each member says who moves it out and what a crash leaves.
"""

from enum import StrEnum


class State(StrEnum):
    """Where an import is. The ledger's row is the only truth about it."""

    QUEUED = "queued"
    """Accepted. A worker claims it; a stop ends it at once. A crash leaves it queued, and the sweeper hints again."""

    RUNNING = "running"
    """An attempt is loading under a lease. The worker moves it on; a crash leaves an open branch, which the server
    undoes, and a lease that runs out, after which the sweeper takes it back to `queued` under a new epoch."""

    COMMITTING = "committing"
    """Decided: it will commit. A crash leaves prepared branches; the sweeper commits them. There is no way back."""

    COMMITTED = "committed"
    """Final: every row is there, proved by a receipt a branch."""

    STOPPING = "stopping"
    """Decided: it will never commit. A crash leaves branches that the sweeper rolls back."""

    STOPPED = "stopped"
    """Final: nothing of it is left."""

    FAILING = "failing"
    """Decided: it can't be loaded. A crash leaves branches that the sweeper rolls back."""

    FAILED = "failed"
    """Final: nothing of it is left, and `error` says why."""

    CHECKING = "checking"
    """A dry run that found everything in order and will never commit: its rows are being undone. As `stopping`."""

    CHECKED = "checked"
    """Final: a dry run. Nothing of it is left; the file could have been loaded."""


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
    """Raise `IllegalMove` unless every one of `sources` may move to `target`: a bug of ours, never a user's fault."""
    for source in sources:
        if (source, target) not in LEGAL_MOVES:
            raise IllegalMove(f"{source} → {target} is no legal move")


class IllegalMove(Exception):
    """The code asked for a move that the table of legal moves does not have."""
