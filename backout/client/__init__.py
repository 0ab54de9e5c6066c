"""A client for Backout's `/v1`, usable on its own: it needs httpx and nothing of the server but the names of states."""

from typing import TYPE_CHECKING

from backout.client.errors import (
    BackoutError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    ServerFailed,
    SourceFailed,
    TooLate,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from backout.client.models import Dataset, Failure, Import, Queue, Readiness, Reject
from backout.client.options import Options

if TYPE_CHECKING:
    from backout.client.client import BackoutClient
else:

    def __getattr__(name):
        """`BackoutClient` is imported when it is first used: its httpx is not for `backout --help` to pay."""
        if name != "BackoutClient":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from backout.client.client import BackoutClient  # noqa: PLC0415

        return BackoutClient


__all__ = [
    "BackoutClient",
    "BackoutError",
    "Dataset",
    "Failure",
    "Import",
    "InvalidRequest",
    "NotAllowed",
    "NotFound",
    "Options",
    "Queue",
    "Readiness",
    "Refused",
    "Reject",
    "ServerFailed",
    "SourceFailed",
    "TooLate",
    "Unavailable",
    "Unreachable",
    "WaitTimeout",
]
