"""Callers: who sends a request."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who sends a request: the API key's name, the Idempotency-Key and the request's id, if there are any."""

    client: str = ""
    key: str | None = None
    request_id: str | None = None
