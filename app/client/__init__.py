"""A client for Backout's `/v1`, usable on its own: it needs httpx and nothing of the server but the names of states."""

from app.client.client import BackoutClient
from app.client.errors import (
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
    WaitedTooLong,
)
from app.client.options import Options
from app.client.shapes import Dataset, Failure, Import, Queue, Readiness, Reject

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
    "WaitedTooLong",
]
