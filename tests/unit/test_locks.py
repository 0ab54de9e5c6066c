"""The locks: every package with its hashes, one version in all of them, and each extra in a lock of its own."""

import importlib.machinery
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app import config

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
GROUPS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
PROJECT: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
SERVER_EXTRAS = ("handling", "oidc", "s3", "xlsx")
MAX_SERVER_PACKAGES = 70

_ENTRY = re.compile(r"([a-z0-9-]+)==(\S+)(?: ; (.+?))?((?: --hash=sha256:[0-9a-f]{64})+)")


def name_lock(name: str) -> Path:
    return ROOT / (f"requirements-{name}.lock" if name else "requirements.lock")


def read_lock(path: Path) -> dict[tuple[str, str], str]:
    """Each package's version by its name and marker. Fails at a line that is no package with hashes."""
    lines = re.sub(r" \\\n\s*", " ", path.read_text()).splitlines()
    packages = {}
    for line in lines:
        if line.startswith("#"):
            continue
        entry = _ENTRY.fullmatch(line)
        assert entry, f"{path.name}: {line[:80]}"
        packages[entry[1], entry[3] or ""] = entry[2]
    return packages


def names_of(path: Path) -> set[str]:
    return {name for name, _ in read_lock(path)}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_has_packages_with_hashes_alone_and_names_no_host(path: Path) -> None:
    assert read_lock(path)
    assert not re.search(r"://|--(extra-)?index|--find-links|^-", path.read_text(), re.MULTILINE)
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert comments[1:] == ["#    scripts/lock"], "written by the one command"


def test_a_package_has_one_version_in_all_locks() -> None:
    versions: dict[tuple[str, str], set[str]] = {}
    for path in LOCKS:
        for (name, marker), version in read_lock(path).items():
            python = marker if "python_full_version" in marker else ""
            versions.setdefault((name, python), set()).add(version)
    assert [name for name, found in versions.items() if len(found) > 1] == []


def test_the_server_has_few_packages() -> None:
    assert len(read_lock(name_lock(""))) <= MAX_SERVER_PACKAGES


@pytest.mark.parametrize("name", ["", *SERVER_EXTRAS, "dev", "bench", "fuzz", "node", "seaweedfs"])
def test_a_lock_fits_the_ranges_of_its_groups(name: str) -> None:
    wanted = list(GROUPS[name or "server"])
    if name in ("", "dev"):
        wanted += PROJECT + GROUPS["server"]
    if name == "dev":
        wanted += [line for extra in SERVER_EXTRAS for line in GROUPS[extra]]
    locked = read_lock(name_lock(name))
    for line in wanted:
        requirement = Requirement(line)
        found = [version for (package, _), version in locked.items() if package == canonicalize_name(requirement.name)]
        assert found, f"{line} is not in {name_lock(name).name}: run scripts/lock"
        assert all(requirement.specifier.contains(version) for version in found), f"{line}: run scripts/lock"


def test_every_group_and_lock_is_known() -> None:
    assert {path.name for path in LOCKS} == {name_lock("" if group == "server" else group).name for group in GROUPS}


def test_the_server_runs_without_its_extras() -> None:
    """All that is installed here beside the server's own packages is hidden; what is off asks for none of it."""
    own = names_of(name_lock(""))
    hidden = {
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if not own & {canonicalize_name(package) for package in packages}
    }
    assert {"circuitbreaker", "python_calamine", "pypdf", "pytest"} <= hidden
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, *sorted(hidden)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "runs\n"), done.stderr


_WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

hidden = set(sys.argv[1:])

class Hiding(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"hidden: {name}", name=name)

sys.path.insert(0, "")
sys.meta_path.insert(0, Hiding())
from flask import Flask
import app, app.cli.__main__, app.tasks.load, app.tasks.sweep, backout.commands.main
app.add_routes(Flask("app"), handling=False)
print("runs")
"""


def test_handling_without_its_packages_is_refused_by_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"database_url": "mysql+pymysql://a@localhost/b", "broker_url": "amqp://localhost//"}
    modules = importlib.metadata.packages_distributions()
    packages = {canonicalize_name(modules[name][0]) for name in config.HANDLING_MODULES}
    assert packages <= names_of(name_lock("handling")) - names_of(name_lock(""))
    assert config.list_mistakes(**given, handling="true") == []
    monkeypatch.setattr(config, "find_spec", lambda name: None if name == "pypdf" else name)
    assert config.list_mistakes(**given, handling="false") == []
    (mistake,) = config.list_mistakes(**given, handling="true")
    assert mistake.startswith("BACKOUT_HANDLING: handling orders needs pypdf: install") and "EXTRA=handling" in mistake


def test_an_object_store_without_its_package_is_refused_by_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"database_url": "mysql+pymysql://a@localhost/b", "broker_url": "amqp://localhost//"}
    for url in ("", "s3://bucket", "s3://bucket/a/prefix"):
        assert config.list_mistakes(**given, spool_url=url) == []
    for url in ("http://host/bucket", "s3:///prefix", "bucket", "s3://key:secret@bucket", "s3://bucket?secret=1"):
        (mistake,) = config.list_mistakes(**given, spool_url=url)
        assert mistake.startswith("BACKOUT_SPOOL_URL: it must read s3://") and "secret" not in mistake.lower()
    monkeypatch.setattr(config, "find_spec", lambda name: None if name == "obstore" else name)
    assert config.list_mistakes(**given) == []
    (mistake,) = config.list_mistakes(**given, spool_url="s3://bucket")
    assert "requirements-s3.lock" in mistake and "EXTRA=s3" in mistake


def test_image_and_checkout_take_only_files_with_a_known_hash() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (extras,) = re.findall(r'^ARG EXTRA="(.*)"$', dockerfile, re.MULTILINE)
    assert tuple(extras.split()) == SERVER_EXTRAS
    (install,) = re.findall(r"install [^&]*requirements\.lock.*", dockerfile.replace("\\\n", ""))
    assert "--require-hashes" in install
    for script in ("scripts/setup", "scripts/lint-node"):
        text = (ROOT / script).read_text()
        assert text.count('"--requirement"') == text.count('"--require-hashes", "--requirement"') == 1, script


# --- make setup EXTRA=NAME --------------------------------------------------------------------------------------------


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, for a checkout in a temporary folder; what it would run is in `setup.ran`."""
    loader = importlib.machinery.SourceFileLoader("setup_script", str(ROOT / "scripts" / "setup"))
    spec = importlib.util.spec_from_loader("setup_script", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    ran: list[Any] = []
    for name, value in {"CHECKOUT": tmp_path, "VENV": tmp_path, "STAMP": tmp_path / "stamp", "run": ran.append}.items():
        monkeypatch.setattr(module, name, value)
    vars(module)["ran"] = ran
    for name in ("", "-dev", "-xlsx", "-handling"):
        (tmp_path / f"requirements{name}.lock").write_text(f"one{name}==1\n")
    return module


def test_an_unknown_extra_is_refused_by_a_sentence_that_lists_the_known(setup: ModuleType) -> None:
    assert setup.read_extras(["--extra", "xlsx, handling,,xlsx"]) == ["handling", "xlsx"]
    assert setup.read_extras(["--extra", "handling xlsx"]) == ["handling", "xlsx"]
    assert setup.read_extras([]) == []
    with pytest.raises(SystemExit) as refusal:
        setup.read_extras(["--extra", "xlsx,parkett,dev"])
    assert str(refusal.value) == ("setup: there is no extra dev and no extra parkett. The extras are: handling, xlsx.")
    with pytest.raises(SystemExit, match="--extra NAME"):
        setup.read_extras(["--extras", "xlsx"])


def test_make_says_the_same_and_changes_nothing() -> None:
    done = subprocess.run(
        ["make", "setup", "EXTRA=parkett"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},  # of `make test`
    )
    known = sorted(path.stem.removeprefix("requirements-") for path in LOCKS if path.stem.startswith("requirements-"))
    known.remove("dev")
    assert done.returncode != 0 and f"The extras are: {', '.join(known)}." in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_an_extra_is_installed_once_by_its_hashes(setup: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "requirements-xlsx.lock"
    setup.install_extra("xlsx")
    setup.install_extra("xlsx")
    assert len(setup.ran) == 1 and setup.ran[0][-3:] == ["--require-hashes", "--requirement", str(lock)]
    lock.write_text("one==2\n")
    setup.install_extra("xlsx")
    (tmp_path / "stamp").write_text("another Python")
    setup.install_extra("xlsx")
    assert len(setup.ran) == 3
