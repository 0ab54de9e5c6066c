"""Guards: who may ask, and that a foreign web page does not make a browser ask."""

import re
import sys
from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from app.config import Settings
from app.domain.audit.actor import Actor, current
from app.domain.caller import NOTHING, Access
from app.domain.errors import Refused
from app.routes.access import check_operation, find_operation
from app.routes.access.credentials import Credentials
from app.routes.access.denials import Denials
from app.routes.access.keys import KeyFile
from app.routes.access.proxies import TrustedProxies
from app.routes.limits import register_limits
from app.routes.pages.imports import is_page, show_problem
from app.routes.problems import problem
from app.routes.sessions import COOKIE, HEADER, SIGN_OUT, ask_for_key

OPEN_PATHS = ("/livez",)
SAFE_METHODS = ("HEAD", "OPTIONS")
CHANGING_GETS = ("/insert", "/dpd_insert", "/stop", "/delete_all")
CONTENT_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
HTTPS_SECONDS = 365 * 86400  # for how long a browser asks by https only, once it has
DENIALS = (401, 403, 429)
DENIED = (
    *("key-required", "page-header-required", "cross-site", "scope-required", "dataset-not-allowed"),
    "too-many-failures",
)
BOOT_ERROR = 3  # the exit code at which gunicorn ends instead of starting the worker again
_PORT = re.compile(":[0-9]{1,5}$")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)


def register_guards(app: Flask, settings: Settings) -> None:
    """Name every request, refuse what is not allowed, and log what was answered."""
    credentials, denials = None, None
    if settings.asks_who:
        keys = _read_keys_or_end(settings.api_keys_file) if settings.api_keys_file else None
        credentials = Credentials(app.extensions["backout"].database, keys, settings.oidc_roles)
        denials = Denials(app.extensions["backout"].database)
    app.extensions["backout_credentials"] = credentials
    app.extensions["backout_provider"] = _make_provider(settings)
    register_limits(app, app.extensions["backout"].quotas)
    names = {*LOCAL_NAMES, settings.host.lower(), f"[{settings.host.lower()}]"}
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]

    @app.before_request
    def begin() -> Response | tuple[str, int] | None:
        g.started_at = perf_counter()
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        g.access, g.client = Access() if credentials is None else NOTHING, ""
        g.is_allowed = lambda: True  # asked again by what goes on for long
        if credentials is None:
            return _check_host(names) or _check_origin()
        current.set(_actor())
        refused = _check_caller(credentials) or _check_origin()
        current.set(_actor())
        if g.client:
            structlog.contextvars.bind_contextvars(client=g.client)
        return refused or _check_operation()

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        current.set(None)  # the thread goes on to another request

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.get("request_id", "")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.is_secure:  # by http a browser ignores it (RFC 6797, 8.1)
            response.headers.setdefault("Strict-Transport-Security", f"max-age={HTTPS_SECONDS}")
        response.headers.setdefault("Cache-Control", "no-store")
        if denials is not None and (reason := _find_denial(response)):
            _note(denials, reason)
        if request.path not in OPEN_PATHS:
            took = perf_counter() - g.get("started_at", perf_counter())
            log.info(
                "answered",
                method=request.method,
                path=request.path,
                client=g.get("client", ""),
                address=request.remote_addr,
                status=response.status_code,
                milliseconds=round(took * 1000, 1),
            )
        return response


def _make_provider(settings: Settings) -> object | None:
    if settings.oidc_issuer is None:
        return None
    from app.lifecycle.access.provider import Provider  # noqa: PLC0415 — its packages are installed where it is used

    return Provider(settings)


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


def _check_caller(credentials: Credentials) -> Response | None:
    if _is_open():
        return None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    cookie = request.cookies.get(COOKIE, "")
    access = credentials.find(given, request.remote_addr or "") if given else credentials.find_session(cookie)
    if access is None and is_page():
        return ask_for_key(request.full_path.rstrip("?"))
    if access is None:
        response = problem(401, "key-required", "send a token or key of this server: Authorization: Bearer <token>")
        response.headers["WWW-Authenticate"] = 'Bearer realm="backout"'
        return response
    # the browser adds a session to any request, also to a forged one: a change must have a header as well
    if access.session is not None and _changes() and HEADER not in request.headers and request.path != SIGN_OUT:
        return problem(403, "page-header-required", f"a session changes things with the header {HEADER} only")
    g.access, g.client = access, access.client
    g.is_allowed = partial(credentials.is_valid, given, cookie)
    return None


def _check_operation() -> Response | tuple[str, int] | None:
    try:
        if not _is_open():
            check_operation()
    except Refused as error:
        g.denied = error.detail  # also where it is "not found": it is somebody else's
        return show_problem(error)
    return None


def _actor() -> Actor:
    """Who makes what this request changes, as far as it is known."""
    operation, access = find_operation(), g.access
    return Actor(
        act=operation.name if operation is not None else "",
        client=g.client,
        address=request.remote_addr or "",
        token=access.token,
        session=access.session,
        request_id=g.request_id,
    )


def _find_denial(response: Response) -> str:
    """Why the caller was denied what it asked for; empty where it was not: it was not enabled, for example."""
    if denied := g.get("denied"):
        return str(denied)
    if response.status_code not in DENIALS:
        return ""
    document = response.get_json(silent=True) if response.mimetype == "application/problem+json" else None
    if document is None:
        return "wrong key" if response.status_code != HTTPStatus.FORBIDDEN else ""
    kind = str(document.get("type", "")).rpartition("/")[2]
    return f"{kind}: {document.get('detail')}" if kind in DENIED else ""


def _note(denials: Denials, reason: str) -> None:
    actor = _actor()
    denials.note(
        act=actor.act,
        client=actor.client,
        address=actor.address,
        token=actor.token,
        session=actor.session,
        request_id=g.request_id,
        reason=reason,
    )


def _is_open() -> bool:
    """Whether the operation that is asked for needs no key."""
    operation = find_operation()
    return operation is not None and operation.is_open


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
