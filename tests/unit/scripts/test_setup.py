"""`scripts/setup`: what it would install, and that it leaves the machine's answers as they were."""

import importlib.machinery
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "setup"


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # none beside a script without a suffix
    loader = importlib.machinery.SourceFileLoader("setup_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader("setup_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(module, "SAVED_POLICY", tmp_path / "policy-rc.d.saved")
    monkeypatch.setattr(module, "RABBITMQ", tmp_path / "rabbitmq-server")
    monkeypatch.setattr(module, "has", lambda program: False)
    yield module


def test_every_missing_program_is_named_but_not_those_of_servers_that_exist(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, broker = ["mariadb-server-core", "mariadb-client-core"], ["rabbitmq-server"]
    assert setup.missing_packages(True) == database + broker
    monkeypatch.setenv("BACKOUT_DATABASE_URL", "mysql+pymysql://u:p@db/orders")
    assert setup.missing_packages(True) == broker
    monkeypatch.setenv("BACKOUT_BROKER_URL", "amqp://mq")
    assert setup.missing_packages(True) == []


def test_an_ordinary_user_gets_one_line_to_run(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "has", lambda program: program == "apt-get")
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match=r"\n  sudo apt-get .* install .* rabbitmq-server\n") as refused:
        setup.install(["rabbitmq-server"])
    assert refused.value.code != 0


@pytest.mark.parametrize("answer", [None, "#!/bin/sh\nexit 0\n"])
def test_no_service_starts_meanwhile_and_the_old_answer_comes_back(setup: ModuleType, answer: str | None) -> None:
    if answer:
        setup.POLICY.write_text(answer)
    with pytest.raises(KeyboardInterrupt), setup.NoServices():
        assert "exit 101" in setup.POLICY.read_text()
        assert setup.POLICY.stat().st_mode & 0o111
        raise KeyboardInterrupt
    assert (setup.POLICY.read_text() if setup.POLICY.exists() else None) == answer
    assert not setup.SAVED_POLICY.exists()


def test_an_old_python_is_named(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "OLDEST", (3, 99))
    monkeypatch.setattr(setup.shutil, "which", lambda program: None)
    with pytest.raises(SystemExit, match=r"needs Python 3\.99 or newer; python3 here is 3\."):
        setup.go_on_with_new_enough_python()


def test_the_checkout_gets_the_command_line(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "PYTHON", Path(sys.executable))
    setup.write_command(tmp_path / "backout")
    done = subprocess.run([tmp_path / "backout", "--help"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Usage: backout" in done.stdout
    before = (tmp_path / "backout").stat()
    setup.write_command(tmp_path / "backout")
    assert (tmp_path / "backout").stat() == before, "what is right is left alone"
    (tmp_path / "backout").write_text("as an older checkout wrote it")
    setup.write_command(tmp_path / "backout")
    assert "CHECKOUT" in (tmp_path / "backout").read_text()


def test_a_browser_is_for_tests_alone(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "chromium" not in setup.missing_packages(False)
    installed: list[str] = []
    monkeypatch.setattr(setup, "install", installed.extend)
    monkeypatch.setattr(setup, "has", lambda program: program == "apt-get")
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    setup.install_browser()
    assert installed == [] and "not tested" in capsys.readouterr().out
    monkeypatch.setattr(setup.os, "geteuid", lambda: 0)
    setup.install_browser()
    assert installed == ["chromium-headless-shell"]


@pytest.mark.parametrize(("there", "tried"), [((), 2), (("chromium",), 1)])
def test_where_there_is_no_headless_browser_another_one_will_do(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], tried: int
) -> None:
    asked: list[str] = []

    def refuse(packages: list[str]) -> None:
        asked.extend(packages)
        raise SystemExit("apt knows no such package.")

    monkeypatch.setattr(setup, "install", refuse)
    monkeypatch.setattr(setup, "has", lambda program: program in ("apt-get", *there))
    monkeypatch.setattr(setup.os, "geteuid", lambda: 0)
    setup.install_browser()
    assert asked == ["chromium-headless-shell", "chromium"][:tried]
