"""Where keys are required the page asks for one, and keeps a session; forgery gets nowhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import expect

from app.cli.servers import PrivateRabbitMQ
from tests.browser.person import Person
from tests.servers import DatabaseServer, empty
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEY, OTHER = "alice-0123456789abcdef", "bob-0123456789abcdef"
COOKIE = "backout_session"
PAUSE_OR_RESUME = re.compile("^(Pause|Resume)$")


def make_guarded(server: DatabaseServer, broker: PrivateRabbitMQ, folder: Path, **settings: object) -> Stack:
    """A stack that wants keys, with a virtual host of its own."""
    keys = folder / "keys"
    keys.write_text(f"alice:{KEY}\nbob:{OTHER}\n")
    broker.control("add_vhost", folder.name)
    broker.control("set_permissions", "-p", folder.name, "backout", ".*", ".*", ".*")
    empty(server)
    return Stack(folder, server.url, broker.url(folder.name), find_port(), api_keys_file=keys, **settings)


@pytest.fixture
def guarded(installation: DatabaseServer, broker: PrivateRabbitMQ, tmp_path: Path) -> Iterator[Stack]:
    """A web server that wants keys, beside those of the running stack, whose worker may load what it accepts."""
    stack = make_guarded(installation, broker, tmp_path)
    try:
        yield stack.start("web")
    finally:
        stack.kill()


@pytest.fixture
def held(guarded: Stack) -> Iterator[None]:
    """No worker takes an import of orders."""
    guarded.post("/v1/datasets/orders/pause", headers={"X-API-Key": KEY})
    yield
    guarded.post("/v1/datasets/orders/resume", headers={"X-API-Key": KEY})


@pytest.fixture
def visitor(browser: "Browser", guarded: Stack, tmp_path: Path) -> Iterator[Person]:
    person = Person(browser, guarded, tmp_path)
    yield person
    person.leave()


def sign_in(stack: Stack, key: str = KEY) -> requests.Session:
    session = requests.Session()
    answer = session.post(
        f"{stack.url}/sign-in", data={"key": key, "next": "/"}, allow_redirects=False, timeout=patience()
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    return session


def test_the_page_asks_for_a_key_and_goes_on_where_one_was_going(visitor: Person) -> None:
    page = visitor.page
    page.goto("/?state=failed")
    expect(page.get_by_role("heading", name="Backout")).to_be_visible()
    visitor.check_width(320)
    assert page.evaluate("getComputedStyle(document.body).maxWidth") != "none", "its style is let in"
    page.get_by_label("API key").fill("wrong-wrong-wrong-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("No client has this key")
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/?state=failed")
    expect(page.locator("#liveness")).to_have_text("Live")
    visitor.check_accessible()
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, "Strict")
    assert KEY not in cookie["value"]
    id = visitor.generate(2_000_000)
    assert visitor.stack.get(f"/v1/imports/{id}", headers={"X-API-Key": OTHER}).ok
    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop and undo").click()
    visitor.wait_shown("Stopped")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.context.cookies() == []


def test_the_api_asks_a_browser_for_a_key_and_refuses_a_program(guarded: Stack) -> None:
    asked = requests.get(f"{guarded.url}/docs", headers={"Accept": "text/html"}, timeout=patience())
    assert asked.status_code == 401 and 'name="key"' in asked.text
    assert requests.get(f"{guarded.url}/docs", timeout=patience()).json()["type"] == "/problems/key-required"
    shown = requests.get(f"{guarded.url}/docs", headers={"X-API-Key": KEY}, timeout=patience()).text
    assert "A key is required" in shown and "Authorization: Bearer $KEY" in shown


def test_a_session_is_no_key_for_forms_of_others(guarded: Stack) -> None:
    session = sign_in(guarded)
    assert session.get(f"{guarded.url}/v1/imports", timeout=patience()).status_code == 200
    url = f"{guarded.url}/v1/imports"
    refused = session.post(url, json={"generate": 1}, timeout=patience())
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/page-header-required")
    for path in ("/insert/1", "/stop/x", "/delete_all"):
        assert session.get(guarded.url + path, timeout=patience()).status_code == 403
    forged = {"X-Backout-Page": "1", "Origin": "https://elsewhere.example"}
    assert session.post(url, json={"generate": 1}, headers=forged, timeout=patience()).status_code == 403
    ours = {"X-Backout-Page": "1", "Origin": guarded.url}
    assert session.post(url, json={"generate": 1}, headers=ours, timeout=patience()).status_code == 202
    crossing = {"Sec-Fetch-Site": "cross-site"}
    answer = requests.post(f"{guarded.url}/sign-in", data={"key": KEY}, headers=crossing, timeout=patience())
    assert answer.status_code == 403 and "Set-Cookie" not in answer.headers


def test_a_session_ends_with_its_key(guarded: Stack) -> None:
    value = sign_in(guarded).cookies[COOKIE]

    def status(cookie: str) -> int:
        return requests.get(f"{guarded.url}/v1/imports", cookies={COOKIE: cookie}, timeout=patience()).status_code

    assert status(value) == 200
    for wrong in ("", ".", value[:-1], f"{value}x", value[::-1], "\u00e9" * 43, "x" * 5000):
        assert status(wrong) == 401, wrong
    keys = Path(str(guarded.settings["api_keys_file"]))
    keys.write_text(f"bob:{OTHER}\n")
    wait_for(lambda: status(value) == 401, "the session ended with its key")


def test_signing_in_leads_to_no_other_place(guarded: Stack) -> None:
    for elsewhere in ("//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "x", ""):
        data = {"key": KEY, "next": elsewhere}
        answer = requests.post(f"{guarded.url}/sign-in", data=data, allow_redirects=False, timeout=patience())
        assert answer.headers["Location"] == "/"


def make_token(stack: Stack, scope: str) -> str:
    asked = {"name": "anna", "scopes": [scope]}
    made = stack.post("/v1/tokens", json=asked, headers={"X-API-Key": KEY})
    return str(made.json()["token"])


@pytest.mark.usefixtures("held")
def test_the_page_offers_what_the_token_allows_and_says_who_did_it(visitor: Person, guarded: Stack) -> None:
    page, given = visitor.page, {"X-API-Key": OTHER}
    id = guarded.post("/v1/imports", json={"generate": 5}, headers=given).json()["id"]
    for scope, shows in (("viewer", False), ("operator", True)):
        page.goto(f"/imports/{id}")
        page.get_by_label("API key or token").fill(make_token(guarded, scope))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/imports/{id}")
        expect(page.get_by_text("Sent by")).to_be_visible()
        for name in ("Stop…", PAUSE_OR_RESUME):
            expect(page.get_by_role("button", name=name)).to_be_visible(visible=shows)
        visitor.check_accessible()
        page.goto("/")
        expect(page.get_by_role("heading", name="New import")).to_be_visible(visible=shows)
        page.goto("/rows/orders")
        expect(page.get_by_role("button", name="Delete…")).to_be_visible(visible=shows)
        if shows:
            page.goto(f"/imports/{id}")
            page.get_by_role("button", name="Stop…").click()
            page.get_by_role("button", name="Stop and undo").click()
            expect(page.get_by_text("Stopped by")).to_be_visible()
            expect(page.locator("[data-f=stopped_by]")).to_have_text("anna")
        page.get_by_role("button", name="Sign out").click()
    page.goto("/rows")
    page.get_by_label("API key or token").fill(make_token(guarded, "imports:read"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("this needs the scope rows:read")).to_be_visible()


def test_an_administrator_finds_the_audit_in_the_navigation(visitor: Person, guarded: Stack) -> None:
    page = visitor.page
    page.goto("/")
    page.get_by_label("API key or token").fill(KEY)
    page.get_by_role("button").click()
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("cell", name="sign_in")).to_be_visible()
    visitor.check_accessible()
    visitor.check_width(320)
    page.get_by_label("Client").fill("bob")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nothing was recorded that matches.")).to_be_visible()
