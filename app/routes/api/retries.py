"""`/v1/imports/{id}/retry`: the same once more."""

from flask import Blueprint, Response, g, jsonify, url_for

from app.domain.caller import Scope
from app.domain.errors import FileForgotten, ImportNotFound, LedgerFrozen, NothingToRetry, QuotaExceeded, SpoolFull
from app.lifecycle.imports import retry
from app.routes import services
from app.routes.api.serializers import serialize_import
from app.routes.openapi.models import imports as models
from app.routes.openapi.operations import describe

blueprint = Blueprint("retries", __name__)


@blueprint.post("/v1/imports/<id>/retry")
@describe(
    "retry_import",
    "imports",
    models.RETRIED,
    refuses=(ImportNotFound, NothingToRetry, FileForgotten, SpoolFull, LedgerFrozen, QuotaExceeded),
    scope=Scope.IMPORTS_WRITE,
)
def retry_one(id: str) -> Response:
    """Import the same once more: 202 with a new import, which names this one in `retry_of`. A dry run becomes a real
    import. 409 while this one is not over, or when its rows are there, or its file is no longer kept."""
    row = retry.retry_import(services(), id, client=g.client, request_id=g.request_id)
    response = jsonify(serialize_import(row))
    response.status_code = 202
    response.headers["Location"] = url_for("imports.show", id=row.id)
    return response
