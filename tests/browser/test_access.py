"""Tokens and sessions on the page: created, shown once, rotated, revoked, ended; by administrators only."""

from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_sign_in import KEY, guarded, make_token, sign_in, visitor  # noqa: F401 — fixtures
from tests.stack import Stack
from tests.waiting import patience, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCHEMES = ("light", "dark")


def enter(page: "Page", path: str, key: str) -> None:
    page.goto(path)
    page.get_by_label("API key or token").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


def read_secret(page: "Page") -> str:
    expect(page.locator("#secret")).to_contain_text("bko_")
    return page.locator("#secret").inner_text()


def status(stack: Stack, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{stack.url}/v1/imports", headers=headers, timeout=patience()).status_code


def test_a_token_is_created_shown_once_rotated_and_revoked(visitor: Person, guarded: Stack) -> None:  # noqa: F811
    page = visitor.page
    enter(page, "/access", KEY)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_text("There is no token yet.")).to_be_visible()
    page.get_by_label("Name of the client").fill("night <b>shift</b>")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_label("Valid for (days)", exact=True).fill("7")
    page.keyboard.press("Enter")
    token = read_secret(page)
    expect(page.locator("#made-title")).to_be_focused()
    expect(page.get_by_text("it is shown this once, and can’t be had again")).to_be_visible()
    page.get_by_role("button", name="Copy", exact=True).click()
    wait_for(lambda: page.evaluate("navigator.clipboard.readText()") == token, "it is copied")
    line = page.locator("#tokens tr").first
    for text in ("night <b>shift</b>", "viewer", "Valid", "never", "alice"):
        expect(line).to_contain_text(text)
    assert status(guarded, token) == 200  # from now on it has a last use
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        visitor.check_accessible()
    visitor.check_width(320)
    page.set_viewport_size({"width": 1280, "height": 900})

    answer = page.reload()
    assert answer is not None and answer.headers["cache-control"] == "no-store" and token not in answer.text()
    expect(line).to_contain_text("Valid")
    assert token not in page.content() and token not in page.url
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state])") == "[{},{},null]"

    page.get_by_role("button", name="Rotate… night").click()
    visitor.check_accessible()
    visitor.check_safe("#rotate", "Keep the old one")
    page.get_by_role("button", name="Rotate… night").click()
    page.get_by_label("The old one stays valid for (hours)").fill("1")
    page.get_by_role("button", name="Rotate", exact=True).click()
    other = read_secret(page)
    assert other != token and (status(guarded, token), status(guarded, other)) == (200, 200)
    page.get_by_role("button", name="I have copied it").click()
    assert other not in page.content()

    id = other.split("_")[1]
    page.locator(f"#tokens tr[data-id='{id}']").get_by_role("button", name="Revoke…").click()
    expect(page.locator("#sure")).to_contain_text("Revoke the token of night <b>shift</b>?")
    visitor.check_accessible()
    visitor.check_safe("#sure", "Keep it")
    assert status(guarded, other) == 200
    page.locator(f"#tokens tr[data-id='{id}']").get_by_role("button", name="Revoke…").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.locator(f"#tokens tr[data-id='{id}']")).to_contain_text("Revoked (alice)")
    wait_for(lambda: status(guarded, other) == 401, "it is refused")
    assert status(guarded, token) == 200, "the old one of the rotation stays"


def test_single_scopes_and_datasets_are_chosen_and_a_refusal_is_shown(visitor: Person, guarded: Stack) -> None:  # noqa: F811
    page = visitor.page
    enter(page, "/access", KEY)
    page.get_by_label("Name of the client").fill("a:b")
    page.get_by_label("Role").select_option("single scopes…")
    page.get_by_role("checkbox", name="imports:read").check()
    page.get_by_text("Only some datasets").click()
    page.get_by_role("checkbox", name="orders").check()
    visitor.check_accessible()
    visitor.check_width(320)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert").filter(has_text="no colon")).to_be_visible()
    expect(page.locator("#made")).to_be_hidden()
    page.get_by_label("Name of the client").fill("narrow")
    page.get_by_role("button", name="Create").click()
    token = read_secret(page)
    (shown,) = guarded.get("/v1/tokens", headers={"X-API-Key": KEY}).json()["tokens"]
    assert (shown["scopes"], shown["datasets"], shown["name"]) == (["imports:read"], ["orders"], "narrow")
    assert status(guarded, token) == 200
    page.get_by_label("Role").select_option("admin")
    expect(page.get_by_text("Only some datasets")).to_be_hidden()


def test_a_session_is_ended_and_its_browser_signs_in_again(visitor: Person, guarded: Stack) -> None:  # noqa: F811
    page, other = visitor.page, sign_in(guarded)
    assert other.get(f"{guarded.url}/v1/imports", timeout=patience()).ok
    enter(page, "/access", KEY)
    expect(page.locator("#sessions tr")).to_have_count(2)
    own, foreign = page.locator("#sessions tr").first, page.locator("#sessions tr").last
    expect(own).to_contain_text("this browser")
    foreign.get_by_role("button", name="End…").click()
    visitor.check_safe("#sure", "Keep it")
    foreign.get_by_role("button", name="End…").click()
    page.locator("#sure-go").click()
    expect(foreign).to_contain_text("Ended (alice)")
    expect(own).to_contain_text("Signed in")
    wait_for(lambda: other.get(f"{guarded.url}/v1/imports", timeout=patience()).status_code == 401, "it is over")


@pytest.mark.parametrize("scope", ["operator", "viewer"])
def test_who_is_no_administrator_sees_neither_the_page_nor_its_link(
    visitor: Person,  # noqa: F811
    guarded: Stack,  # noqa: F811
    scope: str,
) -> None:
    page = visitor.page
    enter(page, "/", make_token(guarded, scope))
    expect(page.get_by_role("link", name="Imports", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Access")).to_have_count(0)
    answer = page.goto("/access")
    assert answer is not None and answer.status == 403
    expect(page.get_by_text("this needs the scope admin")).to_be_visible()


def test_where_no_one_is_asked_there_is_no_such_page(person: Person) -> None:
    page = person.page
    page.goto("/")
    expect(page.get_by_role("link", name="Rows")).to_be_visible()
    expect(page.get_by_role("link", name="Access")).to_have_count(0)
    expect(page.get_by_role("columnheader", name="Sent by")).to_have_count(0)
    answer = page.goto("/access")
    assert answer is not None and answer.status == 403
