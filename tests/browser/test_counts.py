"""What is left of an import, on its page and in the list: what another program deleted, too."""

import re

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_revert import send
from tests.servers import DatabaseServer

TIME = r"counted \d{2}:\d{2}:\d{2}( [AP]M)?"


def delete(installation: DatabaseServer, id: str, rows: int) -> None:
    """The first rows, as another program, of an import that was committed and counted a while ago."""
    with installation.root() as cursor:
        for name in ("finished_at", "rows_counted_at", "count_asked_at"):
            cursor.execute(f"UPDATE imports SET {name} = {name} - INTERVAL 2 MINUTE WHERE id = %s", (id,))
        cursor.execute(
            "DELETE FROM orders WHERE import_no = (SELECT number FROM imports WHERE id = %s) ORDER BY row_no LIMIT %s",
            (id, rows),
        )


def test_rows_that_another_program_deleted(person: Person, installation: DatabaseServer) -> None:
    id = send(person, 0, 1234)
    page, lists = person.page, person.open_window()
    lists.goto("/")
    row = lists.locator(f"tr[data-id='{id}']")
    expect(row.locator(".badge")).to_have_text("Committed")
    expect(row.locator(".gone[data-f=gone]")).to_be_hidden()
    delete(installation, id, 10)
    page.goto(f"/imports/{id}")
    # the page is there before the count, which comes by itself, in the list too
    expect(page.locator("#kept")).to_have_text("1,224")
    expect(page.locator("#counted")).to_have_text(re.compile(f"^{TIME}$"))
    told = f"1,224 of its 1,234 rows in the table \\(10 deleted by another program, {TIME}\\)"
    expect(page.locator("#why-not")).to_have_text(re.compile(f"^{told}\\.$"))
    expect(page.locator("#sum")).to_have_text(re.compile(f"^1,234 rows read = .*; {told}$"))
    expect(row).to_contain_text(re.compile(told))
    person.check_accessible()
    person.check_width(320)
    person.check_accessible(lists)
    lists.reload()
    expect(row).to_contain_text(re.compile("10 deleted by another program, counted .* UTC"))  # as the server draws it
    delete(installation, id, 1224)
    page.reload()
    expect(page.locator("#kept")).to_have_text("0")
    expect(row).to_contain_text("0 of its 1,234 rows in the table (1,234 deleted by another program")
    plain = person.open_window(scripts=False)
    plain.goto(f"/imports/{id}")
    expect(plain.locator("#why-not")).to_contain_text(re.compile("1,234 deleted by another program, counted .* UTC"))


def test_rows_that_are_deleted_here_show_at_once(person: Person, installation: DatabaseServer) -> None:
    id = send(person, 0, 30)
    page, lists = person.page, person.open_window()
    lists.goto("/")
    page.goto(f"/imports/{id}")
    expect(page.locator("#kept")).to_have_text("30")
    delete(installation, id, 10)
    number = person.stack.find(id)["number"]
    answer = person.stack.http.delete(f"{person.stack.url}/v1/datasets/orders/rows?import={number}")
    assert answer.json() == {"rows_deleted": 20}
    expect(page.locator("#kept")).to_have_text("0")
    told = "0 of its 30 rows in the table (20 deleted, 10 deleted by another program"
    expect(page.locator("#why-not")).to_contain_text(told)
    expect(lists.locator(f"tr[data-id='{id}']")).to_contain_text(told)
