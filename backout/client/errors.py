"""The errors of the client. Each has a message for people."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backout.client.models import Import

RETRIED = frozenset({408, 429, 502, 503, 504})  # statuses that a retry may change


class BackoutError(Exception):
    """The base class of all errors that the client raises.

    Attributes:
        message: a sentence for people.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(BackoutError):
    """No answer came: no server listens there, or the connection was lost in each try.

    Attributes:
        never_reached: this client has never reached the server, so the address may be wrong.
    """

    def __init__(self, message: str, *, never_reached: bool = False) -> None:
        super().__init__(message)
        self.never_reached = never_reached


class SourceFailed(BackoutError):
    """The file or stream can't be read, changed while it was sent, or could not be stored for a retry."""


class WaitTimeout(BackoutError):
    """The import has not ended in time. It continues on the server.

    Attributes:
        last: the import as it was last seen.
    """

    def __init__(self, message: str, last: "Import") -> None:
        super().__init__(message)
        self.last = last


class Refused(BackoutError):
    """The server refused the request.

    Attributes:
        status: the HTTP status.
        kind: the last part of the problem's type, stable and for programs, such as `already-decided`.
        request_id: the id of the request in the server's log; None if another program answered.
        fields: for an invalid request, the invalid fields with reasons.
        document: the whole answer.
    """

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("detail") or document.get("title") or f"the server answered {status}"))
        self.status = status
        self.kind = str(document.get("type", "")).rpartition("/")[2] or str(status)
        self.request_id: str | None = document.get("request_id")
        fields = document.get("errors")
        self.fields: list[dict[str, Any]] = fields if isinstance(fields, list) else []
        self.document = dict(document)


class InvalidRequest(Refused):
    """400, 413, 415, 422: the request or the file is invalid."""


class NotAllowed(Refused):
    """401, 403, 409: an API key is missing, the feature is disabled, or the state does not allow it."""


class TooLate(NotAllowed):
    """409: the import was decided before the stop."""


class NotFound(Refused):
    """404, 410: there is no such import or dataset."""


class Unavailable(Refused):
    """408, 429, 502, 503, 504 in every try: the server did nothing."""


class ServerFailed(Refused):
    """Another 5xx, or the answer of a program that is not Backout."""


def refusal(status: int, body: bytes) -> Refused:
    """Make the error for an answer with a status of 4xx or 5xx."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {"detail": f"the answer was {status}, but not from Backout: {body[:80].decode(errors='replace')!r}"}
    if status == 409 and document.get("type") == "/problems/already-decided":
        return TooLate(status, document)
    if status in RETRIED:
        return Unavailable(status, document)
    if status in (401, 403, 409):
        return NotAllowed(status, document)
    if status in (404, 410):
        return NotFound(status, document)
    return InvalidRequest(status, document) if status < 500 else ServerFailed(status, document)
