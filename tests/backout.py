"""The real `backout`, installed as a user installs it, in a pipe or in a pseudo-terminal."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pexpect

from tests.stack import ROOT
from tests.waiting import patience


def install(folder: Path) -> Path:
    """Install this checkout by `pip install .` into a virtual environment of its own; returns the program.

    What it depends on comes from the environment of the tests.
    """
    source, environment = folder / "source", folder / "venv"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "backout", source / "backout", ignore=shutil.ignore_patterns("__pycache__"))
    venv.create(environment, symlinks=True)
    ours = Path(next(path for path in sys.path if path.endswith("site-packages")))
    theirs = environment / ours.relative_to(sys.prefix)
    (theirs / "dependencies.pth").write_text(str(ours))
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-build-isolation", str(source)], check=True, cwd=folder)
    return environment / "bin" / "backout"


class Backout:
    """The program, on one server."""

    def __init__(self, program: Path, url: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TERM": "xterm",
            "BACKOUT_URL": url,
            "BACKOUT_RETRY_TIMEOUT": "5",
        }

    def run(self, *arguments: str, code: int = 0, stdin: IO[Any] | None = None, **more: Any) -> str:
        """In a pipe, where nobody can be asked; the exit code must be this one. Returns what it printed."""
        return self.try_(*arguments, code=code, stdin=stdin, **more).stdout

    def try_(
        self, *arguments: str, code: int, stdin: IO[Any] | None = None, **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        """The same with standard error; `more` are environment variables."""
        done = subprocess.run(
            [self.program, *arguments],
            env=self.environment | more,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience(90),
            check=False,
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def ask(self, *arguments: str, code: int = 0, stdin: IO[Any] | None = None, **more: Any) -> dict[str, Any]:
        """With --json: the one document, and nothing beside it."""
        done = self.try_(*arguments, "--json", code=code, stdin=stdin, **more)
        assert done.stderr == ""
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    @contextmanager
    def start(self, *arguments: str, **more: Any) -> Iterator["subprocess.Popen[str]"]:
        """In a pipe, in the background; killed at the end if it still runs."""
        process = subprocess.Popen(
            [self.program, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def in_terminal(self, *arguments: str) -> Iterator["pexpect.spawn[str]"]:
        """In a pseudo-terminal, where a person sees it."""
        child = pexpect.spawn(
            str(self.program),
            list(arguments),
            env=self.environment,
            encoding="utf-8",
            timeout=patience(90),
            dimensions=(24, 120),
        )
        try:
            yield child
        finally:
            child.close(force=True)


def end_of(child: "pexpect.spawn[str]") -> int:
    """The exit code, once it has ended."""
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None
    return int(child.exitstatus)
