"""The states of an import."""

from enum import StrEnum


class State(StrEnum):
    """The state of an import; docs/reference/states.md explains each."""

    QUEUED = "queued"
    RUNNING = "running"
    COMMITTING = "committing"
    COMMITTED = "committed"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILING = "failing"
    FAILED = "failed"
    CHECKING = "checking"
    CHECKED = "checked"


FINAL = frozenset({State.COMMITTED, State.STOPPED, State.FAILED, State.CHECKED})
