"""The package `backout`: small, quick to start, without the server; and what the workflow does with it."""

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.backout import Backout
from tests.stack import ROOT, Stack

pytestmark = pytest.mark.in_turn

MAX_PACKAGES = 25
MAX_HELP_SECONDS = 0.15  # of a processor
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def list_installed(requirements: list[str]) -> set[str]:
    """What pip installs for these, by what the packages here require."""
    installed: set[str] = set()
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in installed or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        assert not requirement.extras, f"{requirement}: extras are not followed here"
        installed.add(name)
        waiting += [Requirement(line) for line in importlib.metadata.requires(name) or []]
    return installed


def test_a_new_environment_with_it_has_few_packages() -> None:
    installed = list_installed(PROJECT["dependencies"]) | {"backout", "pip", "setuptools"}
    assert {"click", "httpx", "rich", "h11"} <= installed
    assert len(installed) <= MAX_PACKAGES


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, built of all that git has here."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    script = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"
    (source / "dist").mkdir()
    subprocess.run([sys.executable, "-c", script], cwd=source, check=True, capture_output=True)
    return source / "dist"


def test_the_server_is_in_no_wheel(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {"backout", f"backout-{PROJECT['version']}.dist-info"}
    assert "backout/commands/main.py" in names


def test_the_server_is_in_no_source_archive(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    assert archive.name == f"backout-{PROJECT['version']}.tar.gz"  # the release compares it with the tag
    with tarfile.open(archive) as files:
        tops = {name.split("/")[1] for name in files.getnames() if "/" in name}
    assert "backout" in tops and not {"app", "frontend", "docker", "benchmarks"} & tops


def test_it_says_its_version(backout_program: Path) -> None:
    said = subprocess.run([backout_program, "--version"], check=True, capture_output=True, text=True).stdout
    assert PROJECT["version"] == "0.1.0" and said == "backout 0.1.0\n"


def test_help_takes_little_of_a_processor(backout_program: Path) -> None:
    """By processor time. A busy machine lengthens that too, so that one quick start of 20 is enough."""
    used: list[float] = []
    while len(used) < 20 and min(used, default=1) >= MAX_HELP_SECONDS:
        process = subprocess.Popen([backout_program, "--help"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        used.append(usage.ru_utime + usage.ru_stime)
    assert min(used) < MAX_HELP_SECONDS, used


@pytest.mark.timeout(300)
def test_the_workflow_tries_out_a_server(backout: Backout, stack: Stack) -> None:
    """docker/try-out, on the private stack instead of the compose file's."""

    def try_out(**more: str) -> "subprocess.CompletedProcess[str]":
        path = f"{backout.program.parent}:{os.environ['PATH']}"
        return subprocess.run(
            [ROOT / "docker" / "try-out"],
            env={**backout.environment, "PATH": path, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    before = stack.count()
    for run in (1, 2):
        done = try_out()
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 2 and done.stderr == ""
        assert stack.count() == before + 3 * run
    lost = try_out(BACKOUT_URL="http://127.0.0.1:1", BACKOUT_RETRY_TIMEOUT="0")
    assert lost.returncode == 7 and lost.stdout == ""
