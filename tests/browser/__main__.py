"""Pictures of the page in every state: `python -m tests.browser [FOLDER]`; the README's two go to docs/images."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, OPTIONS
from tests.browser.person import Person
from tests.browser.test_list import HEADER, line
from tests.servers import ROOT, new_broker, new_database
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = ROOT / "docs" / "images"
WIDTHS = (320, 1280, 2560)
SCHEMES = ("light", "dark")
PEOPLE = ("Ada Byron", "Grace Murray", "Zoë Ångström", "Li Wei", "Noor Haddad", "José Niño")


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Servers of its own, with a stack on them."""
    database, broker = new_database("mariadb", folder / "mariadb"), new_broker("rabbitmq-3", folder / "rabbitmq")
    (folder / "stack").mkdir()
    stack = Stack(folder / "stack", database.url, broker.url(), find_port(), batch_bytes=256 * 1024)
    try:
        yield stack.start()
    finally:
        stack.kill()
        database.server.kill()
        broker.kill()


class Photographer:
    """Takes each state in each width and scheme."""

    def __init__(self, person: Person, folder: Path) -> None:
        self.person, self.folder = person, folder

    def take(self, name: str, path: str, page: "Page | None" = None) -> None:
        page = page or self.person.page
        if path:
            page.goto(path)
        page.wait_for_function("document.querySelector('#liveness')?.dataset.live !== 'polling'")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900 if width > 400 else 1400})
                page.wait_for_timeout(300)  # the plot follows the width
                page.screenshot(path=self.folder / f"{name}-{width}-{scheme}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 820})


def orders(first: int, last: int, *, wrong_every: int = 0) -> bytes:
    """A file of orders, some of them wrong."""
    lines = [
        line(
            number,
            customer=PEOPLE[number % len(PEOPLE)],
            sku=f"SKU-{number % 97:03}",
            unit_price=f"{number % 300}.{number % 100:02}",
            **({"quantity": "two"} if wrong_every and number % wrong_every == 0 else {"quantity": str(number % 5 + 1)}),
        )
        for number in range(first, last)
    ]
    return (HEADER + "".join(lines)).encode()


def photograph_revert(camera: Photographer, id: str) -> None:
    person, page = camera.person, camera.person.page
    page.goto(f"/imports/{id}")
    page.get_by_role("button", name="Revert…").click()
    page.locator("#revert-go").wait_for()
    page.get_by_label("Keep a copy of the rows").check()
    camera.take("revert", "")
    page.locator("#revert-go").click()
    page.wait_for_url(lambda url: not url.endswith(id))
    person.wait_shown("Committed")
    camera.take("revert-committed", "")
    page.get_by_role("button", name="Bring the rows back…").click()
    page.locator("#revert-go").wait_for()
    camera.take("bring-back", "")
    page.keyboard.press("Escape")
    camera.take("reverted", f"/imports/{id}")


def photograph(person: Person, folder: Path) -> None:
    stack, page = person.stack, person.page
    camera = Photographer(person, folder)
    camera.take("empty", "/")
    sent = stack.send(
        orders(1, 9000, wrong_every=70), params={"file_name": "orders-2026-11-24.csv", "on_error": "reject"}
    )
    stack.wait_state(sent.json()["id"])
    camera.take("committed", f"/imports/{sent.json()['id']}")
    failed = stack.send(orders(20_000, 24_000, wrong_every=900), params={"file_name": "night-shop-2.csv"}).json()["id"]
    stack.wait_state(failed)
    camera.take("failed", f"/imports/{failed}")
    checked = stack.send(orders(30_000, 31_000), params={"file_name": "check-me.csv", "dry_run": "true"}).json()["id"]
    stack.wait_state(checked)
    person.choose("orders-2026-11-25.csv", orders(40_000, 40_400, wrong_every=8))
    page.locator("#preview table").wait_for()
    camera.take("preview", "")
    running = person.generate(4_000_000)
    wait_for(lambda: stack.find(running)["percent"] > 12, seconds=patience(120))
    page.locator("#plot canvas").wait_for()
    page.screenshot(path=folder / "running.png")
    camera.take("running", "")
    list_page = person.open_window(viewport={"width": 1280, "height": 760})
    list_page.goto("/")
    list_page.wait_for_timeout(1500)
    list_page.screenshot(path=folder / "list.png")
    page.get_by_role("button", name="Stop…").click()
    camera.take("sure", "")
    page.get_by_role("button", name="Stop and undo").click()
    page.wait_for_timeout(100)
    page.screenshot(path=folder / "stopping.png")
    person.wait_shown("Stopped")
    camera.take("stopped", "")
    photograph_revert(camera, sent.json()["id"])
    camera.take("rows", "/rows/orders")
    stack.kill("worker")
    page.goto("/")
    page.locator("#banner").wait_for()
    camera.take("worker-down", "")
    for number in range(1000):
        stack.post("/v1/imports", json={"generate": number + 1})
    camera.take("thousand", "/")


def main() -> None:
    pictures = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "screenshots")
    pictures.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="backout-pictures-"))
    folder.chmod(0o755)  # the servers run under accounts of their own
    try:
        with running_stack(folder) as stack, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
            photograph(Person(browser, stack, folder), pictures)
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, picture in (("page-running.png", "running.png"), ("page-list.png", "list.png")):
        shutil.copyfile(pictures / picture, IMAGES / name)
    print(f"pictures are in {pictures}, the README's in {IMAGES}")  # noqa: T201 — a command


if __name__ == "__main__":
    main()
