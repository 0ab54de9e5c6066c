"""A policy: what the client wants done with its rows, those that are accepted and those that are not."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from app.domain.errors import InvalidContent

NAMES = ("on_error", "max_rejects", "on_conflict", "dry_run", "priority")
MAX_PRIORITY = 100
_PRIORITY = re.compile("-?[0-9]{1,3}")
_COUNT = re.compile("[0-9]{1,12}")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,4})?%")


class OnError(StrEnum):
    """What one row that is not accepted means."""

    ABORT = "abort"  # nothing is loaded
    REJECT = "reject"  # the others are loaded, this one goes to the reject file


class OnConflict(StrEnum):
    """What a row means whose key is in the table already, or earlier in the file."""

    FAIL = "fail"  # nothing is loaded
    SKIP = "skip"  # the row that is there stays, this one is left out and counted
    UPDATE = "update"  # the row that is there takes this one's values; its old ones are kept with the import's number


@dataclass(frozen=True)
class Policy:
    """`max_rejects` is how many rows may be rejected, as a number ("50") or as a share of all rows ("2.5%"); beyond it
    nothing is loaded. None sets no limit. A `dry_run` is loaded like every import and then always rolled back. Of
    imports that wait, one of a higher `priority` is begun first."""

    on_error: OnError = OnError.ABORT
    max_rejects: str | None = None
    on_conflict: OnConflict = OnConflict.FAIL
    dry_run: bool = False
    priority: int = 0

    def as_json(self) -> dict[str, Any]:
        """Only what is not as it is without a word."""
        return {name: value for name, value in asdict(self).items() if value != getattr(Policy(), name)}

    def is_exceeded(self, rejected: int, read: int, *, ended: bool) -> bool:
        """Whether so many rejects of so many rows are too many; a share is known when the file has `ended`."""
        if self.max_rejects is None:
            return False
        if self.max_rejects.endswith("%"):
            return ended and rejected * 100 > float(self.max_rejects[:-1]) * read
        return rejected > int(self.max_rejects)


def policy_from_json(kept: Mapping[str, Any] | None) -> Policy:
    """The policy that `as_json` made this of."""
    kept = kept or {}
    on_error = OnError(kept.get("on_error", OnError.ABORT))
    on_conflict = OnConflict(kept.get("on_conflict", OnConflict.FAIL))
    dry_run, priority = bool(kept.get("dry_run", False)), int(kept.get("priority", 0))
    return Policy(on_error, kept.get("max_rejects"), on_conflict, dry_run, priority)


def parse_policy(said: Mapping[str, str]) -> Policy:
    """The policy in a query or a form. Raises `InvalidContent`, which names the field."""
    on_error, most = said.get("on_error", "abort"), said.get("max_rejects")
    if on_error not in tuple(OnError):
        raise _refused("on_error", f"on_error must be abort or reject; it is {on_error[:40]!r}")
    if most is not None:
        if on_error != OnError.REJECT:
            raise _refused("max_rejects", "max_rejects is for on_error=reject: with abort no row may be rejected")
        is_share = _PERCENT.fullmatch(most) and float(most[:-1]) <= 100
        if not is_share and not _COUNT.fullmatch(most):
            raise _refused("max_rejects", "max_rejects must be a number such as 50 or a share such as 2.5%")
    on_conflict = said.get("on_conflict", "fail")
    if on_conflict not in tuple(OnConflict):
        raise _refused("on_conflict", f"on_conflict must be fail, skip or update; it is {on_conflict[:40]!r}")
    dry_run = said.get("dry_run", "false")
    if dry_run not in ("true", "false"):
        raise _refused("dry_run", "dry_run must be true or false: whether everything is rolled back at the end")
    priority = parse_priority(said.get("priority", "0"))
    return Policy(OnError(on_error), most, OnConflict(on_conflict), dry_run == "true", priority)


def parse_priority(text: str) -> int:
    """A priority; raises `InvalidContent` for anything but a whole number within the limits."""
    if not _PRIORITY.fullmatch(text) or abs(int(text)) > MAX_PRIORITY:
        raise _refused("priority", f"priority must be a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    return int(text)


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
