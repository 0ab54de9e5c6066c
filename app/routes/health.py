"""Health: whether the process lives, and whether it can do its work."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint

from app.domain.errors import DatabaseUnavailable
from app.lifecycle import measure, observe
from app.routes import site
from app.routes.models.classic import Life, Queue, Readiness
from app.routes.operations import JSON, Answer, describe

NEEDED = ("database", "spool")  # without the broker imports are still accepted

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
@describe("get_life", "health", Life, is_open=True)
def show_life() -> dict[str, Any]:
    """That the process answers; asks nobody else."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@describe(
    "get_readiness",
    "health",
    {
        200: Answer("Imports are accepted; `degraded` where a part of the work waits.", {JSON: Readiness}),
        503: Answer("Imports can't be accepted: the parts say why.", {JSON: Readiness}),
    },
)
def show_readiness() -> tuple[dict[str, Any], int]:
    """What each part says: 503 when imports can't be accepted, `degraded` when only a part of the work goes on."""
    parts = observe.check_parts(site())
    if any(parts[name] != "ok" for name in NEEDED):
        return {"status": "failing", "parts": parts}, 503
    return {"status": "ok" if set(parts.values()) == {"ok"} else "degraded", "parts": parts}, 200


@blueprint.get("/v1/queue")
@describe("get_queue", "health", Queue, refuses=(DatabaseUnavailable,))
def show_queue() -> dict[str, Any]:
    """How many imports wait and run, and how many workers there are; null for what the broker does not answer."""
    return asdict(measure.measure_queue(site()))
