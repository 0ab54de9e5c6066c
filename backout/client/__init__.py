"""The Python client for Backout's API `/v1`. It needs httpx, and nothing of the server."""

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
from backout.client.models import Dataset, Failure, Import, Preview, Queue, Readiness, Reject
from backout.client.options import Options, RevertOptions

if TYPE_CHECKING:
    from backout.client.client import BackoutClient
else:

    def __getattr__(name):
        """Import `BackoutClient` at its first use: it needs httpx, which would slow `backout --help` down."""
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
    "Preview",
    "Queue",
    "Readiness",
    "Refused",
    "Reject",
    "RevertOptions",
    "ServerFailed",
    "SourceFailed",
    "TooLate",
    "Unavailable",
    "Unreachable",
    "WaitTimeout",
]
