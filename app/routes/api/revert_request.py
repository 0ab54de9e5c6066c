"""What a client asks of a revert, as JSON."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from app.domain.errors import InvalidContent
from app.domain.requests.revert import MAX_IMPORTS, Dependents, OnChanged, RowsAsked
from app.domain.requests.selection import MAX_FILTERS
from app.lifecycle.imports.reverting.accept import RevertRequest
from app.routes.parameters import require_fields

MAX_REASON = 500  # characters
MAX_RANGES = 100
FIELDS = ("dry_run", "on_changed", "dependents", "rows", "expected", "keep_images", "reason")

_RANGE = re.compile("([0-9]{1,10})-([0-9]{0,10})")
_MAX_ROW = 2**32 - 1

Choice = TypeVar("Choice", bound=StrEnum)


def parse_request(body: Mapping[str, Any]) -> RevertRequest:
    """Parse how to revert. Raises `InvalidContent`, which names the field."""
    reason, expected = body.get("reason"), body.get("expected")
    if not (reason is None or (isinstance(reason, str) and len(reason) <= MAX_REASON)):
        raise refuse("reason", f"reason must be a text of at most {MAX_REASON} characters")
    if not (expected is None or (isinstance(expected, str) and re.fullmatch("[0-9a-f]{64}", expected))):
        raise refuse("expected", "expected must be the fingerprint that a dry run has given: 64 hexadecimal digits")
    return RevertRequest(
        on_changed=_parse_choice(body, "on_changed", OnChanged),
        dependents=_parse_choice(body, "dependents", Dependents),
        rows=_parse_rows(body.get("rows")),
        expected=expected,
        keep_images=_parse_flag(body, "keep_images"),
        dry_run=_parse_flag(body, "dry_run"),
        reason=reason or None,
    )


def parse_ids(body: Mapping[str, Any]) -> list[str]:
    """Parse the ids of several imports. Raises `InvalidContent`."""
    ids = body.get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= MAX_IMPORTS or not all(isinstance(id, str) for id in ids):
        raise refuse("ids", f"ids must be the ids of 1 to {MAX_IMPORTS:,} imports")
    return ids


def parse_until(body: Mapping[str, Any]) -> datetime:
    """Parse until when an import can be reverted, as the database keeps it: UTC without a zone. Raises
    `InvalidContent`."""
    require_fields(body, ("revertible_until",))
    text = body.get("revertible_until")
    try:
        until = datetime.fromisoformat(text if isinstance(text, str) else "")
        if until.tzinfo is None:
            raise ValueError(text)
        return until.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise refuse(
            "revertible_until", "revertible_until must be a time with its zone, such as 2026-12-01T06:00:00Z"
        ) from None


def _parse_flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool | None):
        raise refuse(name, f"{name} must be true or false")
    return bool(value)


def _parse_choice(body: Mapping[str, Any], name: str, choices: type[Choice]) -> Choice:
    value = body.get(name)
    if value is None:
        return next(iter(choices))
    if value not in list(choices):
        raise refuse(name, f"{name} must be {' or '.join(choices)}; it is {str(value)[:40]!r}")
    return choices(value)


def _parse_rows(value: Any) -> RowsAsked | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not value or set(value) - {"filter", "ranges"}:
        raise refuse("rows", 'rows must be an object such as {"filter": {"status": "paid"}, "ranges": ["1-1000"]}')
    wanted, ranges = value.get("filter"), value.get("ranges")
    if wanted is None:
        wanted = {}
    if not isinstance(wanted, dict) or not all(isinstance(text, str | None) for text in wanted.values()):
        raise refuse("rows", "filter must have texts, or null, by column")
    if len(wanted) > MAX_FILTERS:
        raise refuse("rows", f"the limit is {MAX_FILTERS} filters")
    if ranges is None:
        ranges = []
    if not isinstance(ranges, list) or len(ranges) > MAX_RANGES:
        raise refuse("rows", f"ranges must be a list of at most {MAX_RANGES} row ranges")
    asked = RowsAsked(tuple(wanted.items()), tuple(_parse_range(one) for one in ranges))
    if not asked.equal and not asked.ranges:
        raise refuse("rows", "rows chooses nothing: leave it out to revert all rows")
    return asked


def _parse_range(value: Any) -> tuple[int, int | None]:
    found = _RANGE.fullmatch(value) if isinstance(value, str) else None
    first, last = (int(found[1]), int(found[2]) if found[2] else None) if found else (0, None)
    if not 0 < first <= (first if last is None else last) <= _MAX_ROW:
        raise refuse("rows", f"a range of rows is 1-1000, or 1000- to the last; it is {str(value)[:40]!r}")
    return first, last


def refuse(field: str, reason: str) -> InvalidContent:
    """The error that names a field."""
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
