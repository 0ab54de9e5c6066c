"""Guards: who may ask, and that a foreign web page does not make a browser ask."""

import re
import sys
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from app.config import Settings
from app.routes.access.keys import KeyFile
from app.routes.pages.imports import is_page
from app.routes.problems import problem
from app.routes.request_body import drain_after
from app.routes.sessions import HEADER, SIGN_IN, SIGN_OUT, ask_for_key, find_session

OPEN_PATHS = ("/livez",)
SAFE_METHODS = ("HEAD", "OPTIONS")
CHANGING_GETS = ("/insert", "/dpd_insert", "/stop", "/delete_all")
CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
BOOT_ERROR = 3  # the exit code at which gunicorn ends instead of starting the worker again
_PORT = re.compile(":[0-9]{1,5}$")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)


def register_guards(app: Flask, settings: Settings) -> None:
    """Name every request, refuse what is not allowed, and log what was answered."""
    keys = _read_keys_or_end(settings.api_keys_file) if settings.api_keys_file else None
    app.extensions["backout_keys"] = keys
    names = {*LOCAL_NAMES, settings.host.lower(), f"[{settings.host.lower()}]"}

    @app.before_request
    def begin() -> Response | None:
        g.started_at = perf_counter()
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        g.client = ""
        return (_check_key(keys) if keys is not None else _check_host(names)) or _check_origin()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.get("request_id", "")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        drain_after(response)
        if request.path not in OPEN_PATHS:
            took = perf_counter() - g.get("started_at", perf_counter())
            log.info(
                "answered",
                method=request.method,
                path=request.path,
                status=response.status_code,
                milliseconds=round(took * 1000, 1),
            )
        return response


def _read_keys_or_end(path: Path) -> KeyFile:
    try:
        return KeyFile(path)
    except (OSError, ValueError) as error:
        print(f"Backout can't start:\nBACKOUT_API_KEYS_FILE: {error}", file=sys.stderr)  # noqa: T201 — no logs yet
        raise SystemExit(BOOT_ERROR) from None


def _check_host(names: set[str]) -> Response | None:
    """Without keys only this machine may ask, under a name that no foreign page's address can have."""
    host = request.headers.get("Host")  # Flask's TRUSTED_HOSTS would do, but it never matches an IPv6 address
    if host is None or _PORT.sub("", host.lower()) in names:
        return None
    return problem(400, "unknown-host", f"this server answers as localhost only, not as {host[:80]!r}")


def _check_key(keys: KeyFile) -> Response | None:
    if request.path in OPEN_PATHS:
        return None
    if request.path == SIGN_IN and request.method == "POST":
        return None  # the key is in its form
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    client = keys.find_client(given)
    by_session = client is None and not given and (client := find_session(keys)) is not None
    # the browser adds a session to any request, also to a forged one: a change must have a header as well
    if by_session and _changes() and HEADER not in request.headers and request.path != SIGN_OUT:
        return problem(403, "page-header-required", f"a session changes things with the header {HEADER} only")
    if client is not None:
        g.client = client
        return None
    if is_page():
        return ask_for_key(request.full_path.rstrip("?"))
    response = problem(401, "key-required", "send a key of this installation: Authorization: Bearer <key>")
    response.headers["WWW-Authenticate"] = 'Bearer realm="backout"'
    return response


def _check_origin() -> Response | None:
    services = request.headers.get("Sec-Fetch-Site")
    if services is None:  # a program, or an old browser, which says at least where a form comes from
        origin = request.headers.get("Origin")
        is_ours = origin is None or origin.partition("://")[2].lower() == request.headers.get("Host", "").lower()
    else:
        is_ours = services in ("none", "same-origin")
    if _changes() and not is_ours:
        return problem(403, "cross-site", "another web page made your browser send this; nothing was done")
    return None


def _changes() -> bool:
    return request.method not in ("GET", *SAFE_METHODS) or request.path.startswith(CHANGING_GETS)
