"""Limits of what clients do at once: whatever waits for a client holds a thread meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, Response, current_app, g, request

from app.domain.errors import Overloaded, TooManyAtOnce
from app.domain.requests.quota import A_DAY, DAY_SECONDS, RETRY_SECONDS
from app.lifecycle.quotas import Quotas
from app.web.places import DOWNLOADS, UPLOADS, NoPlace, Places, Turns

PREVIEW_SECONDS = 10.0  # that a preview waits for the client's one before


def register_limits(app: Flask, quotas: Quotas) -> None:
    """Count uploads and downloads of this application, and let answers tell what is left of quotas."""
    app.extensions["backout_places"] = {"uploads": Places(UPLOADS), "downloads": Places(DOWNLOADS)}

    @app.teardown_request
    def give_back(error: BaseException | None) -> None:
        if g.pop("is_uploading", False):
            _places("uploads").give_back(g.client)

    if quotas.most:

        @app.after_request
        def tell_quotas(response: Response) -> Response:
            """As the IETF's draft "RateLimit header fields for HTTP" has it."""
            if request.method == "POST" and (left := quotas.list_left(g.get("client", ""))):
                window = {quota: f";w={DAY_SECONDS}" if quota in A_DAY else "" for quota in left}
                policies = (f'"{quota}";q={most}{window[quota]}' for quota, most in quotas.most.items())
                response.headers["RateLimit-Policy"] = ", ".join(policies)
                response.headers["RateLimit"] = ", ".join(
                    f'"{quota}";r={some};t={RETRY_SECONDS[quota]}' for quota, some in left.items()
                )
            return response


def take_upload() -> None:
    """Count this request as an upload until it is answered. Raises `TooManyAtOnce` and `Overloaded`."""
    if not g.get("is_uploading"):
        _take("uploads")
        g.is_uploading = True


def take_download() -> Callable[[], None]:
    """Count a download; returns what ends it. Raises `TooManyAtOnce` and `Overloaded`."""
    _take("downloads")
    places, client = _places("downloads"), g.client
    return lambda: places.give_back(client)


@contextmanager
def take_preview() -> Iterator[None]:
    """One preview of a client at a time: few run for all, and none of them waits behind many of one client. Raises
    `TooManyAtOnce` where another one of this client runs for long."""
    with _refusing("previews"), _previews.take(g.client):
        yield


def _places(kind: str) -> Places:
    found = current_app.extensions["backout_places"][kind]
    assert isinstance(found, Places)
    return found


def _take(kind: str) -> None:
    with _refusing(kind):
        _places(kind).take(g.client)


@contextmanager
def _refusing(kind: str) -> Iterator[None]:
    try:
        yield
    except NoPlace as error:
        if error.is_own:
            raise TooManyAtOnce(
                f"{error.most} {kind} of yours are in progress, the maximum of a client: try again when one has ended",
                limit=kind,
                most=error.most,
            ) from None
        raise Overloaded(
            f"{error.most} {kind} are in progress, the maximum of this server: try again in a moment",
            limit=kind,
            most=error.most,
        ) from None


_previews = Turns(PREVIEW_SECONDS)
