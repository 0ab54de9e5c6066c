"""The page, items 10, 14 and 15: the rows of a dataset."""

import csv
import io

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_list import HEADER, HOSTILE, line


def test_14_search_sort_page_filter_and_export(person: Person) -> None:
    page = person.page
    text = HEADER + "".join(line(number, quantity=str(number), customer=HOSTILE) for number in range(1, 121))
    first = person.stack.send(text.encode()).json()
    second = person.stack.post("/v1/imports", json={"generate": 40}).json()
    person.stack.wait_state(first["id"])
    person.stack.wait_state(second["id"])
    page.goto("/rows")
    page.wait_for_url("**/rows/orders")
    expect(page.locator("#rows-count")).to_have_text("160 rows")
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator("tbody")).to_contain_text(HOSTILE)
    person.check_accessible()
    page.get_by_label("From import").fill(first["id"])
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#rows-count")).to_have_text("120 rows")
    page.get_by_role("link", name="quantity").click()
    page.get_by_role("link", name="quantity").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("quantity")
    column = page.locator("thead th").all_inner_texts().index("quantity")
    shown = lambda: [row.locator("td").nth(column).inner_text() for row in page.locator("tbody tr").all()]  # noqa: E731
    assert shown() == [str(number) for number in range(120, 70, -1)]
    page.get_by_role("link", name="Next →").click()
    assert shown() == [str(number) for number in range(70, 20, -1)]
    page.get_by_role("link", name="Next →").click()
    assert shown() == [str(number) for number in range(20, 0, -1)]
    page.get_by_role("link", name="← First").click()
    page.get_by_label("Column").select_option("order_number")
    page.get_by_label("equals").fill("N-77")
    page.get_by_role("button", name="Search").click()
    assert shown() == ["77"]
    assert "value=N-77" in page.url and "import=" in page.url, "the filter stands in the URL"
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV", exact=True).click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert [row["order_number"] for row in rows] == ["N-77"] and rows[0]["customer"] == HOSTILE
    person.check_width(320)
    person.check_accessible()
    page.get_by_label("equals").fill("nobody has this")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("main")).to_contain_text("No row matches.")
    page.get_by_label("From import").fill("nonsense")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert").filter(has_text="nonsense")).to_be_visible()


def test_10_rows_of_a_stopped_import_are_none(person: Person) -> None:
    id = person.generate(2_000_000)
    person.wait_shown("Running")
    assert person.stack.post(f"/v1/imports/{id}/stop").status_code == 202
    person.wait_shown("Stopped")
    person.page.get_by_role("link", name="Show its rows").click()
    expect(person.page.locator("#rows-count")).to_have_text("0 rows")


def test_15_delete_all_needs_the_typed_count(person: Person) -> None:
    page = person.page
    sent = person.stack.post("/v1/imports", json={"generate": 1234}).json()
    person.stack.wait_state(sent["id"])
    page.goto("/rows/orders")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 1,234 rows?")).to_be_visible()
    person.check_accessible()
    confirm = page.get_by_role("button", name="Delete", exact=True)
    expect(confirm).to_be_disabled()
    assert page.locator("#sure button").all_inner_texts() == ["Keep them", "Delete"], "the safe one first, as always"
    expect(page.get_by_label("Type their number")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#sure")).to_be_hidden()
    page.get_by_role("button", name="Delete…").click()
    for wrong in ("1233", "orders", "12345"):
        page.get_by_label("Type their number").fill(wrong)
        expect(confirm).to_be_disabled()
        page.keyboard.press("Enter")
    assert person.stack.count() == 1234
    page.get_by_label("Type their number").fill("1,234")
    confirm.click()
    expect(page.locator("#deleted")).to_have_text("1,234 rows were deleted.")
    expect(page.locator("#rows-count")).to_have_text("0 rows")
    assert person.stack.count() == 0
    page.goto(f"/imports/{sent['id']}")
    expect(page.locator("#timeline li").last).to_contain_text("Rows deleted")
    expect(page.locator("#sum")).to_contain_text("all of its 1,234 rows were deleted since")
    expect(page.locator("#kept")).to_have_text("0")
    page.goto("/")
    expect(page.locator("tr .gone:visible").first).to_have_text("all of its 1,234 rows were deleted since")


def test_15_delete_is_refused_while_an_import_runs(person: Person) -> None:
    page = person.page
    id = person.generate(2_000_000)
    person.wait_shown("Running")
    page.goto("/rows/orders")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_label("Type their number").fill("0")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#problem")).to_contain_text("wait for them or stop them first")
    person.stack.post(f"/v1/imports/{id}/stop")
