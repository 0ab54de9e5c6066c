"""The page, items 1 to 4 and 12: a file is looked at, sent, checked; its rejects."""

import csv
import io
import json

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_list import HEADER, HOSTILE, line
from tests.waiting import wait_for

LOCAL = 500_000  # bytes a second that a browser is let send, so that there is progress to be seen


def test_1_drop_a_file_and_start(person: Person) -> None:
    page = person.page
    page.goto("/")
    page.locator("#drop").evaluate(
        """(drop, text) => {
             const data = new DataTransfer();
             data.items.add(new File([text], "dropped.csv"));
             for (const kind of ["dragover", "drop"])
               drop.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
           }""",
        HEADER + line(1) + line(2),
    )
    expect(page.locator("#chosen")).to_have_text("dropped.csv")
    page.get_by_role("button", name="Start the import").click()
    id = person.wait_for_import()
    person.wait_shown("Committed")
    found = person.stack.find(id)
    assert (found["source"]["name"], found["rows_kept"]) == ("dropped.csv", 2)


def test_2_the_upload_shows_its_own_progress_and_can_be_cancelled(person: Person) -> None:
    page = person.page
    body = (HEADER + "".join(line(number) for number in range(60_000))).encode()
    person.choose("large.csv", body)
    expect(page.locator("#preview table")).to_be_visible()
    slow = page.context.new_cdp_session(page)
    throttled = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": LOCAL // 4}
    slow.send("Network.enable")
    slow.send("Network.emulateNetworkConditions", throttled)
    page.get_by_role("button", name="Start the import").click()
    wait_for(lambda: 0 < page.locator("#sent").evaluate("bar => bar.value") < 100, "part of the file was sent")
    assert "MB" in page.locator("#sent-words").inner_text() and list(person.stack.spool.glob("*.part"))
    person.check_accessible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#start-problem")).to_have_text("Cancelled: nothing was imported.")
    # the browser's network is a process of its own: told to hurry before it is told to cancel, it would send the rest
    wait_for(lambda: not list(person.stack.spool.glob("*.part")), "the server has thrown away what had come")
    slow.send("Network.emulateNetworkConditions", {**throttled, "uploadThroughput": -1})
    assert person.stack.get("/v1/imports").json()["imports"] == []
    page.get_by_role("button", name="Start the import").click()
    person.wait_for_import()
    person.wait_shown("Committed")


def test_3_preview_before_start_and_each_part_can_be_overridden(person: Person) -> None:
    page = person.page
    text = (HEADER + "".join(line(number, customer="Zoë") for number in range(30))).replace(",", ";")
    person.choose("night.csv", text.encode("latin-1"))
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Read as csv, utf-8, delimiter “;”")
    expect(preview).to_contain_text("The first 20 rows:")
    expect(preview).to_contain_text("20 of these 20 rows are invalid:")
    expect(preview.locator("tbody tr")).to_have_count(20)
    expect(preview.locator("thead th").nth(1)).to_have_text("marketplace")
    expect(preview).to_contain_text("invalid:")  # its bytes are no UTF-8
    expect(page.get_by_label("Delimiter").locator("option").first).to_have_text("auto: ;")
    page.get_by_label("Encoding").select_option("iso-8859-1")
    expect(preview).to_contain_text("Zoë")
    expect(preview).not_to_contain_text("invalid:")
    person.check_accessible()
    person.check_width(320)
    person.check_accessible()
    page.get_by_label("Delimiter").select_option("tab")
    expect(preview).to_contain_text("This import would fail")
    page.get_by_label("Delimiter").select_option("")
    expect(preview.locator("tbody tr")).to_have_count(20)
    assert person.stack.get("/v1/imports").json()["imports"] == [], "nothing was started"
    page.get_by_role("button", name="Start the import").click()
    id = person.wait_for_import()
    person.wait_shown("Committed")
    assert person.stack.find(id)["source"]["encoding"] == "iso8859-1"
    rows = person.stack.get("/get_data").json()["data"]
    assert len(rows) == 30 and rows[0]["customer"] == "Zoë"


def test_3_the_preview_says_whether_it_has_all_rows(person: Person) -> None:
    preview = person.page.locator("#preview")
    for rows, told, shown in (
        (0, "the file has a header but no rows", 0),
        (1, "Its only row:", 1),
        (20, "All 20 rows:", 20),
        (21, "The first 20 rows:", 20),
        (40, "The first 20 rows:", 20),
        (9000, "The first 20 rows:", 20),  # of these only the beginning is sent
    ):
        person.choose("night.csv", (HEADER + "".join(line(number) for number in range(rows))).encode())
        expect(preview).to_contain_text(told)
        expect(preview.locator("tbody tr")).to_have_count(shown)


def test_3_a_column_of_another_name_is_given_its_place(person: Person) -> None:
    page = person.page
    text = HEADER.replace("sku", "article") + line(1)
    person.choose("night.csv", text.encode())
    expect(page.locator("#preview")).to_contain_text("This import would fail")
    page.get_by_label("Column article goes to").select_option("→ sku")
    expect(page.locator("#preview")).not_to_contain_text("This import would fail")
    assert json.loads(page.get_by_role("textbox", name="Columns").input_value()) == {"article": "sku"}
    page.get_by_role("button", name="Start the import").click()
    person.wait_for_import()
    person.wait_shown("Committed")


def test_3_a_suggestion_is_used_and_a_column_gets_a_constant(person: Person) -> None:
    page = person.page
    preview = page.locator("#preview")
    text = "".join(each.partition(",")[2] for each in (HEADER.replace("order_number", "Order No."), line(1)))
    person.choose("shop.csv", text.encode())
    expect(preview).to_contain_text("Suggested, not used yet: Order No. → order_number (the same words)")
    page.get_by_role("button", name="Use these columns").click()
    expect(preview).not_to_contain_text("Suggested")
    expect(preview).to_contain_text("This import would fail")
    page.get_by_label("marketplace, for every row").fill("Shop")
    page.get_by_label("marketplace, for every row").press("Enter")
    expect(preview).not_to_contain_text("This import would fail")
    columns = {"Order No.": "order_number", "marketplace": {"value": "Shop"}}
    assert json.loads(page.get_by_role("textbox", name="Columns").input_value()) == columns
    expect(page.get_by_label("marketplace, for every row")).to_have_value("Shop")
    page.get_by_role("button", name="Start the import").click()
    id = person.wait_for_import()
    person.wait_shown("Committed")
    assert person.stack.find(id)["source"]["columns"] == columns
    assert person.stack.get("/get_data").json()["data"][0]["marketplace"] == "Shop"


def test_4_a_dry_run_writes_nothing_and_lists_the_errors(person: Person) -> None:
    page = person.page
    person.choose("night.csv", (HEADER + line(1) + line(2, quantity="two") + line(3, currency="eur")).encode())
    page.get_by_label("Dry run").check()
    page.get_by_label("Invalid rows").select_option("reject")
    page.get_by_role("button", name="Check the file").click()
    id = person.wait_for_import()
    person.wait_shown("Checked")
    expect(page.locator("#rejects tbody tr")).to_have_count(2)
    expect(page.locator("#sum")).to_have_text("3 rows checked: 1 valid, 2 invalid. Nothing was written.")
    assert person.stack.count() == 0
    person.check_accessible()
    page.get_by_role("button", name="Import it now").click()  # item 13, of a dry run
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(id))
    person.wait_shown("Committed")
    assert person.stack.count() == 1


def test_12_rejects_inline_and_as_a_download(person: Person) -> None:
    page = person.page
    text = HEADER + line(0) + "".join(line(number, quantity=HOSTILE) for number in range(1, 131))
    sent = person.stack.send(text.encode(), params={"file_name": "night.csv", "on_error": "reject"}).json()
    person.stack.wait_state(sent["id"])
    page.goto(f"/imports/{sent['id']}")
    expect(page.locator("#rejects tbody tr")).to_have_count(100)
    expect(page.locator("#rejects-hint")).to_have_text("the first 100 of 130")
    first = page.locator("#rejects tbody tr").first
    expect(first).to_contain_text("quantity")
    expect(first).to_contain_text("must be a whole number")
    expect(first.locator("td").first).to_have_text("3")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert len(rows) == 130 and rows[0]["quantity"] == HOSTILE
    assert page.locator("#sum").inner_text() == "131 rows read = 1 imported + 130 rejected"  # item 20
