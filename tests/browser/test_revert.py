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
    id = str(person.stack.send(body, params={"file_name": "night.csv"} | params).json()["id"])
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
    assert "changed by another program" in download.value.path().read_text(encoding="utf-8")
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


def test_changed_rows_are_reverted_only_when_their_number_was_typed(
    person: Person, installation: DatabaseServer
) -> None:
    target = send(person, 0, 30)
    with installation.root() as cursor:
        cursor.execute("UPDATE orders SET customer = 'edited' WHERE order_number IN ('N-7', 'N-8', 'N-9')")
    page = person.page
    look(page, f"/imports/{target}")
    expect(page.locator("#revert-force-words")).to_contain_text("the 3 rows that another program changed, type 3.")
    expect(page.locator(GO)).to_have_text("Remove 27 rows, leave 3")
    typed = page.locator("#revert-force")
    typed.fill("2")
    page.keyboard.press("Enter")
    expect(page.locator(GO)).to_have_text("Remove 27 rows, leave 3")
    typed.fill("3")
    expect(page.locator(GO)).to_have_text("Remove 30 rows, even changed ones")
    expect(page.locator("#revert-obstacles")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "revert-force"
    person.check_accessible()
    typed.fill("")
    expect(page.locator(GO)).to_have_text("Remove 27 rows, leave 3")
    typed.fill("force")
    expect(page.locator(GO)).to_have_text("Remove 30 rows, even changed ones")
    person.check_width(320)
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    person.wait_shown("Committed")
    expect(page.locator("article")).to_contain_text("changed ones are reverted, too")
    expect(page.locator("#revert-why")).to_contain_text("it kept no copy of them")
    expect(page.get_by_role("button", name="Bring the rows back…")).to_be_hidden()
    assert person.stack.count() == 0


def test_later_imports_are_reverted_together_with_it(person: Person, installation: DatabaseServer) -> None:
    target = send(person, 0, 10, file_name="first.csv")
    second = send(person, 0, 4, file_name="second.csv", on_conflict="update")
    third = send(person, 3, 5, file_name="third.csv", on_conflict="update")
    skipping = send(person, 5, 8, file_name="skips.csv", on_conflict="skip")
    with installation.root() as cursor:
        cursor.execute("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-9'")
    page = person.page
    look(page, f"/imports/{target}")
    expect(page.locator("#revert-classes")).to_contain_text("5 rows updated by a later import")
    expect(page.locator("#revert-skips")).to_contain_text(
        "1 later import skipped rows, perhaps because of these: skips"
    )
    expect(page.locator("#revert-skips a")).to_have_attribute("href", f"/imports/{skipping}")
    expect(page.locator("#revert-force-ask")).to_be_hidden()  # not all that is in the way could be forced
    page.get_by_label("Also revert the 2 later imports that updated these rows").check()
    expect(page.locator("#revert-together")).to_have_text("This also reverts 2 later imports: third.csv, second.csv.")
    expect(page.locator(GO)).to_have_text("Remove 9 rows, leave 1")
    expect(page.locator("#revert-force-ask")).to_be_visible()
    person.check_accessible()
    page.get_by_label("Also revert the 2 later imports").uncheck()
    expect(page.locator("#revert-together")).to_be_hidden()
    page.get_by_label("Also revert the 2 later imports").check()
    expect(page.locator(GO)).to_have_text("Remove 9 rows, leave 1")
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    person.wait_shown("Committed")
    expect(page.locator("#reverted-rows a")).to_have_text(["third.csv", "second.csv", "first.csv"])
    assert [person.stack.find(id)["reverted_by"] is None for id in (second, third)] == [False, False]
    person.check_accessible()
    person.check_width(320)


def test_rows_that_a_revert_took_are_brought_back(person: Person) -> None:
    target = send(person, 0, 1234)
    page, watching = person.page, person.open_window()
    look(page, f"/imports/{target}")
    page.get_by_label("Keep a copy of the rows").check()
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    person.wait_shown("Committed")
    revert = person.wait_for_import()
    watching.goto(f"/imports/{target}")
    person.wait_shown("Reverted", watching)
    expect(page.locator("#revert-why")).to_contain_text("Its rows can be brought back until")
    page.get_by_role("button", name="Bring the rows back…").click()
    expect(page.locator("#revert-said")).to_have_text("1,234 rows would be in the table again.")
    person.check_accessible()
    person.check_safe(DIALOG, "Leave them out")
    page.get_by_role("button", name="Bring the rows back…").click()
    expect(page.locator(GO)).to_have_text("Bring 1,234 rows back")
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(revert))
    person.wait_shown("Committed")
    expect(page.locator("h1")).to_have_text("Rows brought back: night.csv")
    expect(page.locator("#sum")).to_have_text("1,234 rows brought back")
    expect(page.locator("#timeline li").last).to_contain_text("the rows are in the table again")
    person.check_accessible()
    back = person.wait_for_import()
    # the import's own page follows
    person.wait_shown("Committed", watching)
    expect(watching.locator("#timeline li").last).to_contain_text("Rows brought back: 1,234 rows")
    expect(watching.locator("#kept")).to_have_text("1,234")
    expect(watching.get_by_role("button", name="Revert…")).to_be_visible()
    watching.get_by_role("link", name="Show what brought them back").click()
    watching.wait_for_url(f"**/{back}")
    watching.get_by_role("link", name="this revert").click()
    watching.wait_for_url(f"**/{revert}")
    person.wait_shown("Reverted", watching)
    expect(watching.locator("#why-not")).to_have_text("Its rows are in the table again.")
    expect(watching.get_by_role("button", name="Bring the rows back…")).to_be_hidden()
    person.check_accessible(watching)
    watching.goto("/")
    expect(watching.locator(f"tr[data-id='{back}'] [data-label=Rows]")).to_have_text("1,234 brought back")
    person.check_width(320, watching)


def test_what_was_confirmed_is_what_happens(person: Person, installation: DatabaseServer) -> None:
    target = send(person, 0, 3)
    page = person.page
    look(page, f"/imports/{target}")
    with installation.root() as cursor:
        cursor.execute("UPDATE orders SET customer = 'edited' WHERE order_number = 'N-1'")
    page.locator(GO).click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
    person.wait_shown("Failed")
    expect(page.locator("#failure")).to_contain_text("no longer those of the dry run")
    assert person.stack.count() == 3


def test_several_reverted_together_have_a_title_and_a_list(person: Person) -> None:
    ids = [send(person, 10 * at, 10 * at + 3, file_name=f"{at}.csv") for at in range(3)]
    revert = person.stack.http.post(f"{person.stack.url}/v1/reverts", json={"ids": ids}).json()["id"]
    person.stack.wait_state(revert)
    page = person.page
    page.goto(f"/imports/{revert}")
    expect(page.locator("h1")).to_have_text("Revert of 3 imports")
    expect(page.locator(".under")).to_contain_text("of 3 imports in orders")
    expect(page.locator("#reverted-rows tr")).to_have_count(3)
    expect(page.locator("#curl")).to_contain_text("/v1/reverts")
    page.goto("/")
    own = page.locator(f"tr[data-id='{revert}']")
    expect(own).to_contain_text("Revert of 3 imports")
    expect(own.get_by_role("link", name="Show the import")).to_be_hidden()


def test_a_reason_that_the_server_requires_can_be_given(person: Person) -> None:
    target, stack = send(person, 0, 3), person.stack
    page = person.page
    look(page, f"/imports/{target}")
    expect(page.get_by_label("Reason (you can leave it out)")).to_be_visible()
    stack.own_settings["web"] = {"revert_needs_reason": 1}
    stack.end("web")
    stack.start("web")
    try:
        page.locator(GO).click()
        expect(page.locator("#revert-problem")).to_contain_text("a reason is required here")
        assert page.evaluate("document.activeElement.id") == "revert-reason"
        person.check_accessible()
        page.keyboard.press("Escape")
        look(page, f"/imports/{target}")
        page.locator(GO).click()
        expect(page.locator("#revert-reason:invalid")).to_have_count(1)
        page.get_by_label("Reason").fill("the wrong night")
        page.locator(GO).click()
        page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(target))
        person.wait_shown("Committed")
    finally:
        del stack.own_settings["web"]
        stack.end("web")
        stack.start("web")


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
