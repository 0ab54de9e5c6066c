"""`backout` itself: without a command, its version, how fast it is there, and the stack that a checkout's own finds."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest

from app.cli.stack import write_secret
from backout.commands import main
from backout.commands.context import find_stack

ROOT = Path(__file__).parents[3]
HEAVY = {"httpx", "rich", "flask", "polars", "celery", "sqlalchemy", "pydantic", "numpy", "app.config", "app.db"}
HELP = "import sys; from backout.commands.main import run; sys.argv = ['backout', '--help']; run()"
StepOutcome = tuple[int, str, str]


@pytest.fixture
def backout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., StepOutcome]:
    """Runs it in this process: its exit code, what it printed and what it said on standard error."""

    def run(*arguments: str, checkout: Path = ROOT) -> StepOutcome:
        monkeypatch.setattr(sys, "argv", ["backout", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.run(str(checkout))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.mark.parametrize("group", [(), ("datasets",)], ids=["backout", "datasets"])
def test_no_command_is_answered_with_the_help_once(backout: Callable[..., StepOutcome], group: tuple[str, ...]) -> None:
    code, printed, said = backout(*group)
    assert (code, printed.count("Usage:"), said) == (0, 1, "")
    assert backout(*group, "--help") == (0, printed, "")


def test_an_unknown_command_is_wrong_usage(backout: Callable[..., StepOutcome]) -> None:
    code, printed, said = backout("explode")
    assert (code, printed) == (2, "") and said.endswith("Error: No such command 'explode'.\n")


def test_the_version_is_that_of_the_project(backout: Callable[..., StepOutcome]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert backout("--version") == (0, f"backout {project['version']}\n", "")


@pytest.mark.slow
def test_its_help_brings_nothing_that_takes_time() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", HELP], capture_output=True, text=True, check=True, cwd=ROOT
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported and not imported & HEAVY


@pytest.mark.slow
def test_its_help_is_there_in_a_blink() -> None:
    """Of the processor's time, beside what click alone takes: the machine may be slow, and busy."""
    assert _least_seconds(HELP) < 2.5 * _least_seconds("import click")


def _least_seconds(code: str) -> float:
    least = 60.0
    for _ in range(5):
        before = getrusage(RUSAGE_CHILDREN)  # `os.times` counts in hundredths, which is half of what is measured
        subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
        after = getrusage(RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One whose stack runs, on a port of its own."""
    run = tmp_path / ".run"
    run.mkdir()
    (run / "state.json").write_text('{"phase": "ready"}')
    write_secret(run / "env", "BACKOUT_URL='http://127.0.0.1:2'\nBACKOUT_DATABASE_URL='mysql://u:a b@c'\n")
    return tmp_path


def test_a_checkout_finds_its_running_stack(checkout: Path, tmp_path: Path) -> None:
    assert find_stack(checkout) == "http://127.0.0.1:2"
    (checkout / ".run" / "state.json").write_text('{"phase": "ended"}')
    assert find_stack(checkout) is None
    assert find_stack(tmp_path / "without a stack") is None


@pytest.mark.parametrize("text", ["", "nonsense", "A=1", "BACKOUT_URL='", "\xff"])
def test_addresses_that_can_not_be_read_are_none(checkout: Path, text: str) -> None:
    (checkout / ".run" / "env").write_text(text, encoding="latin-1")
    assert find_stack(checkout) is None


def test_what_is_given_goes_before_the_stack_that_runs(
    backout: Callable[..., StepOutcome], checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BACKOUT_URL", raising=False)
    monkeypatch.delenv("BACKOUT_RETRY_TIMEOUT", raising=False)
    code, _, said = backout("list", checkout=checkout)
    assert code == 7 and "nothing answers at http://127.0.0.1:2: connection refused; set BACKOUT_URL" in said
    monkeypatch.setenv("BACKOUT_URL", "http://127.0.0.1:3")
    assert "http://127.0.0.1:3" in backout("list", checkout=checkout)[2]
    assert "http://127.0.0.1:4" in backout("list", "--url=http://127.0.0.1:4", checkout=checkout)[2]
