"""The page, items 5, 16, 18 and 19, and what is safe: the list, the banner, keyboard, axe, widths."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.cli.servers import PrivateRabbitMQ
from tests.browser.person import Person
from tests.proxy import Proxy
from tests.servers import DatabaseServer
from tests.stack import Stack, find_port
from tests.waiting import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HEADER = "marketplace,order_number,customer,email,ship_to,sku,quantity,unit_price,currency,status,ordered_at\n"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


def line(number: int, **values: str) -> str:
    row = {
        "marketplace": "Amazon", "order_number": f"N-{number}", "customer": "A", "email": "a@example.org",
        "ship_to": "B", "sku": "S", "quantity": "1", "unit_price": "1.00", "currency": "EUR", "status": "paid",
        "ordered_at": "2026-11-25 10:00:00", **values,
    }  # fmt: skip
    return ",".join('"' + value.replace('"', '""') + '"' for value in row.values()) + "\n"


def test_5_the_list_shows_what_there_is_and_follows(person: Person) -> None:
    page = person.page
    page.goto("/")
    expect(page.locator("#empty")).to_contain_text("Nothing has been imported yet")
    person.check_accessible()
    body = (HEADER + line(1) + line(2, quantity="two")).encode()
    sent = person.stack.send(body, params={"file_name": "night.csv", "on_error": "reject"}).json()
    row = page.locator(f"tr[data-id='{sent['id']}']")  # it comes by itself
    expect(row).to_contain_text("night.csv")
    expect(row.locator(".badge")).to_have_text("Committed")
    expect(row.locator("[data-f=rows_done]")).to_have_text("1")
    expect(row.locator("[data-f=rows_rejected]")).to_have_text("1")
    expect(row.locator("[data-f=took]")).to_have_text(re.compile(r"\d+(\.\d)? s"))
    assert row.locator("time[data-f=created_at]").get_attribute("datetime") == sent["created_at"]
    failed = person.stack.send(body, params={"file_name": "bad.csv"}).json()
    expect(page.locator(f"tr[data-id='{failed['id']}']")).to_contain_text("quantity")
    page.get_by_role("link", name="Failed").click()
    page.wait_for_url("**/?state=failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    person.stack.send(body, params={"file_name": "third.csv", "on_error": "reject", "on_conflict": "skip"})
    more = person.stack.send(body, params={"file_name": "fourth.csv"}).json()
    page.locator(f"tr[data-id='{more['id']}']").wait_for()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_5_the_list_in_pages(person: Person) -> None:
    for _ in range(60):
        person.stack.post("/v1/imports", json={"generate": 1})
    page = person.page
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older →").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("link", name="← Newest").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    person.stack.post("/v1/imports", json={"generate": 2})
    expect(page.locator("tbody tr").first).to_contain_text("2 generated rows")
    expect(page.locator("tbody tr")).to_have_count(50)


def test_16_a_banner_says_that_the_server_is_down(person: Person, stack: Stack) -> None:
    page = person.page
    page.goto("/")
    stack.kill("web")
    expect(page.locator("#banner")).to_contain_text("The server does not answer")
    expect(page.locator("#liveness")).to_contain_text("Server not reached")
    stack.start("web")
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#liveness")).to_have_text("Live")


@pytest.mark.parametrize("part", ["database", pytest.param("broker", marks=pytest.mark.long)])
def test_16_a_banner_says_which_server_is_down(
    browser: "Browser", installation: DatabaseServer, broker: PrivateRabbitMQ, stack: Stack, tmp_path: Path, part: str
) -> None:
    """By cutting the wire of a second web server beside the running stack."""
    servers = {"database": installation.server.port, "broker": broker.port}
    with Proxy(servers[part]) as proxy:
        urls = {"database": installation.url, "broker": broker.url("browser")}
        urls[part] = urls[part].replace(f":{servers[part]}/", f":{proxy.port}/")
        # its sweeper is the running stack's
        second = Stack(tmp_path, urls["database"], urls["broker"], find_port(), spool_dir=stack.spool)
        try:
            person = Person(browser, second.start("web"), tmp_path)
            page = person.page
            page.goto("/")
            expect(page.locator("#liveness")).to_have_text("Live")
            expect(page.locator("#banner")).to_be_hidden()
            proxy.refuse()
            proxy.cut()
            expect(page.locator("#banner")).to_contain_text(f"The {part} does not answer")
            proxy.accept()
            expect(page.locator("#banner")).to_be_hidden()
            person.leave()
        finally:
            second.kill()


def test_18_start_watch_and_stop_by_keyboard_alone(person: Person) -> None:
    page = person.page
    page.goto("/")

    def go_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText || document.activeElement.id") == name:
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", f"the focus can be seen on {name}"
                return
        raise AssertionError(f"{name} can't be reached")

    go_to("Skip to the content")
    go_to("rows")
    page.keyboard.press("Control+A")
    page.keyboard.type("2000000")
    page.keyboard.press("Enter")
    id = person.wait_for_import()
    person.wait_shown("Running")
    go_to("Stop…")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.innerText") == "Keep it running", "the safe answer is first"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "stop"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Stop and undo"
    page.keyboard.press("Enter")
    person.wait_shown("Stopped")
    assert person.stack.find(id)["state"] == "stopped"
    assert page.evaluate("document.activeElement.id") == "main", "the focus is not lost with the button"
    go_to("Retry")


def test_18_a_polite_voice_speaks_at_every_quarter_at_most(person: Person) -> None:
    page = person.page
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => {
             window.spoken = [];
             new MutationObserver(() => window.spoken.push(document.getElementById("spoken").textContent))
               .observe(document.getElementById("spoken"), {childList: true});
           })"""
    )
    person.generate(150_000)
    assert page.locator("#spoken").get_attribute("aria-live") == "polite"
    person.wait_shown("Committed")
    spoken = page.evaluate("window.spoken")
    quarters = [text for text in spoken if "loaded" in text]
    assert quarters == [text for text in ("25 % loaded", "50 % loaded", "75 % loaded") if text in quarters]
    assert quarters
    assert len(spoken) <= 7, spoken
    assert spoken[-1].startswith("Committed.")
    assert page.locator("#progress-title").inner_text() == "Progress"
    assert page.locator("article progress").get_attribute("aria-valuetext") == "100 %"


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_19_axe_finds_nothing_and_320_px_are_enough(person: Person, scheme: str) -> None:
    page = person.open_window(color_scheme=scheme)
    body = (HEADER + line(1) + line(2, quantity="two" * 50)).encode()
    long_name = "a-name-without-an-end-" * 10 + ".csv"
    id = person.stack.send(body, params={"file_name": long_name, "on_error": "reject"}).json()["id"]
    person.stack.wait_state(id)
    failed = person.stack.send(body, params={"file_name": "bad.csv"}).json()["id"]
    person.stack.wait_state(failed)
    running = person.generate(2_000_000, page)
    person.wait_shown("Running", page)
    page.locator("#plot canvas").wait_for()
    person.check_accessible(page)
    person.check_width(320, page)
    person.check_accessible(page)
    page.get_by_role("button", name="Stop…").click()
    person.check_accessible(page)
    page.get_by_role("button", name="Stop and undo").click()
    for path in ("/", f"/imports/{id}", f"/imports/{failed}", f"/imports/{running}", "/imports/nothing"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        person.check_accessible(page)
        person.check_width(320, page)
        person.check_accessible(page)
    person.stack.wait_state(running)


def test_19_policy_and_no_script_in_the_page(person: Person) -> None:
    id = person.stack.post("/v1/imports", json={"generate": 1}).json()["id"]
    for path in ("/", f"/imports/{id}", "/imports/nothing"):
        answer = person.stack.get(path, headers={"Accept": "text/html"})
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        inline = r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*(?:\ssrc=|application/json))"
        assert re.findall(inline, answer.text) == []


def test_19_nothing_is_rendered_unescaped(person: Person) -> None:
    body = (HEADER + line(1, customer=HOSTILE) + line(2, quantity=HOSTILE)).encode()
    sent = person.stack.send(body, params={"file_name": f"{HOSTILE}.csv", "on_error": "reject"}).json()
    person.stack.wait_state(sent["id"])
    page = person.page
    page.goto("/")
    expect(page.locator("tbody")).to_contain_text(HOSTILE)
    page.goto(f"/imports/{sent['id']}")
    expect(page.locator("h1")).to_have_text(f"{HOSTILE}.csv")
    expect(page.locator("#rejects tbody")).to_contain_text(HOSTILE)
    assert page.locator("img[src=x], main script").count() == 0
    assert page.title() not in ("1", "2")


def test_the_first_paint_needs_no_scripts(person: Person) -> None:
    id = person.stack.post("/v1/imports", json={"generate": 7}).json()["id"]
    person.stack.wait_state(id)
    page = person.open_window(scripts=False)
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody .badge")).to_have_text("Committed")
    page.get_by_role("link", name="7 generated rows").click()
    expect(page.locator("#kept")).to_have_text("7")
    expect(page.locator("#timeline li")).to_have_count(4)
    wait_for(lambda: "JavaScript is off" in page.content())


def test_16_a_banner_says_that_the_worker_is_down(person: Person, stack: Stack) -> None:
    page = person.page
    page.goto("/")
    expect(page.locator("#banner")).to_be_hidden()
    stack.kill("worker")
    expect(page.locator("#banner")).to_contain_text("No worker is running")
    person.check_accessible()
    stack.start("worker")
    expect(page.locator("#banner")).to_be_hidden()
