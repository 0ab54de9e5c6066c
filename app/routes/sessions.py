"""Sessions: the page asks for a token or key once, and the browser keeps a random text that stands for it.

The ledger has the sessions, so any process knows them, and they end everywhere: by signing out, with their token or
key, or by an administrator. A request that changes something by one must carry the header `HEADER`, which no form and
no foreign page can add.
"""

import hashlib
from base64 import b64encode
from contextlib import suppress
from urllib.parse import parse_qsl

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import LengthRequired
from werkzeug.wrappers import Response as AnyResponse

from app.domain.errors import BadRequest, SessionNotFound, TooManyFailures
from app.lifecycle.access.sessions import SESSION_SECONDS
from app.routes.access.credentials import Credentials
from app.routes.openapi.operations import SIGNED_IN, Answer, describe
from app.routes.request_body import came_with_head, open_body

COOKIE = "backout_session"
HEADER = "X-Backout-Page"
SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
OIDC = f"{SIGN_IN}/oidc"
FORM_BYTES = 10_000
GOING_ON = {303: Answer("Go on there.", headers={"Location": "The page."})}
FORM = {
    "type": "object",
    "description": "A token or an API key, and where to go on.",
    "required": ["key"],
    "properties": {"key": {"type": "string"}, "next": {"type": "string", "default": "/"}},
}

# Every file needs a key, style sheets too: this one page brings its own, which its policy names by its hash.
STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:24rem;margin:15vh auto;padding:1rem}"
    "input,button,.button{box-sizing:border-box;width:100%;font:inherit;padding:.6rem;margin-block:.4rem}"
    ".button{display:block;border-radius:.2rem;text-align:center;text-decoration:none;background:#1d4ed8;color:#fff}"
)
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

blueprint = Blueprint("sessions", __name__)


def ask_for_key(asked: str, *, wrong: bool = False, wait: int = 0, said: str = "") -> Response:
    """The page that asks for a token or key, as a 401, or as a 429 for who has to `wait` so many seconds; signing in
    leads on to the path that was `asked` for. `said` is why the OpenID provider's answer was not enough."""
    page = render_template(
        "sign_in.html",
        style=Markup(STYLE),  # nosec B704
        wrong=wrong,
        wait=wait,
        said=said,
        next=own_path(asked),
        provider=current_app.extensions["backout_provider"],
    )
    response = make_response(page, 429 if wait else 401)
    if wait:
        response.headers["Retry-After"] = str(wait)
    response.headers["WWW-Authenticate"] = 'Bearer realm="backout"'
    response.headers["Content-Security-Policy"] = POLICY
    return response


def set_session(response: AnyResponse, secret: str) -> None:
    """Let the browser keep what stands for its session."""
    seconds = int(SESSION_SECONDS)
    response.set_cookie(COOKIE, secret, max_age=seconds, httponly=True, samesite="Strict", secure=request.is_secure)


@blueprint.post(SIGN_IN)
@describe(
    "sign_in",
    "page",
    GOING_ON,
    refuses=(BadRequest, TooManyFailures),
    failures={
        401: ("key-required", "No client has this key."),
        411: ("length-required", "The body came in chunks, or after an Expect."),
        413: ("request-entity-too-large", "The body is too large."),
    },
    body={"application/x-www-form-urlencoded": FORM},
    is_open=True,
)
def sign_in() -> AnyResponse:
    """Take a token or key, give a session."""
    credentials: Credentials | None = current_app.extensions["backout_credentials"]
    if credentials is None:
        return redirect("/", 303)
    if not came_with_head():  # no stranger's body may hold a thread
        raise LengthRequired("send the form with a Content-Length and without Expect")
    form = dict(parse_qsl(open_body().read_all(FORM_BYTES).decode(errors="replace"), keep_blank_values=True))
    asked = form.get("next", "/")
    try:
        secret = credentials.sign_in(form.get("key", "").strip(), request.remote_addr or "")
    except TooManyFailures as error:
        return ask_for_key(asked, wait=int(error.extra["retry_after"]))
    if secret is None:
        return ask_for_key(asked, wrong=True)
    response = redirect(own_path(asked), 303)
    set_session(response, secret)
    return response


@blueprint.post(SIGN_OUT)
@describe("sign_out", "page", GOING_ON, scope=SIGNED_IN)
def sign_out() -> AnyResponse:
    """End the session, and forget it in this browser."""
    credentials: Credentials | None = current_app.extensions["backout_credentials"]
    if credentials is not None:
        with suppress(SessionNotFound):  # an administrator was faster
            credentials.sign_out(g.access)
    response = redirect("/", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict")
    return response


def own_path(text: str) -> str:
    """The path to go on to: this one, or the first page."""
    # never another host's: "//host" and "/\host" are such
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() else "/"
