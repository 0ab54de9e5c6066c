"""Reverts: what takes a committed import out of the table again, and what may stand in its way."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a row of the ledger of imports is."""

    IMPORT = "import"
    REVERT = "revert"


class OnChanged(StrEnum):
    """What a revert does where rows stand in its way."""

    FAIL = "fail"  # it fails and lists them: nothing happens
    SKIP = "skip"  # they stay as they are and are listed; the others are reverted


class Obstacle(StrEnum):
    """Why a row can't be reverted."""

    CHANGED = "changed"  # another program has changed it since
    UPDATED_BY_IMPORT = "updated_by_import"  # a later import has updated it
    IN_HANDLING = "in_handling"  # an order that is being handled
    HANDLED = "handled"  # an order that was shipped
    MISSING = "missing"  # another program has deleted it


@dataclass(frozen=True)
class Revert:
    """What a client asks of a revert.

    Attributes:
        target: the import's number. `target_id` is its id.
        on_changed: see `OnChanged`.
        reason: why, in the client's words.
        target_name: the name of the import's file, if it has one.
    """

    target: int
    target_id: str
    on_changed: OnChanged = OnChanged.FAIL
    reason: str | None = None
    target_name: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What the ledger keeps, for `revert_from_json`."""
        kept = {"target": self.target, "target_id": self.target_id, "on_changed": self.on_changed}
        more = {"reason": self.reason, "target_name": self.target_name}
        return kept | {name: value for name, value in more.items() if value}


def revert_from_json(kept: Mapping[str, Any] | None) -> Revert | None:
    """The revert that `as_json` returned this for; None without one."""
    if not kept:
        return None
    on_changed = OnChanged(kept["on_changed"])
    target, id = int(kept["target"]), str(kept["target_id"])
    return Revert(target, id, on_changed, kept.get("reason"), kept.get("target_name"))


@dataclass
class Found:
    """How many rows a revert would delete and put back, and how many stand in its way, by class."""

    deleted: int = 0
    restored: int = 0
    missing: int = 0  # of the rows that the import brought
    obstacles: dict[Obstacle, int] | None = None

    def count(self, obstacle: Obstacle, rows: int = 1) -> None:
        """Count rows that stand in the way."""
        if rows:
            counted = self.obstacles = self.obstacles or {}
            counted[obstacle] = counted.get(obstacle, 0) + rows

    @property
    def left(self) -> int:
        """How many rows stand in the way."""
        return sum((self.obstacles or {}).values())

    @property
    def kept(self) -> int:
        """How many of them are in the table still."""
        return self.left - (self.obstacles or {}).get(Obstacle.MISSING, 0)

    def as_json(self) -> dict[str, int]:
        """The obstacles, by class."""
        return {str(kind): rows for kind, rows in sorted((self.obstacles or {}).items())}

    def __str__(self) -> str:
        counts = (f"{rows:,} {_WORDS[kind]}" for kind, rows in sorted((self.obstacles or {}).items()))
        return ", ".join(counts)


_WORDS = {
    Obstacle.CHANGED: "changed by another program",
    Obstacle.UPDATED_BY_IMPORT: "updated by a later import",
    Obstacle.IN_HANDLING: "being handled",
    Obstacle.HANDLED: "shipped",
    Obstacle.MISSING: "deleted by another program",
}
