"""`/v1/erasures`: erase what is kept of a person, for administrators."""

from typing import Any

from flask import Blueprint

from app.domain.caller import Scope
from app.domain.errors import BadRequest, DatasetBeingCleared, InvalidContent
from app.lifecycle.datasets.erasing.erase import Erasure, erase as erase_step
from app.lifecycle.datasets.erasing.progress import PLACES
from app.routes import services
from app.routes.access import require_dataset
from app.routes.openapi.models import erasures as models
from app.routes.openapi.operations import JSON, describe
from app.routes.parameters import require_fields
from app.routes.request_body import parse_json

JSON_BYTES = 256 * 1024
TOO_LARGE = {413: ("request-entity-too-large", "The body is too large.")}

blueprint = Blueprint("erasures", __name__)


@blueprint.post("/v1/erasures")
@describe(
    "erase",
    "datasets",
    models.Erasure,
    refuses=(BadRequest, DatasetBeingCleared, InvalidContent),
    failures=TOO_LARGE,
    body={JSON: models.ErasureRequest},
    scope=Scope.ADMIN,
)
def erase() -> dict[str, Any]:
    """Erase a person: the rows of a dataset that have these values of columns, and all that is kept of them; no revert
    brings them back. The answer comes within some seconds: while it has a `cursor`, send the same body with it. An
    erasure that was cut off, or has left something, can be begun anew."""
    body = parse_json(JSON_BYTES, '{"dataset": "orders", "where": {"email": "anna@example.org"}, "dry_run": true}')
    require_fields(body, ("dataset", "where", "dry_run", "cursor"))
    dataset, where, dry_run = body.get("dataset"), body.get("where"), body.get("dry_run", False)
    cursor = body.get("cursor")
    if not isinstance(dataset, str):
        raise _refused("dataset", "dataset must be a text: the name of the dataset")
    if not isinstance(where, dict):
        raise _refused("where", "where must be an object: columns with their values")
    if not isinstance(dry_run, bool):
        raise _refused("dry_run", "dry_run must be true or false")
    if cursor is not None and not isinstance(cursor, str):
        raise _refused("cursor", "cursor must be the text of the last answer")
    require_dataset(dataset)
    return _show(erase_step(services(), dataset, where, dry_run=dry_run, cursor=cursor), dry_run=dry_run)


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])


def _show(found: Erasure, *, dry_run: bool) -> dict[str, Any]:
    progress = found.progress
    return {
        "dataset": found.person.dataset.name,
        "columns": [name for name, _ in found.person.equal],
        "dry_run": dry_run,
        "complete": found.is_complete and not dry_run,
        "counts": {place: progress.counts[place] for place in PLACES},
        "imports": sorted(progress.imports),
        "left": progress.left,
        "cursor": found.cursor,
    }
