"""The page `/docs`: the API to read, in light and in dark, with scripts and without."""

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person

OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_is_accessible(person: Person, scheme: str) -> None:
    page = person.open_window(color_scheme=scheme)
    page.goto("/docs")
    expect(page.get_by_role("heading", name="Backout API")).to_be_visible()
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor.match(/[0-9]+/)[0] > 127")
    assert light is (scheme == "light")
    person.check_accessible(page, colors_alone=scheme == "dark")
    page.evaluate(OPEN_ALL)
    person.check_accessible(page, colors_alone=scheme == "dark")
    person.check_width(320, page)


def test_a_link_opens_what_it_names(person: Person) -> None:
    page = person.page
    page.goto("/docs#get_import")
    operation = page.locator("#get_import")
    expect(operation.get_by_text("Parameters")).to_be_visible()
    expect(operation).to_contain_text(f"curl '{person.stack.url}/v1/imports/{{id}}'")
    operation.get_by_role("link", name="WatchedImport").click()
    shape = page.locator("#shape-WatchedImport")
    expect(shape.get_by_text("rows_done")).to_be_visible()


def test_it_is_there_without_scripts(person: Person) -> None:
    page = person.open_window(scripts=False)
    page.goto("/docs")
    operation = page.locator("#accept_import")
    operation.locator("summary").click()
    expect(operation.get_by_text("text/csv").first).to_be_visible()
