"""Errors as problem+json."""

from typing import Literal

from pydantic import ConfigDict

from app.routes.openapi.models import Model


class FieldError(Model):
    """What is wrong with one field."""

    model_config = ConfigDict(extra="allow")

    field: str
    reason: str | None = None


class Problem(Model):
    """An error, as RFC 9457 has it. Kinds add members of their own, such as `import_id`."""

    model_config = ConfigDict(extra="allow")

    type: str
    """`/problems/` and the kind; stable, for programs."""
    title: str
    status: int
    detail: str
    """A sentence for people."""
    request_id: str | None
    """As in the header X-Request-ID and in the log."""
    errors: list[FieldError] | None = None
    import_id: str | None = None


class ClassicProblem(Problem):
    """An error of a classic endpoint: with the fields that existing scripts look for."""

    success: Literal[False]
    message: str
    task_id: str | None
