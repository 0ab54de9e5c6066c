"""Reverting on the page: the dry run's dialog, the revert's own page, and what the import shows afterwards."""

import re

from playwright.sync_api import Page, expect

from tests.browser.person import Person
from tests.browser.test_list import HEADER, line
from tests.servers import DatabaseServer

DIALOG, GO = "#revert-dialog", "#revert-go"


def send(person: Person, first: int, until: int, **params: str) -> str:
    """An import of orders that has ended; returns its id."""
    body = (HEADER + "".join(line(number) for number in range(first, until))).encode()
    id = str(person.stack.send(body, params={"file_name": "night.csv", **params}).json()["id"])
    person.stack.wait_state(id)
    return id


def look(page: Page, path: str = "") -> None:
    """Press the button, and wait until the dry run has ended."""
    if path:
        page.goto(path)
    page.get_by_role("button", name="Revert…").click()
    expect(page.locator("#revert-said")).not_to_contain_text("…")


def test_revert_from_the_commit_to_the_reverted_import(person: Person) -> None:
    target = send(person, 0, 1234)
    page, watching, lists = person.page, person.open_window(), person.open_window()
    watching.goto(f"/imports/{target}")
    lists.goto("/")
    look(page, f"/imports/{target}")
    expect(page.locator("#revert-said")).to_have_text("1,234 rows would be removed.")
    expect(page.locator(GO)).to_have_text("Remove 1,234 rows")
    expect(page.locator("#revert-obstacles")).to_be_hidden()
    person.check_accessible()
    person.check_safe(DIALOG, "Don’t revert")
    assert page.evaluate("document.activeElement.id") == "revert"
    assert person.stack.count() == 1234, "a dry run changes nothing"
    look(page)
    page.get_by_label("Reason").fill("the wrong night")
    page.keyboard.press("Enter")
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    revert = person.wait_for_import()
    person.wait_shown("Committed")
    expect(page.locator("h1")).to_have_text("Revert of night.csv")
    expect(page.locator("#sum")).to_have_text("1,234 rows removed")
    expect(page.locator("#timeline li").last).to_contain_text("as if those rows had never been imported")
    expect(page.locator("article")).to_contain_text("the wrong night")
    for button in ("Pause", "Retry", "Revert…", "Stop…"):
        assert page.get_by_role("button", name=button).count() == 0
    assert person.stack.count() == 0
    person.check_accessible()
    # the import's own page and the list follow without a reload
    person.wait_shown("Reverted", watching)
    expect(watching.locator("#revert")).to_be_hidden()
    expect(watching.locator("#sum")).to_contain_text("all of its 1,234 rows were removed")
    expect(watching.locator("#timeline li").last).to_contain_text("Reverted: 1,234 rows removed")
    expect(watching.locator("#kept")).to_have_text("0")
    person.check_accessible(watching)
    person.check_width(320, watching)
    for _ in range(2):  # as the scripts draw it, and the server
        row = lists.locator(f"tr[data-id='{target}']")
        expect(row.locator(".badge")).to_have_text("Reverted")
        expect(row).to_contain_text("all of its 1,234 rows were removed")
        own = lists.locator(f"tr[data-id='{revert}']")
        expect(own).to_contain_text("Revert of night.csv")
        expect(own.locator("[data-label=Rows]")).to_have_text("1,234 removed")
        person.check_accessible(lists)
        lists.reload()
    person.check_width(320, lists)


def test_import_and_revert_have_links_to_one_another(person: Person) -> None:
    target = send(person, 0, 3)
    revert = person.stack.post(f"/v1/imports/{target}/revert").json()["id"]
    person.stack.wait_state(revert)
    page = person.page
    page.goto(f"/imports/{revert}")
    page.get_by_role("link", name="this import").click()
    page.wait_for_url(f"**/{target}")
    expect(page.get_by_role("button", name="Import it again")).to_be_visible()
    page.get_by_role("link", name="this revert").click()
    page.wait_for_url(f"**/{revert}")
    plain = person.open_window(scripts=False)
    plain.goto(f"/imports/{target}")
    expect(plain.locator("article .badge")).to_have_text("Reverted")
    expect(plain.locator("#timeline")).to_contain_text("Reverted: 3 rows removed")


def test_rows_in_the_way_are_listed_and_left(person: Person, installation: DatabaseServer) -> None:
    target = send(person, 0, 30)
    with installation.root() as cursor:
        cursor.execute("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-7'")
    page = person.open_window(color_scheme="dark")
    look(page, f"/imports/{target}")
    expect(page.locator("#revert-left")).to_have_text("In the way: 1 row")
    expect(page.locator("#revert-classes")).to_have_text("1 row changed by another program since")
    expect(page.locator("#revert-rows tr")).to_have_count(1)
    expect(page.locator("#revert-rows")).to_contain_text("row 8 of import number")
    expect(page.locator(GO)).to_have_text("Remove 29 rows, leave 1")
    person.check_accessible(page)
    person.check_width(320, page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as CSV").click()
    assert "changed by another program since" in download.value.path().read_text(encoding="utf-8")
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    person.wait_shown("Committed", page)
    expect(page.locator("#sum")).to_have_text("29 rows removed, 1 row left")
    expect(page.get_by_role("heading", name="In the way")).to_be_visible()
    expect(page.locator("#rejects tbody tr")).to_have_count(1)
    person.check_accessible(page)
    page.get_by_role("link", name="this import").click()
    expect(page.locator("#timeline li").last).to_contain_text("Reverted: 29 rows removed, 1 row in the way")
    person.wait_shown("Committed", page)  # a part of it is in the table
    expect(page.locator("#why-not")).to_have_text("29 of its 30 rows were deleted since.")
    expect(page.locator("#kept")).to_have_text("1")
    look(page)
    expect(page.locator("#revert-said")).to_contain_text("all of its rows are in the way")
    expect(page.locator(GO)).to_be_hidden()


def test_rows_that_an_import_updated_get_their_old_values_back(person: Person, installation: DatabaseServer) -> None:
    send(person, 0, 3)
    target = send(person, 2, 4, on_conflict="update")
    with installation.root() as cursor:
        cursor.execute("DELETE FROM orders WHERE order_number = 'N-3'")
    page = person.page
    look(page, f"/imports/{target}")
    expect(page.locator("#revert-said")).to_have_text("1 row would get its old values back.")
    expect(page.locator("#revert-classes")).to_have_text("1 row deleted by another program")
    expect(page.locator(GO)).to_have_text("Put 1 row back")
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    person.wait_shown("Committed")
    expect(page.locator("#sum")).to_have_text("0 rows removed, 1 row put back")
    first = send(person, 4, 6)
    again = send(person, 4, 6, on_conflict="update")
    person.stack.wait_state(person.stack.post(f"/v1/imports/{again}/revert").json()["id"])
    page.goto(f"/imports/{again}")
    person.wait_shown("Reverted")
    expect(page.locator("#why-not")).to_have_text("What it updated has its old values back.")
    assert person.stack.find(first)["rows_kept"] == 2


def test_a_revert_that_waits_is_shown_and_can_be_stopped(person: Person) -> None:
    target = send(person, 0, 3)
    page, other = person.page, person.open_window()
    page.goto(f"/imports/{target}")
    expect(page.locator("#revert-hint")).to_have_text(re.compile(r"It can be reverted until .*\."))
    person.stack.end("worker")
    try:
        page.get_by_role("button", name="Revert…").click()
        expect(page.locator("#revert-said")).to_contain_text("Waiting for a worker")
        page.keyboard.press("Escape")
        revert = person.stack.post(f"/v1/imports/{target}/revert").json()["id"]
        expect(page.locator("#revert-why")).to_have_text("It is being reverted.")
        expect(page.get_by_role("link", name="Show the revert").first).to_have_attribute("href", f"/imports/{revert}")
        expect(page.get_by_role("button", name="Revert…")).to_be_hidden()
        other.goto(f"/imports/{revert}")
        other.get_by_role("button", name="Stop…").click()
        expect(other.locator("#sure")).to_contain_text("Stop this revert?")
        other.get_by_role("button", name="Stop and undo").click()
        person.wait_shown("Stopped", other)
        expect(other.locator("#sum")).to_contain_text("Nothing was reverted")
        expect(page.get_by_role("button", name="Revert…")).to_be_visible()  # that the revert is over, too, comes live
    finally:
        person.stack.start("worker")


def test_what_can_not_be_reverted_has_no_button(person: Person, installation: DatabaseServer) -> None:
    page = person.page
    failed = str(person.stack.send(f"{HEADER}{line(1, quantity='two')}".encode()).json()["id"])
    person.stack.wait_state(failed)
    page.goto(f"/imports/{failed}")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator("#revert-hint")).to_be_hidden()
    assert page.get_by_role("button", name="Revert…").count() == 0
    old = send(person, 0, 3)
    with installation.root() as cursor:
        cursor.execute("UPDATE imports SET finished_at = finished_at - INTERVAL 40 DAY WHERE id = %s", (old,))
    page.goto(f"/imports/{old}")
    expect(page.locator("#revert-why")).to_contain_text("It can’t be reverted: the time to revert it was over on")
    assert page.get_by_role("button", name="Revert…").count() == 0
