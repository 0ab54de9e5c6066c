"""The page of orders: chosen, handled, followed, looked up; in two tabs and after a reload."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.cli.servers import PrivateRabbitMQ
from tests.browser.person import Person
from tests.sandbox import Sandbox
from tests.servers import DatabaseServer, empty
from tests.stack import Stack, find_port


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        yield sandbox.start()
    finally:
        sandbox.kill()


@pytest.fixture(scope="module")
def handling_database(installation: DatabaseServer) -> DatabaseServer:
    database = replace(installation, database="browser_orders")
    database.install()
    return database


@pytest.fixture(scope="module")
def handling_stack(
    handling_database: DatabaseServer,
    broker: PrivateRabbitMQ,
    sandbox: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    broker.control("add_vhost", "browser-orders")
    broker.control("set_permissions", "-p", "browser-orders", "backout", ".*", ".*", ".*")
    stack = Stack(
        tmp_path_factory.mktemp("orders"),
        handling_database.url,
        broker.url("browser-orders"),
        find_port(),
        handling=1,
        handling_services=json.dumps(sandbox.services()),
        handling_pause_seconds=0.05,
        handling_breaker_seconds=1,
    )
    try:
        yield stack.start("web", "worker", "sweeper", "handler")
    finally:
        stack.kill()


@pytest.fixture
def stack(handling_stack: Stack, handling_database: DatabaseServer, sandbox: Sandbox) -> Stack:
    """Six pending orders, and nothing handled yet."""
    if not handling_stack.is_running("handler"):
        handling_stack.start("handler")
    empty(handling_database)
    sandbox.control(forget=True, down=[], failure_rate=0)
    row = handling_stack.post("/v1/imports", json={"generate": 6}).json()
    handling_stack.wait_state(row["id"])
    with handling_database.root() as cursor:
        cursor.execute("UPDATE orders SET status = 'pending'")
    return handling_stack


@pytest.fixture
def person(browser, stack: Stack, tmp_path: Path) -> Iterator[Person]:  # type: ignore[no-untyped-def]
    person = Person(browser, stack, tmp_path)
    yield person
    person.leave()


def handle(person: Person) -> None:
    person.page.get_by_role("button", name="Handle", exact=False).first.click()
    person.page.locator("#sure").get_by_role("button", name="Handle").click()


def test_orders_are_selected_handled_and_followed(person: Person, stack: Stack) -> None:
    page = person.page
    page.goto("/orders")
    rows = page.locator("#orders tbody tr")
    expect(rows).to_have_count(6)
    expect(page.locator("#handle")).to_be_disabled()
    person.check_accessible()
    page.get_by_label("Select all on this page").check()
    expect(page.locator("#handle")).to_have_text("Handle 6")
    page.locator("#handle").click()
    expect(page.locator("#sure")).to_contain_text("can’t be undone")
    person.check_safe("#sure", "Cancel")
    expect(page.locator("#handle")).to_be_enabled()
    assert stack.get("/v1/handlings").json()["handlings"] == []
    page.locator("#handle").click()
    page.locator("#sure").get_by_role("button", name="Handle").click()
    line = page.locator("#handlings tbody tr")
    expect(line.locator(".badge")).to_have_text("Done")
    expect(rows.first).to_contain_text("shipped")
    expect(rows.first.locator(".badge")).to_have_text("Done")
    person.check_accessible()
    assert page.request.get(line.get_by_role("link", name="Slips").get_attribute("href")).body()[:5] == b"%PDF-"
    rows.first.get_by_role("button").click()
    history = page.locator("#history")
    expect(history.locator("#steps tr")).to_have_count(6)
    expect(history).to_contain_text("take payment")
    expect(history.get_by_role("link", name="Packing slip")).to_be_visible()
    person.check_accessible()
    page.keyboard.press("Escape")
    person.check_width(320)


def test_what_failed_says_why_and_is_retried(person: Person, stack: Stack, sandbox: Sandbox) -> None:
    page = person.page
    sandbox.control(down=["marketplace"])
    page.goto("/orders")
    page.locator("#orders tbody input").nth(1).check()
    handle(person)
    line = page.locator("#handlings tbody tr")
    expect(line.locator(".badge")).to_have_text("Failed")
    order = page.locator("#orders tbody tr").nth(1)
    expect(order.locator(".badge")).to_have_text("Failed")
    order.get_by_role("button").click()
    expect(page.locator("#history")).to_contain_text("out of order")
    page.keyboard.press("Escape")
    sandbox.control(down=[])
    line.get_by_role("button", name="Retry the failed orders").click()
    expect(line.locator(".badge")).to_have_text("Done")


def test_the_button_waits_in_another_tab_and_after_a_reload(person: Person, stack: Stack) -> None:
    stack.end("handler")  # nobody handles here, so it stays under way
    page = person.page
    page.goto("/orders?status=pending")
    other = page.context.new_page()
    other.goto("/orders?status=pending")
    page.get_by_label("Select all on this page").check()
    expect(other.locator("#handle")).to_have_text("Handle 6")
    expect(other.locator("#handle")).to_be_enabled()
    handle(person)
    for tab in (page, other):
        expect(tab.locator("#handle")).to_be_disabled()
        expect(tab.locator("#why")).to_contain_text("being handled already")
    page.reload()
    expect(page.locator("#handle")).to_have_text("Handle 6")
    expect(page.locator("#handle")).to_be_disabled()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#handlings tbody .badge")).to_have_text("Stopped")
    for tab in (page, other):
        expect(tab.locator("#handle")).to_be_enabled()


def test_orders_are_searched_and_all_that_match_are_taken(person: Person, stack: Stack) -> None:
    row = stack.post("/v1/imports", json={"generate": 60}).json()
    stack.wait_state(row["id"])
    pending = stack.get("/v1/orders?status=pending&limit=1").json()["count"]
    page = person.page
    page.goto("/orders")
    expect(page.locator("#count")).to_have_text("66 match")
    page.get_by_role("button", name="More →").click()
    expect(page.locator("#orders tbody tr")).to_have_count(16)
    number = page.locator("#orders tbody th").last.inner_text()
    page.get_by_label("Search").fill(number)
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#orders tbody tr")).to_have_count(1)
    page.goto("/orders?status=pending")
    expect(page.locator("#count")).to_have_text(f"{pending} match")
