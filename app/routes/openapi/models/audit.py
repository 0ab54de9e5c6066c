"""Bodies of `/v1/audit`."""

from typing import Any

from pydantic import ConfigDict

from app.domain.audit.entry import Outcome
from app.routes.openapi.models import Model, Time
from app.routes.openapi.operations import JSON, Answer, text

EXAMPLE: dict[str, Any] = {
    "number": 17,
    "at": "2026-11-30T02:35:49.661Z",
    "act": "stop_import",
    "outcome": "done",
    "target": "0b7e9a52-6f0a-4f7e-9d53-1f4d5f7c2a10",
    "client": "anna",
    "address": "192.0.2.7",
    "token": "k3v9x0qa",
    "session": None,
    "request_id": "8f14e45fceea167a5a36dedd4bea2543",
    "reason": None,
    "times": 1,
}


class AuditLine(Model):
    """A change, or what was denied."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    number: int
    at: Time
    act: str
    """The operation's name, or an operator's command; empty where a path has none."""
    outcome: Outcome
    target: str | None
    """What was changed: the id of an import, handling, token or session; the name of a dataset or template."""
    client: str
    """Empty for a stranger."""
    address: str
    token: str | None
    """Its id; null: a key of the file, a stranger, or an operator."""
    session: str | None
    request_id: str | None
    reason: str | None
    times: int
    """How often that was denied in this minute."""


class AuditPage(Model):
    """Lines, the newest first."""

    audit: list[AuditLine]
    next: str | None
    """Path of the next page."""


FOUND = {
    200: Answer(
        "As asked.",
        {JSON: AuditPage, "application/x-ndjson": text("A line of the audit each.")},
    )
}
