"""Reverts: what takes committed imports out of the table again, and what may stand in its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

MAX_IMPORTS = 1000  # that one revert takes back


class Kind(StrEnum):
    """What a row of the ledger of imports is."""

    IMPORT = "import"
    REVERT = "revert"


class OnChanged(StrEnum):
    """What a revert does where rows stand in its way."""

    FAIL = "fail"  # it fails and lists them: nothing happens
    SKIP = "skip"  # they stay as they are and are listed; the others are reverted
    FORCE = "force"  # rows that another program changed go, too, and are kept as images; other classes make it fail


class Dependents(StrEnum):
    """What a revert does about later imports that have updated the rows."""

    RESTRICT = "restrict"  # such rows stand in its way
    CASCADE = "cascade"  # it reverts those imports, too


class Obstacle(StrEnum):
    """Why a row can't be reverted."""

    CHANGED = "changed"  # another program has changed it since
    UPDATED_BY_IMPORT = "updated_by_import"  # a later import has updated it
    IN_HANDLING = "in_handling"  # an order that is being handled
    HANDLED = "handled"  # an order that was shipped
    MISSING = "missing"  # another program has deleted it
    KEY_TAKEN = "key_taken"  # another row has its key by now


class Act(IntEnum):
    """What was done to a row after its image was kept."""

    UPDATED = 0  # by an import
    PUT_BACK = 1  # by a revert
    DELETED = 2  # by a revert
    ERASED = 3  # by an import, and the values that it replaced were a person's and are erased


ERASED = "erased"  # beside the obstacles' classes, though no obstacle

FORCED = frozenset({Obstacle.CHANGED, Obstacle.MISSING})


@dataclass(frozen=True)
class RowsAsked:
    """Which rows of an import a partial revert takes.

    Attributes:
        equal: only rows with these values of columns, written as in a file (None: NULL).
        ranges: only rows that the import brought, with numbers in one of these ranges; None: to the last row.
    """

    equal: tuple[tuple[str, str | None], ...] = ()
    ranges: tuple[tuple[int, int | None], ...] = ()


@dataclass(frozen=True)
class Revert:
    """What a client asks of a revert.

    Attributes:
        target: the number of the import, of the first of several. `target_id` is its id.
        imports: how many imports were asked for.
        on_changed, dependents: see there.
        reason: why, in the client's words.
        target_name: the name of the import's file, if it has one.
        rows: only these rows; None for all.
        expected: the fingerprint that a dry run has given; another one makes the revert fail.
        keep_images: whether it keeps what it takes, so that it can be reverted itself.
        of_revert: whether the target is a revert.
    """

    target: int
    target_id: str
    on_changed: OnChanged = OnChanged.FAIL
    reason: str | None = None
    target_name: str | None = None
    imports: int = 1
    dependents: Dependents = Dependents.RESTRICT
    rows: RowsAsked | None = None
    expected: str | None = None
    keep_images: bool = False
    of_revert: bool = False

    def as_json(self) -> dict[str, Any]:
        """What the ledger keeps, for `revert_from_json`."""
        kept = {"target": self.target, "target_id": self.target_id, "on_changed": self.on_changed}
        more: dict[str, Any] = {"reason": self.reason, "target_name": self.target_name, "expected": self.expected}
        more |= {"keep_images": self.keep_images, "of_revert": self.of_revert}
        if self.imports > 1:
            more["imports"] = self.imports
        if self.dependents is not Dependents.RESTRICT:
            more["dependents"] = self.dependents
        if self.rows is not None:
            more["rows"] = {"equal": self.rows.equal, "ranges": self.rows.ranges}
        return kept | {name: value for name, value in more.items() if value}


def revert_from_json(kept: Mapping[str, Any] | None) -> Revert | None:
    """The revert that `as_json` returned this for; None without one."""
    if not kept:
        return None
    rows = kept.get("rows")
    return Revert(
        target=int(kept["target"]),
        target_id=str(kept["target_id"]),
        on_changed=OnChanged(kept["on_changed"]),
        reason=kept.get("reason"),
        target_name=kept.get("target_name"),
        imports=int(kept.get("imports", 1)),
        dependents=Dependents(kept.get("dependents", Dependents.RESTRICT)),
        rows=RowsAsked(_pairs(rows["equal"]), _pairs(rows["ranges"])) if rows is not None else None,
        expected=kept.get("expected"),
        keep_images=bool(kept.get("keep_images")),
        of_revert=bool(kept.get("of_revert")),
    )


def _pairs(kept: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in kept)


@dataclass
class Found:
    """How many rows a revert deletes, puts back and brings back, and how many stand in its way, by class: of all of
    its imports, or of one."""

    deleted: int = 0
    restored: int = 0
    returned: int = 0  # rows that another revert had deleted
    missing: int = 0  # of the rows that the import brought, by another program
    erased: int = 0  # updated rows that stay as they are, since what they were before was a person's and is erased
    obstacles: dict[Obstacle, int] = field(default_factory=dict)

    def count(self, obstacle: Obstacle, rows: int = 1) -> None:
        """Count rows that stand in the way."""
        self.obstacles[obstacle] = self.obstacles.get(obstacle, 0) + rows

    @property
    def left(self) -> int:
        """How many rows stand in the way."""
        return sum(self.obstacles.values())

    @property
    def kept(self) -> int:
        """How many of them are as they were: those that are missing are not."""
        return self.left - self.obstacles.get(Obstacle.MISSING, 0)

    def as_json(self) -> dict[str, int]:
        """The obstacles, by class; and what is `erased`."""
        erased = {ERASED: self.erased} if self.erased else {}
        return {str(kind): rows for kind, rows in sorted(self.obstacles.items())} | erased

    def __str__(self) -> str:
        return ", ".join(f"{rows:,} {WORDS[kind]}" for kind, rows in sorted(self.obstacles.items()))


WORDS = {
    Obstacle.CHANGED: "changed by another program",
    Obstacle.UPDATED_BY_IMPORT: "updated by a later import",
    Obstacle.IN_HANDLING: "being handled",
    Obstacle.HANDLED: "shipped",
    Obstacle.MISSING: "deleted by another program",
    Obstacle.KEY_TAKEN: "whose key another row has",
}
