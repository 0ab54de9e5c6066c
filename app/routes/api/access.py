"""`/v1/tokens` and `/v1/sessions`: who may use the API, for administrators."""

from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify

from app.domain.caller import Scope, SignIn, Token
from app.domain.errors import BadRequest, InvalidContent, NotEnabled, SessionNotFound, TokenNotFound
from app.lifecycle.access import sessions, tokens
from app.lifecycle.access.tokens import DAYS, OVERLAP_HOURS, NewToken
from app.routes import services
from app.routes.access.credentials import Credentials
from app.routes.api.serializers import serialize_time
from app.routes.openapi.models import access as models
from app.routes.openapi.operations import JSON, describe
from app.routes.parameters import require_fields
from app.routes.request_body import parse_json

JSON_BYTES = 64 * 1024
TOO_LARGE = {413: ("request-entity-too-large", "The body is too large.")}

blueprint = Blueprint("access", __name__)


@blueprint.get("/v1/tokens")
@describe("list_tokens", "access", models.TokenList, refuses=(NotEnabled,), scope=Scope.ADMIN)
def list_tokens() -> dict[str, Any]:
    """All tokens, the newest first, without their secrets."""
    require_enabled()
    return {"tokens": [_show(token) for token in tokens.list_tokens(services().database)]}


@blueprint.post("/v1/tokens")
@describe(
    "create_token",
    "access",
    models.CREATED,
    refuses=(BadRequest, InvalidContent, NotEnabled),
    failures=TOO_LARGE,
    body={JSON: models.TokenRequest},
    scope=Scope.ADMIN,
)
def create_token() -> Response:
    """Create a token for a client: 201 with the token, which is shown this once."""
    require_enabled()
    body = parse_json(JSON_BYTES, '{"name": "night", "scopes": ["sender"]}')
    require_fields(body, ("name", "scopes", "datasets", "expires_days"))
    datasets = body.get("datasets")
    made = tokens.create_token(
        services().database,
        _read_text(body.get("name"), "name"),
        _read_texts(body.get("scopes"), "scopes"),
        created_by=g.client,
        datasets=None if datasets is None else _read_texts(datasets, "datasets"),
        days=_read_number(body, "expires_days", DAYS),
    )
    return _show_new(made)


@blueprint.post("/v1/tokens/<token_id>/rotate")
@describe(
    "rotate_token",
    "access",
    models.CREATED,
    refuses=(BadRequest, InvalidContent, NotEnabled, TokenNotFound),
    failures=TOO_LARGE,
    body={JSON: models.RotateRequest},
    needs_body=False,
    scope=Scope.ADMIN,
)
def rotate_token(token_id: str) -> Response:
    """Create a token that allows the same: 201 with it. The old one stays valid for the overlap."""
    require_enabled()
    body = parse_json(JSON_BYTES, '{"overlap_hours": 24}', empty=b"{}")
    require_fields(body, ("expires_days", "overlap_hours"))
    made = tokens.rotate_token(
        services().database,
        token_id,
        created_by=g.client,
        days=_read_number(body, "expires_days", DAYS),
        overlap_hours=_read_number(body, "overlap_hours", OVERLAP_HOURS),
    )
    require_enabled().tokens.forget(token_id)
    return _show_new(made)


@blueprint.delete("/v1/tokens/<token_id>")
@describe("revoke_token", "access", models.Token, refuses=(NotEnabled, TokenNotFound), scope=Scope.ADMIN)
def revoke_token(token_id: str) -> dict[str, Any]:
    """Revoke a token: no process takes it a second later, and sessions that began with it are over."""
    credentials = require_enabled()
    token = tokens.revoke_token(services().database, token_id, revoked_by=g.client)
    credentials.tokens.forget(token_id)
    return _show(token)


@blueprint.get("/v1/sessions")
@describe("list_sessions", "access", models.SessionList, refuses=(NotEnabled,), scope=Scope.ADMIN)
def list_sessions() -> dict[str, Any]:
    """The sessions of browsers, the newest first."""
    require_enabled()
    return {"sessions": [_show_session(one) for one in sessions.list_sessions(services().database)]}


@blueprint.delete("/v1/sessions/<session_id>")
@describe("end_session", "access", models.ENDED, refuses=(NotEnabled, SessionNotFound), scope=Scope.ADMIN)
def end_session(session_id: str) -> tuple[str, int]:
    """End a session: its browser has to sign in again."""
    require_enabled().end_session(session_id, g.client)
    return "", 204


def require_enabled() -> Credentials:
    """Raise `NotEnabled` where no one is asked for a token: here anyone could make one for the day when they are."""
    credentials: Credentials | None = current_app.extensions["backout_credentials"]
    if credentials is None:
        raise NotEnabled("this server asks no one for a token: start it with BACKOUT_TOKENS=1")
    return credentials


def _read_text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise _refused(field, f"{field} must be a text")
    return value


def _read_texts(value: Any, field: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _refused(field, f"{field} must be a list of texts")
    return list(value)


def _read_number(body: dict[str, Any], field: str, default: float) -> float:
    value = body.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(field, f"{field} must be a number")
    return value


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])


def _show_new(made: NewToken) -> Response:
    response = jsonify({**_show(made.token), "token": made.text})
    response.status_code = 201
    return response


def _show(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "datasets": None if token.datasets is None else sorted(token.datasets),
        "live": token.live,
        "created_at": serialize_time(token.created_at),
        "created_by": token.created_by,
        "expires_at": serialize_time(token.expires_at),
        "last_used_at": serialize_time(token.last_used_at),
        "revoked_at": serialize_time(token.revoked_at),
        "revoked_by": token.revoked_by,
        "replaces": token.replaces,
    }


def _show_session(one: SignIn) -> dict[str, Any]:
    return {
        "id": one.id,
        "client": one.client,
        "token": one.token,
        "groups": None if one.groups is None else list(one.groups),
        "address": one.address,
        "created_at": serialize_time(one.created_at),
        "expires_at": serialize_time(one.expires_at),
        "ended_at": serialize_time(one.ended_at),
        "ended_by": one.ended_by,
    }
