"""Sessions: where keys are required, the page asks for one once and the browser keeps a proof of it, not the key.

The proof is an HMAC of the time of signing in, made with the key itself: any process with the same keys can check it,
nothing is stored, and it ends with the key. A request that changes something by it must carry the header `HEADER`,
which no form and no foreign page can add.
"""

import hashlib
import hmac
import time
from base64 import b64encode
from urllib.parse import parse_qsl

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app.domain.errors import BadRequest
from app.routes.access.keys import KeyFile
from app.routes.openapi.operations import Answer, describe
from app.routes.request_body import open_body

COOKIE = "backout_session"
HEADER = "X-Backout-Page"
SESSION_SECONDS = 12 * 3600
SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
FORM_BYTES = 10_000
GOING_ON = {303: Answer("Go on there.", headers={"Location": "The page."})}
FORM = {
    "type": "object",
    "description": "An API key, and where to go on.",
    "required": ["key"],
    "properties": {"key": {"type": "string"}, "next": {"type": "string", "default": "/"}},
}

# Every file needs a key, style sheets too: this one page brings its own, which its policy names by its hash.
STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:24rem;margin:15vh auto;padding:1rem}"
    "input,button{box-sizing:border-box;width:100%;font:inherit;padding:.6rem;margin-block:.4rem}"
)
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

blueprint = Blueprint("sessions", __name__)


def find_session(keys: KeyFile) -> str | None:
    """The client that this request's cookie stands for; None without one, and for one that has run out."""
    issued, _, proof = request.cookies.get(COOKIE, "").partition(".")
    if not issued.isdecimal() or not issued.isascii() or len(issued) > 12:
        return None
    if not 0 <= time.time() - int(issued) <= SESSION_SECONDS:
        return None
    # texts may be compared in ASCII only
    return keys.find(lambda key: hmac.compare_digest(_prove(key, issued).encode(), proof.encode()))


def ask_for_key(asked: str, wrong: bool = False) -> Response:
    """The page that asks for a key, as a 401; signing in leads on to the path that was `asked` for."""
    page = render_template("sign_in.html", style=Markup(STYLE), wrong=wrong, next=_own_path(asked))
    response = make_response(page, 401)
    response.headers["WWW-Authenticate"] = 'Bearer realm="backout"'
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return response


@blueprint.post(SIGN_IN)
@describe(
    "sign_in",
    "page",
    GOING_ON,
    refuses=(BadRequest,),
    failures={
        401: ("key-required", "No client has this key."),
        408: ("request-timeout", "Nothing of the body came for a minute."),
        413: ("request-entity-too-large", "The body is too large."),
    },
    body={"application/x-www-form-urlencoded": FORM},
    is_open=True,
)
def sign_in() -> AnyResponse:
    """Take a key, give a session."""
    keys: KeyFile | None = current_app.extensions["backout_keys"]
    if keys is None:
        return redirect("/", 303)
    form = dict(parse_qsl(open_body().read_all(FORM_BYTES).decode(errors="replace"), keep_blank_values=True))
    key, asked = form.get("key", "").strip(), form.get("next", "/")
    if keys.find_client(key) is None:
        return ask_for_key(asked, wrong=True)
    response = redirect(_own_path(asked), 303)
    issued = str(int(time.time()))
    response.set_cookie(
        COOKIE,
        f"{issued}.{_prove(key, issued)}",
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    return response


@blueprint.post(SIGN_OUT)
@describe("sign_out", "page", GOING_ON)
def sign_out() -> AnyResponse:
    """Forget the session in this browser."""
    response = redirect("/", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict")
    return response


def _prove(key: str, issued: str) -> str:
    return hmac.new(key.encode(), f"backout session {issued}".encode(), hashlib.sha256).hexdigest()


def _own_path(text: str) -> str:
    # never another host's: "//host" and "/\host" are such
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() else "/"
