"""Parameters: what a query, a path, a header or a form's field must look like, each kind parsed in one place."""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, TypeGuard, TypeVar

from flask import g, request

from app.domain.caller import Caller
from app.domain.errors import BadRequest, InvalidContent

NUMBERS = 2**32  # more than any number in the ledger, and still one to a server
FILTER = "filter["  # how `filter[column]` begins
_NUMBER = re.compile("-?[0-9]{1,4000}")  # digits only: int() would also take 1_000, +1 and blanks, but no more digits

Item = TypeVar("Item")
Kind = TypeVar("Kind", bound=StrEnum)


def parse_caller() -> Caller:
    """Who asks, by this request's headers."""
    return Caller(client=g.client, key=request.headers.get("Idempotency-Key"), request_id=g.request_id)


def parse_number(text: str, name: str) -> int:
    """A whole number from a path or query; raises `BadRequest` for anything else."""
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"{name} must be a whole number; it is {text[:40]!r}", errors=[{"field": name}])
    return int(text)


def parse_limit(default: int, most: int, name: str = "limit") -> int:
    """How many a page has. Raises `BadRequest` for what is no number from 1 to `most`."""
    return parse_count(request.args.get(name, str(default)), most, name)


def parse_count(text: str, most: int, name: str) -> int:
    """A number from 1 to `most`; raises `BadRequest` for anything else."""
    number = parse_number(text, name)
    if not 1 <= number <= most:
        raise BadRequest(f"{name} must be from 1 to {most:,}", errors=[{"field": name}])
    return number


def parse_cursor() -> int | None:
    """Where this request's page begins: as far as numbers go, or None for the beginning. Raises `BadRequest`."""
    text = request.args.get("cursor")
    return max(0, min(parse_number(text, "cursor"), NUMBERS)) if text else None


def cut_page(found: Sequence[Item], limit: int, link: Callable[[Item], str]) -> tuple[Sequence[Item], str | None]:
    """A page of what was `found`, of which one more than `limit` was asked for; and the link to the next page, made of
    this page's last item, or None where this page is the last."""
    return (found, None) if len(found) <= limit else (found[:limit], link(found[limit - 1]))


def parse_states(kind: type[Kind]) -> list[Kind]:
    """The states that `state` names, with commas between them. Raises `BadRequest` for an unknown one."""
    return [_parse_state(kind, name) for name in request.args.get("state", "").split(",") if name]


def _parse_state(kind: type[Kind], name: str) -> Kind:
    try:
        return kind(name)
    except ValueError:
        raise BadRequest(
            f"there is no state {name[:40]!r}; there are {', '.join(kind)}", errors=[{"field": "state"}]
        ) from None


def parse_format(*known: str) -> str:
    """How the answer is to be written: the first of those `known` unless `format` says another. Raises
    `BadRequest`."""
    format = request.args.get("format", known[0])
    if format not in known:
        raise BadRequest(f"format must be {', '.join(known[:-1])} or {known[-1]}", errors=[{"field": "format"}])
    return format


def require_options(said: Iterable[str], known: Sequence[str], *, filters: bool = False) -> None:
    """Raise `InvalidContent` for an unknown option of a query or a form. With `filters` there is
    `filter[column]` as well."""
    unknown = [name for name in said if name not in known and not (filters and is_filter(name))]
    if unknown:
        there = (*known, "filter[column]") if filters else known
        raise _unknown(f"there is no option {unknown[0][:40]!r}; there are {', '.join(there)}", unknown)


def require_fields(body: Iterable[str], known: Sequence[str]) -> None:
    """Raise `InvalidContent` for an unknown field of a JSON object."""
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise _unknown(f"unknown field {unknown[0][:40]!r}: there are {', '.join(known)}", unknown)


def _unknown(sentence: str, unknown: Sequence[str]) -> InvalidContent:
    return InvalidContent(sentence, errors=[{"field": name[:40], "reason": "unknown"} for name in unknown])


def is_filter(name: str) -> bool:
    """Whether an option is a `filter[column]`."""
    return name.startswith(FILTER) and name.endswith("]")


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value of a JSON object is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)
