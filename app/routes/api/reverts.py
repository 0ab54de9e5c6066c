"""`/v1/imports/{id}/revert`: take a committed import out of the table again."""

from typing import Any

from flask import Blueprint, Response, jsonify, url_for

from app.db.reverts.claims import Outcome
from app.domain.errors import ImportNotFound, InvalidContent, LedgerFrozen, NotRevertible, Reverted
from app.domain.requests.revert import OnChanged
from app.lifecycle.imports.reverting import accept, show
from app.routes import services
from app.routes.api.serializers import serialize_import, serialize_time
from app.routes.openapi.models import reverts as models
from app.routes.openapi.operations import JSON, describe
from app.routes.parameters import parse_caller, require_fields
from app.routes.request_body import parse_json

JSON_BYTES = 16 * 1024
MAX_REASON = 500
FIELDS = ("dry_run", "on_changed", "reason")

blueprint = Blueprint("reverts", __name__)


@blueprint.post("/v1/imports/<id>/revert")
@describe(
    "revert_import",
    "imports",
    models.ACCEPTED,
    refuses=(ImportNotFound, NotRevertible, Reverted, InvalidContent, LedgerFrozen),
    body={JSON: models.RevertRequest},
    needs_body=False,
)
def revert_one(id: str) -> Response:
    """Revert a committed import: 202 with the revert, which is watched and stopped like an import. Rows that the import
    brought are deleted, rows that it updated get their old values back; both only where no one has changed them
    since. `dry_run` looks and changes nothing."""
    body = parse_json(JSON_BYTES, '{"dry_run": true}', empty=b"{}")
    require_fields(body, FIELDS)
    dry_run, on_changed, reason = (body.get(name) for name in FIELDS)
    if not isinstance(dry_run, bool | None):
        raise _refused("dry_run", "dry_run must be true or false")
    if on_changed not in (None, *OnChanged):
        raise _refused("on_changed", f"on_changed must be fail or skip; it is {str(on_changed)[:40]!r}")
    if not (reason is None or (isinstance(reason, str) and len(reason) <= MAX_REASON)):
        raise _refused("reason", f"reason must be a text of at most {MAX_REASON} characters")
    row = accept.accept_revert(
        services(),
        id,
        parse_caller(),
        on_changed=OnChanged(on_changed or OnChanged.FAIL),
        dry_run=bool(dry_run),
        reason=reason or None,
    )
    response = jsonify(serialize_import(row))
    response.status_code = 202
    response.headers["Location"] = url_for("imports.show", id=row.id)
    return response


@blueprint.get("/v1/imports/<id>/revert")
@describe("get_revert", "imports", models.REVERTS, refuses=(ImportNotFound,))
def show_reverts(id: str) -> dict[str, Any]:
    """Whether an import can be reverted, until when, and what its reverts and their dry runs came to, the latest
    first."""
    row, found, outcomes = show.show_reverts(services(), id)
    return {
        "import": row.id,
        "revertible": found.reason is None,
        "reason": found.reason,
        "revertible_until": serialize_time(found.until),
        "reverts": [_serialize(one) for one in outcomes],
    }


def _serialize(one: Outcome) -> dict[str, Any]:
    return {
        "id": one.revert_id,
        "state": one.state,
        "dry_run": one.dry_run,
        "rows_deleted": one.rows_deleted,
        "rows_restored": one.rows_restored,
        "rows_left": one.rows_left,
        "in_the_way": one.in_the_way,
        "reason": one.reason,
        "created_at": serialize_time(one.created_at),
        "finished_at": serialize_time(one.finished_at),
    }


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
