"""The Postman collection in docs/, run by newman against a whole stack."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.npm.install import install
from tests.servers import ROOT
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

COLLECTION = ROOT / "docs" / "backout.postman_collection.json"
KEY = "postman-0123456789"


@pytest.fixture(scope="session")
def newman() -> Path:
    """The program."""
    return install("postman") / ".bin" / "newman"


def run_collection(newman: Path, stack: Stack, folder: Path, key: str) -> None:
    """Run it; every assertion holds and there are as many as it has at least."""
    report = folder / "report.json"
    variables = ("--env-var", f"url={stack.url}", "--env-var", f"key={key}")
    reporters = ("--reporters", "cli,json", "--reporter-json-export", report)
    done = subprocess.run(
        [newman, "run", COLLECTION, *variables, "--color", "off", *reporters],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    told = json.loads(report.read_text())["run"]["stats"]
    requests = sum(len(folder["item"]) for folder in json.loads(COLLECTION.read_text())["item"])
    assert told["requests"]["total"] >= requests and told["assertions"]["total"] >= requests
    assert told["requests"]["failed"] == told["assertions"]["failed"] == told["testScripts"]["failed"] == 0


def import_foreign(stack: Stack) -> list[dict[str, Any]]:
    """Orders of somebody else's, which are to be there afterwards."""
    for rows in (3, 2000):
        id = stack.post("/v1/imports", json={"generate": rows}).json()["id"]
        assert stack.wait_state(id)["state"] == "committed"
    return list_orders(stack)


def list_orders(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.get("/get_data").json()["data"])


def test_the_collection_tells_the_whole_story_and_takes_away_only_what_it_brought(
    newman: Path, stack: Stack, tmp_path: Path
) -> None:
    foreign = import_foreign(stack)
    run_collection(newman, stack, tmp_path, "")
    assert len(foreign) == 2003 and list_orders(stack) == foreign


def test_the_collection_sends_a_key(newman: Path, new_stack: Callable[..., Stack], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"postman:{KEY}\n")
    # no endpoints for tests: it needs none
    stack = new_stack(api_keys_file=keys, test_endpoints=False).start()
    stack.http.headers["X-API-Key"] = KEY
    foreign = import_foreign(stack)
    run_collection(newman, stack, tmp_path, KEY)
    assert list_orders(stack) == foreign
