"""npm packages that tests run programs of: of the locked versions, kept between runs."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from tests.servers import ROOT

LOCKED = Path(__file__).parent


def find_npm() -> list[str]:
    """How node and npm are run here. Skips the test where neither is, nor can be installed."""
    loader = SourceFileLoader("lint_node", str(ROOT / "scripts" / "lint-node"))
    spec = importlib.util.spec_from_loader("lint_node", loader)
    assert spec is not None
    lint_node = importlib.util.module_from_spec(spec)
    loader.exec_module(lint_node)
    npm = lint_node.find_npm() or lint_node.install_npm()
    if npm is None:
        pytest.skip("SKIPPED: no npm here that is new enough")
    return [str(word) for word in npm]


def install(name: str) -> Path:
    """The folder of the packages that `name/package-lock.json` lists. Skips the test where they can't be had."""
    cache = Path(tempfile.gettempdir()) / f"backout-npm-{name}-{os.getuid()}"
    cache.mkdir(mode=0o755, exist_ok=True)
    assert cache.stat().st_uid == os.getuid(), f"{cache} belongs to somebody else"
    lock, installed = LOCKED / name / "package-lock.json", cache / "package-lock.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        shutil.copy(LOCKED / name / "package.json", cache)
        shutil.copy(lock, installed)
        command = [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            installed.unlink()
            pytest.skip(f"SKIPPED: the packages of {name} can't be installed here: {done.stderr.strip()[-300:]}")
    return cache / "node_modules"
