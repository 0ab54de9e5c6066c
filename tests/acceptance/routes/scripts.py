"""What scripts of the classic endpoints send and get."""

from typing import Any

import requests

UNKNOWN = "00000000-0000-4000-8000-000000000000"
CLASSIC_PROBLEM = {"type", "title", "status", "detail", "request_id", "success", "message", "task_id"}


def fields(answer: requests.Response, **types: type | tuple[type, ...]) -> dict[str, Any]:
    """The document of a successful classic answer, with these fields of these types and `success`."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json"), answer.text
    document = dict(answer.json())
    assert document.pop("success") is True
    for name, kind in types.items():
        assert isinstance(document[name], kind) and not (kind is int and document[name] is True), (name, document)
    return document
