"""What the documents show is what happens: every curl in them is run, and its answer is as shown."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Servers, installed
from tests.documents import Ids, Shown, find_difference, find_header_difference, read_answer, read_commands
from tests.sandbox import Sandbox
from tests.servers import ROOT
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

TUTORIAL = ROOT / "docs" / "tutorial.md"
HANDLING = ROOT / "docs" / "how-to" / "handling.md"
DOCUMENTS = {ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - {HANDLING}
PAGES = [page for page in sorted(DOCUMENTS) if list(read_commands(page))]
ADDRESS = "http://127.0.0.1:8000"


def run(command: str, folder: Path, stack: Stack) -> str:
    """What a command prints; it must end well."""
    id = stack.post("/v1/imports", json={"generate": 10}).json()["id"] if "$ID" in command else ""
    script = f'U={stack.url} key=none ID={id}\ncurl() {{ command curl --silent --show-error "$@"; }}\n'
    script += command.replace(f"U={ADDRESS}\n", "").replace(ADDRESS, stack.url)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=patience(), check=False
    )
    assert done.returncode == 0, f"{command}\nanswered {done.returncode}: {done.stderr}"
    return done.stdout


def difference(shown: Shown, folder: Path, stack: Stack, ids: Ids) -> str | None:
    """How the answer differs from the shown one, in words; None where it does not."""
    assert shown.answer is not None
    printed = run(ids.fill(shown.command), folder, stack)
    if not shown.answer.startswith("HTTP/"):
        return find_difference(read_answer(shown.answer), json.loads(printed), ids)
    head, _, body = printed.partition("\n\n")
    shown_head, _, shown_body = shown.answer.partition("\n{")
    return find_header_difference(shown_head, head, ids) or find_difference(
        read_answer("{" + shown_body), json.loads(body), ids
    )


def is_repeatable(command: str) -> bool:
    """Whether asking again does nothing more: where the page shows a later state, the test asks until it has come."""
    sends = ("--data-binary", " -d ", " -F ", " -T ", "/insert")
    return "Idempotency-Key" in command or not any(part in command for part in sends)


@pytest.fixture
def handling_stack(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """A stack that handles orders, in an installation of its own: the page's first import is number 1."""
    database, broker = installed(servers[0], "documents"), servers[1]
    broker.control("add_vhost", "documents")
    broker.control("set_permissions", "-p", "documents", "backout", ".*", ".*", ".*")
    sandbox = Sandbox(tmp_path / "sandbox")
    folder = tmp_path / "stack"
    folder.mkdir()
    settings = {"handling": 1, "handling_services": json.dumps(sandbox.services())}
    settings["handling_rates"] = '{"inventory": 1}'  # an order a second, so that there is something to stop
    stack = Stack(folder, database.url, broker.url("documents"), find_port(), **settings)
    try:
        sandbox.start()
        yield stack.start("web", "worker", "sweeper", "handler")
    finally:
        stack.kill()
        sandbox.kill()


@pytest.mark.timeout(300)
def test_every_curl_of_handling_answers_as_shown(handling_stack: Stack, tmp_path: Path) -> None:
    check_page(HANDLING, handling_stack, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.timeout(300)
def test_every_curl_answers_as_shown(page: Path, stack: Stack, tmp_path: Path) -> None:
    check_page(page, stack, tmp_path)


def check_page(page: Path, stack: Stack, tmp_path: Path) -> None:
    """Run what a page shows, in its order."""
    ids = Ids()
    for shown in read_commands(TUTORIAL):
        if shown.answer is None:
            run(shown.command, tmp_path, stack)  # its files serve every page
            break
    for shown in read_commands(page):
        if shown.answer is None:
            run(ids.fill(shown.command).replace("curl ", "curl --fail-with-body "), tmp_path, stack)
            continue
        found: list[str | None] = []

        def agrees(shown: Shown = shown, found: list[str | None] = found) -> bool:
            found.append(difference(shown, tmp_path, stack, ids))
            return found[-1] is None

        try:
            wait_for(agrees, "the shown answer", seconds=patience() if is_repeatable(shown.command) else 0, every=0.2)
        except AssertionError:
            raise AssertionError(f"{page.name}: {shown.command}\nfirst {found[0]}\nlast {found[-1]}") from None
