"""The page, items 1, 6 to 11, 13, 17 and 20: one import, from its start to its end."""

import base64
import re
from itertools import pairwise

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_list import HEADER, line
from tests.waiting import wait_for

ROWS = 300_000  # a second or more, so that a person sees it go on
MANY = 600_000
WATCH_STATES = """
const article = document.querySelector("article");
window.states = [];
new MutationObserver(() => window.states.push(article.dataset.state)).observe(article, {attributes: true});
"""
LAST_PIXEL = """async (png) => {
  const picture = new Image();
  picture.src = `data:image/png;base64,${png}`;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  return [...canvas.getImageData(picture.width - 6, Math.floor(picture.height / 2), 1, 1).data].slice(0, 3);
}"""


def test_1_start_by_generating(person: Person) -> None:
    person.page.goto("/")
    limits = person.page.locator("#limits").inner_text()
    for word in ("CSV", "TSV", "NDJSON", "JSON", "XLSX", "Parquet", "gzip", "zstd", "GB"):
        assert word in limits
    assert "10,000,000" in person.page.locator("#rows-limit").inner_text()
    id = person.generate(500)
    person.wait_shown("Committed")
    assert person.stack.find(id)["rows_kept"] == 500


def test_6_detail_shows_how_it_goes(person: Person) -> None:
    id = person.generate(MANY)
    person.wait_shown("Running")
    page = person.page
    page.locator("#plot canvas").wait_for()
    wait_for(lambda: re.fullmatch(r"[\d.]+ (s|min .*)", person.figure("eta")), "time left")
    assert re.fullmatch(r"[1-9][\d,]*", person.figure("rows_per_second"))
    assert person.figure("phase") == "loading"
    assert re.fullmatch(r"[\d.]+ %", person.figure("percent"))
    person.wait_shown("Committed")
    assert page.locator("#timeline li span").all_inner_texts() == [
        "Queued",
        "Started by a worker",
        "Committing: it can no longer be stopped",
        "Committed: all of its rows are in the table",
    ]
    assert person.figure("percent") == "100 %"
    assert len(person.stack.find(id)["timeline"]) == 4


def test_7_progress_never_goes_back_and_a_second_tab_shows_the_same(person: Person) -> None:
    id = person.generate(ROWS)
    second = person.open_window()
    second.goto(f"/imports/{id}")
    seen: list[float] = []
    lags, shown = 0, ""

    def changed() -> tuple[str | None, str] | None:
        looked = person.page.locator("article").get_attribute("data-state"), person.figure("percent")
        return looked if looked[0] not in ("queued", "running") or looked[1] != shown else None

    while True:
        state, shown = wait_for(changed, "it goes on")
        if state not in ("queued", "running"):
            break
        seen.append(float(shown.split()[0]))
        try:
            wait_for(lambda: float(person.figure("percent", second).split()[0]) >= float(shown.split()[0]))  # noqa: B023
        except AssertionError:
            lags += 1
    assert state in ("committing", "committed")
    assert len(set(seen)) > 3
    assert all(one <= next_one for one, next_one in pairwise(seen)), seen
    assert lags == 0, "the second tab shows the same within 2 s"
    person.wait_shown("Committed")
    person.wait_shown("Committed", second)


def test_7_a_reload_in_the_midst_goes_on(person: Person) -> None:
    person.generate(ROWS)
    person.wait_shown("Running")
    wait_for(lambda: float(person.figure("percent").split()[0]) > 5)
    before = float(person.figure("percent").split()[0])
    person.page.reload()
    assert float(person.figure("percent").split()[0]) >= before, "drawn by the server, before scripts arrive"


def test_8_without_streams_it_polls_and_says_so(person: Person) -> None:
    page = person.open_window()
    page.route("**/events*", lambda route: route.abort())
    person.generate(ROWS, page)
    expect(page.locator("#liveness")).to_contain_text("refreshing every 2 s")
    person.wait_shown("Committed", page)
    without = person.open_window()
    without.add_init_script("delete window.EventSource")
    without.goto("/")
    expect(without.locator("#liveness")).to_contain_text("refreshing every 2 s")
    person.generate(300)
    expect(without.locator("tbody tr")).to_have_count(2)


def test_9_10_stop_asks_once_and_undoes_all(person: Person) -> None:
    id = person.generate(2_000_000)
    page = person.page
    person.wait_shown("Running")
    wait_for(lambda: person.figure("rows_done") != "0")
    page.get_by_role("button", name="Stop…").click()
    undone = int(page.locator("#undone").inner_text().replace(",", ""))
    assert undone > 0
    assert "will be undone" in page.locator("#sure").inner_text()
    page.get_by_role("button", name="Keep it running").click()
    page.get_by_role("button", name="Stop…").click()
    person.check_safe("#sure", "Keep it running")
    assert person.stack.find(id)["state"] == "running", "nothing was stopped yet"
    page.get_by_role("button", name="Stop…").click()
    wait_for(lambda: int(page.locator("#undone").inner_text().replace(",", "")) > undone, "the number goes on")
    page.evaluate(WATCH_STATES)
    page.get_by_role("button", name="Stop and undo").click()
    person.wait_shown("Stopped")
    assert set(page.evaluate("window.states")) <= {"running", "stopping", "stopped"}
    assert "stopping" in page.evaluate("window.states"), "Stopping was shown before Stopped"
    assert page.locator("#kept").inner_text() == "0"  # item 10
    assert person.stack.count() == 0
    assert page.get_by_role("button", name="Stop…").count() == 0


def test_a_pause_holds_it_until_it_is_resumed(person: Person) -> None:
    id = person.generate(ROWS)
    person.wait_shown("Running")
    hold = person.page.locator("#hold")
    hold.click()
    person.wait_shown("Paused")
    expect(hold).to_have_text("Resume")
    assert person.stack.find(id)["paused"]
    person.stack.post("/v1/datasets/orders/pause")
    hold.click()
    expect(person.page.locator("#problem")).to_contain_text("it stays paused")
    person.stack.post("/v1/datasets/orders/resume")
    person.wait_shown("Committed")
    expect(hold).to_be_hidden()


def test_11_stopping_a_finished_import_says_why_it_cannot(person: Person) -> None:
    page = person.page
    id = person.generate(2_000_000)
    person.wait_shown("Running")
    page.get_by_role("button", name="Stop…").click()
    assert person.stack.post(f"/v1/imports/{id}/stop").status_code == 202  # somebody else was faster
    person.wait_shown("Stopped")
    page.get_by_role("button", name="Stop and undo").click()
    expect(page.locator("#why-not")).to_have_text("The import was stopped: none of its rows is left.")
    done = person.generate(100)
    person.wait_shown("Committed")
    expect(page.locator("#why-not")).to_contain_text("The import has committed all of its")
    # a page that does not know yet
    page.goto("/")
    page.route("**/events*", lambda route: route.abort())
    page.route(f"**/v1/imports/{done}", lambda route: route.abort())
    page.goto(f"/imports/{done}")
    page.evaluate("document.getElementById('stop').hidden = false")
    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop and undo").click()
    expect(page.locator("#problem")).to_have_text("too late: the import has committed all of its 100 rows")


def test_the_bar_of_what_failed_is_dark_in_dark(person: Person) -> None:
    sent = person.stack.send((HEADER + line(1) + line(2, quantity="two")).encode()).json()
    assert person.stack.wait_state(sent["id"])["state"] == "failed"
    page, blank = person.open_window(color_scheme="dark"), person.open_window()
    for path in ("/", f"/imports/{sent['id']}"):
        page.goto(path)
        picture = base64.b64encode(page.locator("main progress[data-f=bar]").screenshot()).decode()
        assert max(blank.evaluate(LAST_PIXEL, picture)) < 100, "the part that was not loaded"


def test_13_try_again_makes_a_linked_import(person: Person) -> None:
    page = person.page
    old = person.generate(2_000_000)
    person.wait_shown("Running")
    assert person.stack.post(f"/v1/imports/{old}/stop").status_code == 202
    page.get_by_role("button", name="Retry").click()
    page.wait_for_url(lambda url: "/imports/" in url and not url.endswith(old))
    new = person.wait_for_import()
    assert person.stack.find(new)["retry_of"] == old
    assert person.stack.find(new)["source"] == person.stack.find(old)["source"]
    page.get_by_role("link", name="an earlier import").click()
    page.wait_for_url(f"**/{old}")
    expect(page.locator("#timeline li").last).to_contain_text("Retried")
    page.get_by_role("link", name="as a new import").click()
    page.wait_for_url(f"**/{new}")
    assert person.stack.post(f"/v1/imports/{new}/stop").status_code == 202


def test_17_local_times_and_copying(person: Person) -> None:
    page = person.open_window(
        timezone_id="Asia/Tokyo", locale="en-GB", permissions=["clipboard-read", "clipboard-write"]
    )
    id = person.generate(100, page)
    person.wait_shown("Committed", page)
    found = person.stack.find(id)
    accepted = page.locator("[data-f=created_at]")
    assert accepted.get_attribute("title") == found["created_at"][:19].replace("T", " ") + " UTC"
    hour = (int(found["created_at"][11:13]) + 9) % 24
    assert accepted.inner_text()[-8:] == f"{hour:02}{found['created_at'][13:19]}"
    page.get_by_role("button", name="Copy the id").click()
    assert page.evaluate("navigator.clipboard.readText()") == id
    page.get_by_role("button", name="Copy the command").click()
    command = page.evaluate("navigator.clipboard.readText()")
    assert (
        command.startswith("curl ")
        and f"{person.stack.url}/v1/imports" in command
        and found["source"]["seed"] in command
    )


def test_20_when_done_read_is_imported_and_rejected(person: Person) -> None:
    person.generate(1234)
    person.wait_shown("Committed")
    assert person.page.locator("#sum").inner_text() == "1,234 rows read = 1,234 imported + 0 rejected"
