"""The page says who did it, also of what happens while it is open; long names are cut, and whole in a title."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.cli.servers import PrivateRabbitMQ
from tests.browser.person import Person
from tests.browser.test_access import enter
from tests.browser.test_list import HEADER, line
from tests.browser.test_sign_in import KEY, OTHER, guarded, held, make_guarded, visitor  # noqa: F401 — fixtures
from tests.sandbox import Sandbox
from tests.servers import DatabaseServer
from tests.stack import Stack
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ALICE, BOB = {"X-API-Key": KEY}, {"X-API-Key": OTHER}
LONG = "oidc-<i>anna</i>.of.a.house.with.a.very.long.name@example.org"


def generate(stack: Stack, headers: dict[str, str]) -> str:
    return str(stack.post("/v1/imports", json={"generate": 5}, headers=headers).json()["id"])


@pytest.mark.usefixtures("held")
def test_the_list_and_the_timeline_name_who_did_it_as_it_happens(visitor: Person, guarded: Stack) -> None:  # noqa: F811
    made = guarded.post("/v1/tokens", json={"name": LONG, "scopes": ["operator"]}, headers=ALICE)
    anna = {"Authorization": f"Bearer {made.json()['token']}"}
    page, first = visitor.page, generate(guarded, BOB)
    enter(page, "/", KEY)
    expect(page.locator("#liveness")).to_have_text("Live")
    last = generate(guarded, anna)
    name = page.locator(f"tr[data-id='{last}'] [data-f=created_by]")
    expect(name).to_have_text(LONG)
    assert name.get_attribute("title") == LONG
    assert name.evaluate("one => one.scrollWidth > one.clientWidth"), "it is cut"
    visitor.check_accessible()
    visitor.check_width(320)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator(f"tr[data-id='{first}']").get_by_role("link", name="bob").click()
    page.wait_for_url("**/?created_by=bob")
    expect(page.get_by_role("heading", name="Imports of bob")).to_be_visible()
    expect(page.locator("#liveness")).to_have_text("Live")
    generate(guarded, anna)
    second = generate(guarded, BOB)
    expect(page.locator("table.imports tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Stopped").click()
    page.wait_for_url("**/?state=stopped&created_by=bob")
    page.get_by_role("link", name="Of all clients").click()
    page.wait_for_url("**/?state=stopped")

    page.goto(f"/imports/{second}")
    expect(page.locator("#liveness")).to_have_text("Live")
    guarded.post(f"/v1/imports/{second}/pause", headers=BOB)
    expect(page.locator("#timeline [data-event=paused]")).to_contain_text("(alice)")  # hers holds it for longer
    expect(page.get_by_text("Paused by", exact=True)).to_be_visible()
    guarded.post(f"/v1/imports/{second}/stop", headers=anna)
    visitor.wait_shown("Stopped")
    expect(page.locator("#timeline [data-event=stopping]")).to_contain_text(f"({LONG})")
    expect(page.locator("#timeline [data-event=queued]")).to_contain_text("(bob)")
    expect(page.locator("#timeline [data-event=stopped] .by")).to_have_count(0)
    expect(page.locator(".facts [data-f=stopped_by]")).to_have_text(LONG)
    visitor.check_width(320)


@pytest.fixture
def handling_stack(installation: DatabaseServer, broker: PrivateRabbitMQ, tmp_path: Path) -> Iterator[Stack]:
    """A web server that wants keys and takes handlings, which nobody does."""
    services = json.dumps(Sandbox(tmp_path).services())
    stack = make_guarded(installation, broker, tmp_path, handling=1, handling_services=services)
    try:
        yield stack.start()
    finally:
        stack.kill()


def test_handlings_name_who_asked_for_them_and_who_stopped_them(
    browser: "Browser", handling_stack: Stack, tmp_path: Path
) -> None:
    person = Person(browser, handling_stack, tmp_path)
    page = person.page
    content = (HEADER + line(1)).encode()
    sent = handling_stack.post("/v1/imports?dataset=orders", data=content, headers=ALICE).json()["links"]["self"]
    wait_for(lambda: handling_stack.get(sent, headers=ALICE).json()["state"] == "committed", "it is there")
    (order,) = handling_stack.get("/v1/orders", headers=ALICE).json()["orders"]
    asked = handling_stack.post("/v1/handlings", json={"orders": [order["id"]]}, headers=BOB)
    enter(page, "/orders", KEY)
    who = page.locator("#handlings [data-part=who]")
    expect(who).to_have_text("bob")
    handling_stack.post(f"{asked.json()['links']['stop']}", headers=ALICE)
    expect(who).to_have_text("bob, stopped by alice")
    person.check_accessible()
    person.check_width(320)
    person.leave()
