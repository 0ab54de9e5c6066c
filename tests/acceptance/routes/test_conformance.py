"""schemathesis against a whole stack: what `/openapi.json` promises is kept, for data that it makes up itself."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import PAIRS
from tests.servers import ROOT
from tests.stack import BIN, Stack
from tests.waiting import wait_for

KEY = "conformance-0123456789"
CONFIG = ROOT / "tests" / "conformance" / "schemathesis.toml"

# the interface is the same on both databases
pytestmark = pytest.mark.parametrize("servers", PAIRS[:1], ids="+".join, indirect=True)


@pytest.fixture
def keyed_stack(new_stack: Callable[..., Stack], tmp_path: Path) -> Iterator[Stack]:
    """A stack that asks for a key, with imports too small to wait for."""
    keys = tmp_path / "keys"
    keys.write_text(f"conformance:{KEY}\n")
    # each request of schemathesis says another address: see tests/conformance/hooks.py
    trusted = {"trusted_proxies": "127.0.0.1"}
    stack = new_stack(api_keys_file=keys, max_generated_rows=20, stream_max_seconds=1, **trusted)
    stack.http.headers["X-API-Key"] = KEY
    yield stack.start()


def run_schemathesis(stack: Stack, *options: str) -> None:
    """Every check of schemathesis but what its file leaves out; its report is shown where one fails."""
    command = [BIN / "schemathesis", "--config-file", CONFIG, "run", f"{stack.url}/openapi.json"]
    done = subprocess.run(
        [*command, "-H", f"Authorization: Bearer {KEY}", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert "Tested: 0" not in done.stdout and "Stateful" in done.stdout
    wait_for(lambda: stack.get("/readyz").json()["status"] == "ok", "all is well")  # a busy sweeper may fail once
    assert b"Traceback" not in stack.log("web").read_bytes()


@pytest.mark.timeout(600)
def test_the_interface_is_as_described(keyed_stack: Stack) -> None:
    run_schemathesis(keyed_stack, "--max-examples", "1", "--generation-deterministic")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_interface_is_as_described_for_much_more(keyed_stack: Stack) -> None:
    run_schemathesis(keyed_stack, "--max-examples", "100")
