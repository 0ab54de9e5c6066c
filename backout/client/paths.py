"""Paths of the API, and the header that makes a request safe to repeat."""

from urllib.parse import quote
from uuid import uuid4

from backout.client.errors import NotFound

KEY_LENGTH = 200


def import_path(id: str) -> str:
    """The path of an import. Raises `NotFound` for an id that would change the path."""
    return f"/v1/imports/{_part(id, 'import')}"


def dataset_path(name: str) -> str:
    """The path of a dataset. Raises `NotFound` for a name that would change the path."""
    return f"/v1/datasets/{_part(name, 'dataset')}"


def template_path(name: str) -> str:
    """The path of a template. Raises `NotFound` for a name that would change the path."""
    return f"/v1/templates/{_part(name, 'template')}"


def key_header(given: str | None) -> dict[str, str]:
    """The header Idempotency-Key: the `given` key, or a new one. Raises ValueError for an invalid key."""
    key = str(uuid4()) if given is None else given
    if not 1 <= len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise ValueError(f"an Idempotency-Key has 1 to {KEY_LENGTH} printable ASCII characters")
    return {"Idempotency-Key": key}


def _part(name: str, what: str) -> str:
    """The name as a part of a path. Raises `NotFound` for a name that would change the path."""
    if name in ("", ".", ".."):
        raise NotFound(404, {"type": f"/problems/{what}-not-found", "detail": f"there is no {what} {name!r}"})
    return quote(name, safe="")
