"""The page's import templates: saved from the form, offered for the same header, used by an import."""

import requests
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_list import HEADER, line

# a shop's own names, without a marketplace
SHOP = (HEADER + line(1) + line(2)).replace("order_number", "Bestellung", 1)


def test_save_a_template_and_use_it_for_the_next_file(person: Person) -> None:
    page = person.page
    person.choose("monday.csv", SHOP.encode())
    expect(page.locator("#preview")).to_contain_text("This import would fail")
    page.get_by_label("Columns").fill('{"Bestellung": "order_number"}')
    page.get_by_label("Columns").blur()
    expect(page.locator("#preview")).not_to_contain_text("This import would fail")
    page.get_by_label("Save these options as a template").fill("shop-one")
    page.locator("#save-template").get_by_role("button", name="Save").click()
    expect(page.locator("#template-saved")).to_have_text("Saved as shop-one, version 1.")
    try:
        person.choose("tuesday.csv", SHOP.replace("N-", "B-").encode())
        offer = page.get_by_role("button", name="Use shop-one")
        expect(offer).to_be_visible()
        person.check_accessible()
        offer.click()
        expect(page.locator("#template")).to_have_value("shop-one")
        expect(page.get_by_label("Columns")).to_have_value('{"Bestellung":"order_number"}')
        expect(page.locator("#preview")).not_to_contain_text("This import would fail")
        expect(offer).to_have_count(0)
        person.check_width(320)
        page.get_by_role("button", name="Start the import").click()
        id = person.wait_for_import()
        person.wait_shown("Committed")
        found = person.stack.find(id)
        assert (found["source"]["template"], found["rows_kept"]) == ("shop-one@1", 2)
        expect(page.locator("article")).to_contain_text("shop-one@1")
        person.check_accessible()
    finally:
        requests.delete(f"{person.stack.url}/v1/templates/shop-one", timeout=30).raise_for_status()
