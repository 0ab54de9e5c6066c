"""The Postman collection in docs/, run by newman against a whole stack."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

COLLECTION = ROOT / "docs" / "backout.postman_collection.json"
LOCKED = ROOT / "tests" / "postman"
KEY = "postman-0123456789"


@pytest.fixture(scope="session")
def newman() -> Path:
    """The program, of the locked version; kept between runs."""
    if shutil.which("npm") is None:
        pytest.skip("SKIPPED: no npm here, so the Postman collection can't be run")
    cache = Path(tempfile.gettempdir()) / f"backout-newman-{os.getuid()}"
    cache.mkdir(mode=0o755, exist_ok=True)
    assert cache.stat().st_uid == os.getuid(), f"{cache} belongs to somebody else"
    program, lock = cache / "node_modules" / ".bin" / "newman", LOCKED / "package-lock.json"
    installed = cache / "package-lock.json"
    if not program.exists() or not installed.exists() or installed.read_bytes() != lock.read_bytes():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / name, cache)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            installed.unlink()
            pytest.skip(f"SKIPPED: newman can't be installed here: {done.stderr.strip()[-300:]}")
    return program


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
