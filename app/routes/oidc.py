"""Sign-in at an OpenID provider: there and back again, then the browser has a session as others do."""

from urllib.parse import quote

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app.domain.errors import NoRole, Overloaded, ProviderUnavailable, Refused, SignInRefused, TooManyFailures
from app.lifecycle.access.provider import Attempt, Provider
from app.routes.access.credentials import Credentials
from app.routes.openapi.operations import Answer, describe, query
from app.routes.sessions import OIDC, POLICY, STYLE, ask_for_key, own_path, set_session

COOKIE = "backout_sign_in"
SECONDS = 600  # for which the provider's page may be open
LONGEST_PATH = 2000  # that fits into a cookie with the rest
CALLBACK = f"{OIDC}/callback"
HTML = {200: Answer("It leads to the page that was wanted.")}

blueprint = Blueprint("oidc", __name__)


@blueprint.get(OIDC)
@describe(
    "begin_sign_in",
    "page",
    {302: Answer("Sign in there.")},
    parameters=(query("next", "Where to go on."),),
    is_open=True,
)
def begin() -> AnyResponse:
    """Lead a browser to the provider."""
    provider, attempt = _provider(), Attempt()
    asked = own_path(request.args.get("next", "/"))
    asked = asked if len(asked) <= LONGEST_PATH else "/"
    try:
        address = provider.begin(attempt, _redirect_uri())
    except Refused as error:
        return _refuse(error, asked)
    response = redirect(address, 302)
    kept = _serializer(provider).dumps([attempt.state, attempt.nonce, attempt.verifier, asked])
    # the provider's page leads back: a strict cookie would not come with that
    response.set_cookie(
        COOKIE, str(kept), max_age=SECONDS, path=OIDC, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response


@blueprint.get(CALLBACK)
@describe(
    "finish_sign_in",
    "page",
    HTML,
    parameters=tuple(query(name, "As the provider says it.") for name in ("code", "state", "iss", "error")),
    is_open=True,
)
def finish() -> AnyResponse:
    """Take the provider's word for who this is, give a session."""
    provider = _provider()
    credentials: Credentials = current_app.extensions["backout_credentials"]
    address, asked = request.remote_addr or "", "/"
    try:
        credentials.require_patience(address)
        attempt, asked = _read_attempt(provider)
        person = provider.finish(attempt, _redirect_uri(), request.args.get("code", ""))
        secret = credentials.sign_in_person(person, address)
    except Refused as error:
        if isinstance(error, SignInRefused):
            credentials.note_failure(address)
        return _refuse(error, asked)
    page = render_template("signed_in.html", style=Markup(STYLE), next=asked)  # nosec B704
    response = make_response(page)
    # A page of ours leads on: the session's cookie is strict, and would not come with a redirect from the provider.
    response.headers["Content-Security-Policy"] = POLICY
    set_session(response, secret)
    response.delete_cookie(COOKIE, path=OIDC, httponly=True, samesite="Lax")
    return response


def _read_attempt(provider: Provider) -> tuple[Attempt, str]:
    """The attempt that this browser has begun, and where it wanted to go. Raises `SignInRefused`."""
    try:
        state, nonce, verifier, asked = _serializer(provider).loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
    except (BadSignature, ValueError, TypeError):
        raise SignInRefused("this browser has not begun to sign in, or more than ten minutes ago") from None
    if request.args.get("state") != state:
        raise SignInRefused("this is the answer to another sign-in, perhaps of another tab")
    if request.args.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
        raise SignInRefused("another provider has answered")
    if error := request.args.get("error"):
        raise SignInRefused(f"{provider.host} says {request.args.get('error_description') or error:.200}")
    return Attempt(state, nonce, verifier), own_path(asked)


def _refuse(error: Refused, asked: str) -> Response:
    g.denied = error.detail
    status = {NoRole: 403, TooManyFailures: 429, ProviderUnavailable: 503, Overloaded: 503}.get(type(error), 401)
    wait = int(error.extra["retry_after"]) if isinstance(error, TooManyFailures) else 0
    response = ask_for_key(asked, wait=wait, said="" if wait else error.detail)
    response.status_code = status
    response.delete_cookie(COOKIE, path=OIDC, httponly=True, samesite="Lax")
    return response


def _redirect_uri() -> str:
    return request.root_url.rstrip("/") + quote(CALLBACK)


def _provider() -> Provider:
    found = current_app.extensions["backout_provider"]
    assert isinstance(found, Provider)
    return found


def _serializer(provider: Provider) -> URLSafeTimedSerializer:
    """All web servers have the client's secret, and no one else."""
    return URLSafeTimedSerializer(provider.secret, salt="backout sign-in")
