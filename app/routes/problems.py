"""Errors as problem+json (RFC 9457), one table for all of them."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from app.domain import errors

RETRY_SECONDS = 5
CLASSIC = ("/insert", "/dpd_insert", "/stop", "/status", "/delete_all", "/get_data")

STATUSES: dict[type[errors.Refused], int] = {
    errors.BadRequest: 400,
    errors.InvalidContent: 422,
    errors.UnsupportedFormat: 415,
    errors.ContentTooLarge: 413,
    errors.SpoolFull: 507,
    errors.ImportNotFound: 404,
    errors.AlreadyDecided: 409,
    errors.ImportsRunning: 409,
    errors.DatasetBeingCleared: 409,
    errors.DatasetNotFound: 404,
    errors.TemplateNotFound: 404,
    errors.DatasetExists: 409,
    errors.DatasetInUse: 409,
    errors.ExportOutdated: 412,
    errors.AlreadyRunning: 409,
    errors.HandlingNotFound: 404,
    errors.OrderNotFound: 404,
    errors.NotRunning: 409,
    errors.NothingFailed: 409,
    errors.OrdersKept: 409,
    errors.ScopeRequired: 403,
    errors.DatasetNotAllowed: 403,
    errors.TooManyFailures: 429,
    errors.TokenNotFound: 404,
    errors.SessionNotFound: 404,
    errors.KeyInFlight: 409,
    errors.KeyReused: 422,
    errors.NotEnabled: 403,
    errors.FileForgotten: 409,
    errors.NothingToRetry: 409,
    errors.NotRevertible: 409,
    errors.Reverted: 409,
    errors.Overloaded: 503,
    errors.LedgerFrozen: 503,
    errors.Paused: 409,
    errors.TooManyStreams: 503,
    errors.TooManyAtOnce: 429,
    errors.QuotaExceeded: 429,
    errors.SpoolUnavailable: 503,
    errors.DatabaseUnavailable: 503,
}
RETRY = (
    errors.KeyInFlight,
    errors.DatasetBeingCleared,
    errors.DatasetInUse,
    errors.Overloaded,
    errors.LedgerFrozen,
    errors.Paused,
    errors.TooManyFailures,
    errors.TooManyStreams,
    errors.TooManyAtOnce,
    errors.QuotaExceeded,
    errors.SpoolUnavailable,
    errors.DatabaseUnavailable,
)

log = structlog.get_logger(__name__)


def register_problems(app: Flask) -> None:
    """Let every error of this application answer as problem+json."""
    app.register_error_handler(errors.Refused, refuse)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, kind: str, detail: str, **extra: Any) -> Response:
    """A problem document; on the classic paths it carries their own fields too."""
    document = {
        "type": f"/problems/{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": g.get("request_id"),
        **extra,
    }
    if request.path == "/" or request.path.startswith(CLASSIC):
        named = (request.view_args or {}).get("task_id") or extra.get("import_id")
        document |= {"success": False, "message": detail, "task_id": named}
    return Response(json.dumps(document), status, content_type="application/problem+json")


def kind_of(error: type[errors.Refused]) -> str:
    """The last part of a problem's type: `ImportNotFound` is `import-not-found`."""
    name = error.__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def refuse(error: errors.Refused) -> Response:
    """The problem document of an error of ours."""
    response = problem(STATUSES[type(error)], kind_of(type(error)), error.detail, **error.extra)
    if isinstance(error, RETRY):
        response.headers["Retry-After"] = str(error.extra.get("retry_after", RETRY_SECONDS))
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    detail = error.description or HTTPStatus(status).phrase
    if status == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.path}"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible at {request.path}"
    response = problem(status, HTTPStatus(status).phrase.lower().replace(" ", "-"), detail)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("unexpected_error", path=request.path, exc_info=error)
    return problem(500, "unexpected", "something went wrong here; the log has it under this request id")
