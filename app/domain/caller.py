"""Caller: who sends a request."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who sends a request, and the Idempotency-Key that makes a second one the same."""

    client: str = ""
    key: str | None = None
    request_id: str | None = None
