"""What a client has at once: counted while it lasts, and never for longer."""

from collections.abc import Iterator

import pytest
from flask import Flask, Response, g, request

from app.domain.errors import BadRequest
from app.lifecycle.quotas import Quotas
from app.routes import limits
from app.routes.downloads import as_download
from app.routes.limits import register_limits, take_preview, take_upload
from app.routes.problems import register_problems
from app.web.places import DOWNLOADS, UPLOADS, Turns


@pytest.fixture
def app() -> Flask:
    app = Flask("app")
    register_limits(app, Quotas({}, 24))
    register_problems(app)

    @app.before_request
    def name_client() -> None:
        g.client = request.headers.get("X-Client", "")

    @app.get("/export")
    def export() -> Response:
        def write() -> Iterator[bytes]:
            yield b"a"
            yield b"b"

        return as_download(Response(write()))

    @app.post("/upload")
    def upload() -> str:
        take_upload()
        take_upload()  # the same one
        if request.args:
            raise BadRequest("no")
        return ""

    @app.post("/preview")
    def preview() -> str:
        with take_preview():
            return str(app.extensions["meanwhile"]())

    return app


def test_downloads_that_no_one_reads(app: Flask) -> None:
    web = app.test_client()
    alice, bob = {"X-Client": "alice"}, {"X-Client": "bob"}
    held = [web.get("/export", headers=alice) for _ in range(DOWNLOADS // 2)]
    refused = web.get("/export", headers=alice)
    assert (refused.status_code, refused.json["type"], refused.json["limit"], refused.json["most"]) == (
        *(429, "/problems/too-many-at-once"),
        *("downloads", DOWNLOADS // 2),
    )
    assert int(refused.headers["Retry-After"]) > 0
    held += [web.get("/export", headers=bob) for _ in range(DOWNLOADS // 2)]
    full = web.get("/export", headers={"X-Client": "carol"})
    assert (full.status_code, full.json["type"], full.json["most"]) == (503, "/problems/overloaded", DOWNLOADS)
    held[0].close()
    for _ in range(2):
        with web.get("/export", headers=alice) as answer:
            assert answer.data == b"ab"


def test_an_upload_is_over_with_its_answer(app: Flask) -> None:
    web = app.test_client()
    for _ in range(UPLOADS + 1):
        assert web.post("/upload").status_code == 200
        assert web.post("/upload?fail").status_code == 400


def test_previews_of_one_client_follow_each_other(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_previews", Turns(0.05))
    alice, bob = {"X-Client": "alice"}, {"X-Client": "bob"}
    meanwhile: list[tuple[int, str]] = []

    def ask() -> None:
        app.extensions["meanwhile"] = lambda: "shown"
        for headers in (alice, bob):
            answer = app.test_client().post("/preview", headers=headers)
            meanwhile.append((answer.status_code, (answer.json or {}).get("limit", "") if answer.is_json else ""))

    app.extensions["meanwhile"] = ask
    assert app.test_client().post("/preview", headers=alice).status_code == 200
    assert meanwhile == [(429, "previews"), (200, "")]
