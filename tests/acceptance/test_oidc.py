"""People sign in at a real OpenID provider."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.routes.sessions import COOKIE, HEADER
from tests.npm.provider import OpenIDProvider
from tests.stack import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

KEY = "a-key-of-the-file-0123456789"


@pytest.fixture
def stack(new_stack: Callable[..., Stack], tmp_path: Path) -> Iterator[Stack]:
    keys = tmp_path / "keys"
    keys.write_text(f"night:{KEY}\n")
    stack = new_stack(api_keys_file=keys)
    provider = OpenIDProvider(tmp_path, f"{stack.url}/sign-in/oidc/callback").start()
    stack.provider = provider  # type: ignore[attr-defined]
    stack.settings |= provider.settings()
    yield stack.start("web")
    provider.kill()


def provider_of(stack: Stack) -> OpenIDProvider:
    found = stack.provider  # type: ignore[attr-defined]
    assert isinstance(found, OpenIDProvider)
    return found


def browser(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.url, timeout=patience(), headers={HEADER: "1"})


def come_back(web: httpx.Client, person: str, path: str = "/rows") -> str:
    """Go to the provider and choose who it is; the address to which that leads back."""
    answer = web.get("/sign-in/oidc", params={"next": path})
    assert answer.status_code == 302, answer.text
    asked = httpx.URL(answer.headers["Location"])
    assert asked.params["code_challenge_method"] == "S256" and len(asked.params["code_challenge"]) == 43
    answer = web.get(asked, follow_redirects=True)
    answer = web.get(httpx.URL(str(answer.url)).join(f"{answer.url.path}/{person}"))
    while "/sign-in/oidc/callback" not in (address := answer.headers["Location"]):
        answer = web.get(answer.url.join(address))
    return address


def sign_in(web: httpx.Client, person: str, path: str = "/rows") -> httpx.Response:
    return web.get(come_back(web, person, path))


def count_of(web: httpx.Client) -> int:
    return web.get("/get_data/count").status_code


def test_a_person_comes_in_with_the_role_of_their_groups(stack: Stack) -> None:
    with browser(stack) as anna, browser(stack) as ben, browser(stack) as again:
        first = anna.get("/", headers={"Accept": "text/html"})
        host = provider_of(stack).issuer.removeprefix("http://")
        assert first.status_code == 401 and f"Sign in with {host}" in first.text
        done = sign_in(anna, "anna", "/rows/orders?sort=sku")
        assert done.status_code == 200 and "url=/rows/orders?sort=sku" in done.text
        (cookie,) = [one for one in done.headers.get_list("set-cookie") if one.startswith(COOKIE)]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert sign_in(ben, "ben").status_code == 200
        accepted = anna.post("/v1/imports", json={"generate": 5})
        assert accepted.status_code == 202, accepted.text
        shown = ben.get(f"/v1/imports/{accepted.json()['id']}").json()
        assert shown["created_by"] == "oidc:anna@example.org"
        refused = ben.post("/v1/imports", json={"generate": 5})
        assert (refused.status_code, refused.json()["scope"]) == (403, "imports:write")
        listed = {one["client"]: one for one in anna.get("/v1/sessions").json()["sessions"]}
        assert listed["oidc:ben"]["groups"] == ["viewers"] and listed["oidc:ben"]["token"] is None
        audit = anna.get("/v1/audit", params={"client": "oidc:ben"}).json()["audit"]
        assert {"finish_sign_in"} == {entry["act"] for entry in audit if entry["outcome"] == "done"}
        # a token of that name would own the same imports, but no token can have it
        taken = anna.post("/v1/tokens", json={"name": "oidc:anna@example.org", "scopes": ["sender"]})
        assert taken.status_code == 422
        # an administrator ends it, in every process within a second
        assert anna.delete(f"/v1/sessions/{listed['oidc:ben']['id']}").status_code == 204
        wait_for(lambda: count_of(ben) == 401, "the session is over")
        # and it ends by signing out
        assert sign_in(again, "anna").status_code == 200 and count_of(again) == 200
        secret = again.cookies[COOKIE]
        assert again.post("/sign-out").status_code == 303
        again.cookies.set(COOKIE, secret)
        wait_for(lambda: count_of(again) == 401, "signed out")
        assert count_of(anna) == 200


def test_who_has_no_role_does_not_come_in(stack: Stack) -> None:
    for person in ("carl", "dora"):
        with browser(stack) as web:
            answer = sign_in(web, person)
            assert answer.status_code == 403 and "backout-admins, viewers" in answer.text, answer.text
            assert COOKIE not in web.cookies and count_of(web) == 401
    with browser(stack) as web:
        answer = sign_in(web, "nobody")
        assert answer.status_code == 401 and COOKIE not in web.cookies
    with browser(stack) as web:
        assert sign_in(web, "anna").status_code == 200

        def is_noted() -> bool:
            entries = web.get("/v1/audit", params={"outcome": "denied"}).json()["audit"]
            return any("none of the groups" in (entry["reason"] or "") for entry in entries)

        wait_for(is_noted, "the denial is in the audit")


def test_new_keys_new_names_and_other_settings(stack: Stack) -> None:
    provider = provider_of(stack)
    with browser(stack) as web, browser(stack) as other:
        assert sign_in(web, "anna").status_code == 200
        owned = web.post("/v1/imports", json={"generate": 1}).json()["id"]
        provider.kill()
        provider.people = {
            "anna": {"preferred_username": "anna.renamed", "groups": ["viewers"]},
            "eve": {"preferred_username": "anna@example.org", "groups": ["senders"]},
        }
        stack.own_settings["web"] = {"oidc_roles": '{"viewers": "viewer", "senders": "sender"}'}
        stack.kill("web")
        stack.start("web")
        assert count_of(web) == 401  # today's roles hold, not those of the sign-in
        down = other.get("/sign-in/oidc")
        assert down.status_code == 503 and "does not answer" in down.text
        assert other.get("/livez").status_code == 200
        assert other.get("/v1/imports", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        provider.start()
        assert sign_in(web, "anna").status_code == 200
        assert web.get(f"/v1/imports/{owned}").json()["created_by"] == "oidc:anna@example.org"
        assert sign_in(other, "eve").status_code == 200
        assert other.get(f"/v1/imports/{owned}").status_code == 404  # the name is hers, the import is not
        provider.kill()
        provider.start()  # signs by another key now, and the web server has the old ones in mind
        assert sign_in(web, "anna").status_code == 200
        mine = other.post("/v1/imports", json={"generate": 1}).json()
        assert mine["created_by"] == "oidc:anna@example.org~2"


def test_an_answer_is_for_one_browser_and_one_time(stack: Stack) -> None:
    with browser(stack) as web, browser(stack) as other:
        assert web.get("/v1/imports", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        address = come_back(web, "anna")
        assert other.get(address).status_code == 401 and COOKIE not in other.cookies  # it has not begun this
        other.get("/sign-in/oidc")
        stolen = other.get(address)
        assert stolen.status_code == 401 and "another sign-in" in stolen.text
        for change in ({"iss": "https://evil.example"}, {"state": "x"}, {"code": "x"}, {"error": "access_denied"}):
            with browser(stack) as wrong:
                url = httpx.URL(come_back(wrong, "anna"))
                assert wrong.get(url.copy_merge_params(change)).status_code == 401 and COOKIE not in wrong.cookies
        kept = dict(web.cookies)
        assert web.get(address).status_code == 200
        for name, value in kept.items():
            other.cookies.set(name, value)
        assert other.get(address).status_code == 401  # a code is taken once
        for path in ("https://evil.example/", "//evil.example/", "/\\evil.example", "/" + "x" * 3000):
            with browser(stack) as led:
                assert re.search(r"url=/[\"']", sign_in(led, "anna", path).text)
    # 60 of them, and the address has to wait; who has a key has not
    with browser(stack) as web:
        statuses = [web.get("/sign-in/oidc/callback").status_code for _ in range(61)]
        assert set(statuses) == {401, 429} and statuses[-1] == 429
        assert web.get("/v1/imports", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200  # known here


def test_without_a_provider_nothing_of_it_is_there(new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"night:{KEY}\n")
    stack = new_stack(api_keys_file=keys).start("web")
    with browser(stack) as web:
        assert "Sign in with" not in web.get("/", headers={"Accept": "text/html"}).text
        for path in ("/sign-in/oidc", "/sign-in/oidc/callback"):
            assert web.get(path).status_code == 401
            assert web.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code == 404
