"""Health: whether the process lives, and whether it can do its work."""

from typing import Any

from flask import Blueprint

from app.lifecycle import observe
from app.routes import site

NEEDED = ("database", "spool")  # without the broker imports are still accepted

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def show_life() -> dict[str, Any]:
    """That the process answers; asks nobody else."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def show_readiness() -> tuple[dict[str, Any], int]:
    """What each part says: 503 when imports can't be accepted, `degraded` when only a part of the work goes on."""
    parts = observe.check_parts(site())
    if any(parts[name] != "ok" for name in NEEDED):
        return {"status": "failing", "parts": parts}, 503
    return {"status": "ok" if set(parts.values()) == {"ok"} else "degraded", "parts": parts}, 200
