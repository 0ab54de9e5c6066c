"""Policies: what an import does with invalid rows and with conflicts, and in which order imports begin."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from app.domain.errors import InvalidContent
from app.domain.requests.control_totals import (
    NAMES as CONTROL_NAMES,
    NO_CONTROL_TOTALS,
    ControlTotals,
    control_totals_from_json,
    parse_control_totals,
)

NAMES = ("on_error", "max_rejects", "on_conflict", "dry_run", "priority", *CONTROL_NAMES)
MAX_PRIORITY = 100
_PRIORITY = re.compile("-?[0-9]{1,3}")
_COUNT = re.compile("[0-9]{1,12}")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,4})?%")


class OnError(StrEnum):
    """What an import does after an invalid row."""

    ABORT = "abort"  # it fails: nothing is loaded
    REJECT = "reject"  # it writes the row to the reject file and loads the others


class OnConflict(StrEnum):
    """What an import does with a row whose key is in the table already, or earlier in the file."""

    FAIL = "fail"  # it fails: nothing is loaded
    SKIP = "skip"  # the existing row stays; the new one is counted
    UPDATE = "update"  # the existing row gets the new values; a before-image is stored


@dataclass(frozen=True)
class Policy:
    """What a client requests for the rows of an import.

    Attributes:
        max_rejects: how many rows may be rejected, as a number ("50") or a percentage of all rows ("2.5%"). Beyond it
            nothing is loaded. None: no limit.
        dry_run: load all rows and then roll them back.
        priority: waiting imports with a higher priority begin first.
        control: what must hold for the accepted rows, else nothing is loaded.
    """

    on_error: OnError = OnError.ABORT
    max_rejects: str | None = None
    on_conflict: OnConflict = OnConflict.FAIL
    dry_run: bool = False
    priority: int = 0
    control: ControlTotals = NO_CONTROL_TOTALS

    def as_json(self) -> dict[str, Any]:
        """The parts that differ from the defaults."""
        parts = {name: value for name, value in asdict(self).items() if name != "control"}
        changed = {name: value for name, value in parts.items() if value != getattr(Policy(), name)}
        return changed | self.control.as_json()

    def is_exceeded(self, rejected: int, read: int, *, ended: bool) -> bool:
        """Whether so many rejects of so many read rows are too many. A percentage counts once the file has `ended`."""
        if self.max_rejects is None:
            return False
        if self.max_rejects.endswith("%"):
            return ended and rejected * 100 > float(self.max_rejects[:-1]) * read
        return rejected > int(self.max_rejects)


def policy_from_json(kept: Mapping[str, Any] | None) -> Policy:
    """The policy that `as_json` returned this for."""
    kept = kept or {}
    on_error = OnError(kept.get("on_error", OnError.ABORT))
    on_conflict = OnConflict(kept.get("on_conflict", OnConflict.FAIL))
    dry_run, priority = bool(kept.get("dry_run", False)), int(kept.get("priority", 0))
    control = control_totals_from_json(kept)
    return Policy(on_error, kept.get("max_rejects"), on_conflict, dry_run, priority, control)


def parse_policy(given: Mapping[str, str]) -> Policy:
    """Parse the policy in a query or a form. Raises `InvalidContent`, which names the field."""
    on_error, most = given.get("on_error", "abort"), given.get("max_rejects")
    if on_error not in tuple(OnError):
        raise _refused("on_error", f"on_error must be abort or reject; it is {on_error[:40]!r}")
    if most is not None:
        if on_error != OnError.REJECT:
            raise _refused("max_rejects", "max_rejects needs on_error=reject: with abort no row may be rejected")
        is_share = _PERCENT.fullmatch(most) and float(most[:-1]) <= 100
        if not is_share and not _COUNT.fullmatch(most):
            raise _refused("max_rejects", "max_rejects must be a number such as 50 or a share such as 2.5%")
    on_conflict = given.get("on_conflict", "fail")
    if on_conflict not in tuple(OnConflict):
        raise _refused("on_conflict", f"on_conflict must be fail, skip or update; it is {on_conflict[:40]!r}")
    dry_run = given.get("dry_run", "false")
    if dry_run not in ("true", "false"):
        raise _refused("dry_run", "dry_run must be true or false: whether all rows are rolled back at the end")
    priority = parse_priority(given.get("priority", "0"))
    control = parse_control_totals(given)
    return Policy(OnError(on_error), most, OnConflict(on_conflict), dry_run == "true", priority, control)


def parse_priority(text: str) -> int:
    """Parse a priority; raises `InvalidContent` unless it is a whole number within the limits."""
    if not _PRIORITY.fullmatch(text) or abs(int(text)) > MAX_PRIORITY:
        raise _refused("priority", f"priority must be a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    return int(text)


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
