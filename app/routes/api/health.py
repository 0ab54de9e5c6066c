"""Health: whether the process lives, and whether it can do its work."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint

from app.domain.caller import Scope
from app.domain.errors import DatabaseUnavailable
from app.handling import queries as handlings
from app.lifecycle import health, metrics
from app.routes import services
from app.routes.openapi.models.classic import Life, Queue, Readiness
from app.routes.openapi.operations import JSON, SIGNED_IN, Answer, describe

NEEDED = ("database", "spool")  # without the broker imports are still accepted

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
@describe("get_life", "health", Life, is_open=True)
def show_life() -> dict[str, Any]:
    """Say that the process answers; it asks no other process."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@describe(
    "get_readiness",
    "health",
    {
        200: Answer("Imports are accepted; `degraded` where a part of the work waits.", {JSON: Readiness}),
        503: Answer("Imports can't be accepted: the parts say why.", {JSON: Readiness}),
    },
    scope=SIGNED_IN,
)
def show_readiness() -> tuple[dict[str, Any], int]:
    """What each part says: 503 when imports can't be accepted, `degraded` when only a part of the work goes on."""
    parts = health.check_parts(services())
    if any(parts[name] != "ok" for name in NEEDED):
        return {"status": "failing", "parts": parts}, 503
    return {"status": "ok" if set(parts.values()) == {"ok"} else "degraded", "parts": parts}, 200


@blueprint.get("/v1/queue")
@describe(
    "get_queue",
    "health",
    {
        200: Answer("As asked.", {JSON: Queue}),
        503: Answer("More than there should be waits or goes wrong: `excess` says what.", {JSON: Queue}),
    },
    refuses=(DatabaseUnavailable,),
    scope=Scope.IMPORTS_READ,
)
def show_queue() -> tuple[dict[str, Any], int]:
    """How many imports wait and run, how many workers there are, the same of handlings where orders are handled, and
    how each kind of work went within the last hour; null for what the broker does not answer, and for rates of nothing.
    503 beyond the bounds that the settings have."""
    figures = metrics.measure_queue(services().database, services().hints)
    kinds = metrics.measure_kinds(services())
    excess = metrics.find_excess(services().database, services().settings, kinds)
    handled = (
        asdict(handlings.measure_queue(services().database, services().hints)) if services().settings.handling else None
    )
    told = {**asdict(figures), "handlings": handled}
    return {**told, "kinds": [asdict(kind) for kind in kinds], "excess": excess}, 503 if excess else 200
