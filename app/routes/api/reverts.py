"""`/v1/reverts` and `/v1/imports/{id}/revert`: take committed imports out of the table again."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, url_for

from app.db.reverts.outcomes import Outcome
from app.domain.caller import Scope
from app.domain.errors import ImportNotFound, InvalidContent, LedgerFrozen, NotRevertible, Reverted
from app.domain.requests.revert import Dependents
from app.lifecycle.imports.reverting import accept, show
from app.routes import services
from app.routes.access import require_imports, require_scopes
from app.routes.api.revert_request import FIELDS, parse_ids, parse_request, parse_until
from app.routes.api.serializers import serialize_import, serialize_time
from app.routes.openapi.models import reverts as models
from app.routes.openapi.operations import JSON, describe
from app.routes.parameters import parse_caller, require_fields
from app.routes.request_body import parse_json

JSON_BYTES = 16 * 1024
MANY_BYTES = 64 * 1024  # room for the ids

blueprint = Blueprint("reverts", __name__)


@blueprint.post("/v1/imports/<id>/revert")
@describe(
    "revert_import",
    "imports",
    models.ACCEPTED,
    refuses=(ImportNotFound, NotRevertible, Reverted, InvalidContent, LedgerFrozen),
    body={JSON: models.RevertRequest},
    needs_body=False,
    scope=Scope.IMPORTS_REVERT,
)
def revert_one(id: str) -> Response:
    """Revert a committed import: 202 with the revert, which is watched and stopped like an import. Rows that the import
    brought are deleted, rows that it updated get their old values back; both only where no one has changed them
    since. `dry_run` looks and changes nothing. A revert with `keep_images` can be reverted itself."""
    body = parse_json(JSON_BYTES, '{"dry_run": true}', empty=b"{}")
    require_fields(body, FIELDS)
    return _accept([id], body)


@blueprint.post("/v1/reverts")
@describe(
    "revert_imports",
    "imports",
    models.ACCEPTED,
    refuses=(ImportNotFound, NotRevertible, Reverted, InvalidContent, LedgerFrozen),
    body={JSON: models.RevertsRequest},
    scope=Scope.IMPORTS_REVERT,
)
def revert_many() -> Response:
    """Revert several imports of one dataset, such as a whole night's, in one transaction: all of them or none. Which of
    them updated a row later is found row by row."""
    body = parse_json(MANY_BYTES, '{"ids": ["97731469-8f0e-4d1b-9c56-0d6b8fd7a3a1"]}')
    require_fields(body, ("ids", *FIELDS))
    ids = parse_ids(body)
    require_imports(ids)
    return _accept(ids, body)


def _accept(ids: Sequence[str], body: Mapping[str, Any]) -> Response:
    request = parse_request(body)
    if request.dependents is Dependents.CASCADE:
        require_scopes([Scope.IMPORTS_ANY])  # it takes back what later imports did, whose ever they are
    row = accept.accept_revert(services(), ids, parse_caller(), request)
    response = jsonify(serialize_import(row))
    response.status_code = 202
    response.headers["Location"] = url_for("imports.show", id=row.id)
    return response


@blueprint.get("/v1/imports/<id>/revert")
@describe("get_revert", "imports", models.REVERTS, refuses=(ImportNotFound,), scope=Scope.IMPORTS_READ)
def show_reverts(id: str) -> dict[str, Any]:
    """Whether an import can be reverted, until when, and what its reverts and their dry runs came to, the latest
    first. Of a revert it also says what became of each of its imports."""
    return _serialize_shown(show.show_reverts(services(), id))


@blueprint.patch("/v1/imports/<id>/revert")
@describe(
    "shorten_revert",
    "imports",
    models.REVERTS,
    refuses=(ImportNotFound, NotRevertible, InvalidContent),
    body={JSON: models.ShortenRequest},
    scope=Scope.IMPORTS_REVERT,
)
def shorten_revert(id: str) -> dict[str, Any]:
    """Let an import be reverted until an earlier time: from then on it can't be, and nothing makes it longer again."""
    body = parse_json(JSON_BYTES, '{"revertible_until": "2026-12-01T06:00:00Z"}')
    show.shorten(services(), id, parse_until(body))
    return _serialize_shown(show.show_reverts(services(), id))


def _serialize_shown(shown: show.Shown) -> dict[str, Any]:
    return {
        "import": shown.row.id,
        "revertible": shown.eligibility.reason is None,
        "reason": shown.eligibility.reason,
        "revertible_until": serialize_time(shown.eligibility.until),
        "reverts": [_serialize(one) for one in shown.outcomes],
        "imports": [_serialize(one) for one in shown.imports],
        "later_skips": [{"id": one.id, "rows_skipped": one.rows_skipped} for one in shown.later_skips],
    }


def _serialize(one: Outcome) -> dict[str, Any]:
    return {
        "id": one.revert_id,
        "import": one.import_id,
        "state": one.state,
        "dry_run": one.dry_run,
        "rows_deleted": one.rows_deleted,
        "rows_restored": one.rows_restored,
        "rows_left": one.rows_left,
        "rows_erased": one.rows_erased,
        "in_the_way": one.in_the_way,
        "fingerprint": one.fingerprint,
        "reverted": one.reverted,
        "reason": one.reason,
        "created_by": one.created_by,
        "created_at": serialize_time(one.created_at),
        "finished_at": serialize_time(one.finished_at),
    }
