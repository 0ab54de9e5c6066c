"""Words of reverts, and of those that bring back what another revert took."""

from typing import Any

from app.domain.requests.revert import Obstacle

EVENTS_OF_REVERTS = {
    "committed": "Committed: the table is as if those rows had never been imported",
    "stopping": "Stopped: what it did is being undone",
    "stopped": "Stopped: nothing was reverted",
    "failing": "Failed: what it did is being undone",
    "failed": "Failed: nothing was reverted",
    "checking": "Dry run finished",
    "checked": "Dry run finished: nothing was changed",
    "revert_accepted": "Its rows are being brought back",
    "revert_ended": "Its rows were not brought back",
    "reverted": "Its rows were brought back",
}
EVENTS_OF_RETURNS = {
    **EVENTS_OF_REVERTS,
    "committed": "Committed: the rows are in the table again",
    "stopped": "Stopped: nothing was brought back",
    "failed": "Failed: nothing was brought back",
}
OBSTACLES: dict[str, str] = {
    Obstacle.CHANGED: "changed by another program since",
    Obstacle.UPDATED_BY_IMPORT: "updated by a later import",
    Obstacle.IN_HANDLING: "being handled",
    Obstacle.HANDLED: "shipped",
    Obstacle.MISSING: "deleted by another program",
    Obstacle.KEY_TAKEN: "whose key another row has by now",
}
# how a revert's rows are called: those that it removes and those that it puts back, before, after, or undone
REVERT_LABELS = {
    "would": {"removed": "to remove", "restored": "to put back", "left": "to leave"},
    "done": {"removed": "removed", "restored": "put back", "left": "left"},
    "undone": {"removed": "removed, then undone", "restored": "put back, then undone", "left": "left"},
}
# the same for a revert that brings back what another one took
RETURN_LABELS = {
    "would": {"removed": "to bring back", "restored": "to update again", "left": "to leave"},
    "done": {"removed": "brought back", "restored": "updated again", "left": "left"},
    "undone": {"removed": "brought back, then undone", "restored": "updated, then undone", "left": "left"},
}
RETURNED = "its rows are in the table again"
NO_COPY = "Its rows can’t be brought back: it kept no copy of them. Its import can be imported again."
REVERT_OF = "Revert of"
BROUGHT_BACK = "Rows brought back:"
SHOW_TARGET = {"import": "Show the import", "revert": "Show the revert"}


# what the scripts of the page read of it
PHRASES: dict[str, Any] = {
    "events_of_reverts": EVENTS_OF_REVERTS,
    "events_of_returns": EVENTS_OF_RETURNS,
    "revert_of": REVERT_OF,
    "revert_labels": REVERT_LABELS,
    "return_labels": RETURN_LABELS,
    "returned": RETURNED,
    "no_copy": NO_COPY,
    "brought_back": BROUGHT_BACK,
    "show_target": SHOW_TARGET,
    "obstacles": OBSTACLES,
}


def is_return(source: dict[str, Any]) -> bool:
    """Whether it is a revert that brings back what another revert took."""
    return bool(source.get("of_revert"))


def events(source: dict[str, Any]) -> dict[str, str]:
    """How its timeline says events that an import has, too."""
    return EVENTS_OF_RETURNS if is_return(source) else EVENTS_OF_REVERTS


def labels(source: dict[str, Any]) -> dict[str, dict[str, str]]:
    """How its rows are called."""
    return RETURN_LABELS if is_return(source) else REVERT_LABELS


def name_of_revert(source: dict[str, Any]) -> str:
    """What it reverts."""
    target, imports = str(source["import"])[:8], source.get("imports", 1)
    if is_return(source):
        return f"{BROUGHT_BACK} {source['name'] or 'revert ' + target}"
    return f"{REVERT_OF} {f'{imports:,} imports' if imports > 1 else source['name'] or 'import ' + target}"
