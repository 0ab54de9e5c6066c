"""What can go wrong between a client and the server, each with a sentence that says what."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backout.client.models import Import

RETRIED = frozenset({408, 429, 502, 503, 504})  # answers that another try may change


class BackoutError(Exception):
    """The root of every error that the client raises."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(BackoutError):
    """No answer came: the server is not there, or the connection was lost each time.

    Attributes:
        never_reached: this client has not reached the server before either, so the address may be wrong.
    """

    def __init__(self, message: str, *, never_reached: bool = False) -> None:
        super().__init__(message)
        self.never_reached = never_reached


class SourceFailed(BackoutError):
    """What was to be sent can't be read, changed meanwhile, or could not be kept for another try."""


class WaitTimeout(BackoutError):
    """The import has not ended in time. It goes on; `last` is what it was when last seen."""

    def __init__(self, message: str, last: "Import") -> None:
        super().__init__(message)
        self.last = last


class Refused(BackoutError):
    """The server answered that this can't be had.

    Attributes:
        status: of HTTP.
        kind: the last part of the problem's type, stable and for programs, such as `already-decided`.
        request_id: under which the server's log has it; None where something else answered.
        fields: for an invalid request, what is wrong where.
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
    """400, 413, 415, 422: the request or the file is not in order."""


class NotAllowed(Refused):
    """401, 403, 409: a key is missing, this is switched off, or it can't be had in this state."""


class TooLate(NotAllowed):
    """409: the import was decided before the stop came."""


class NotFound(Refused):
    """404: there is no such import or dataset."""


class Unavailable(Refused):
    """408, 429, 502, 503, 504, each time it was tried: nothing was done."""


class ServerFailed(Refused):
    """Another 5xx, or an answer that is not Backout's."""


def refusal(status: int, body: bytes) -> Refused:
    """The error that an answer of 4xx or 5xx stands for."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {
            "detail": f"the answer was {status}, and not one of Backout's: {body[:80].decode(errors='replace')!r}"
        }
    if status == 409 and document.get("type") == "/problems/already-decided":
        return TooLate(status, document)
    if status in RETRIED:
        return Unavailable(status, document)
    if status in (401, 403, 409):
        return NotAllowed(status, document)
    if status in (404, 410):
        return NotFound(status, document)
    return InvalidRequest(status, document) if status < 500 else ServerFailed(status, document)
