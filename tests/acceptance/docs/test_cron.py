"""The recipe in docs/how-to/cron.md, as it stands there, with a `mail` that keeps what it is told."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.formats.generate.orders import write_csv_sample
from tests.stack import ROOT, Stack, find_port
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn

ROWS = 5000
MANY_ROWS = 60_000  # there is time to kill a server in between


class Night:
    """A machine with the script, cron's environment, and a file."""

    def __init__(self, program: Path, stack: Stack, folder: Path, rows: int = ROWS) -> None:
        self.folder, self.stack = folder, stack
        self.file = folder / "orders.csv"
        write_csv_sample(self.file, rows, "n1")
        text = (ROOT / "docs" / "how-to" / "cron.md").read_text()
        (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", text, re.DOTALL)
        self.programs = programs = folder / "bin"
        programs.mkdir()
        assert script.count("/usr/local/bin") == 1, "the folder that has backout is named once"
        self._write(programs / "import-orders", script.replace("/usr/local/bin", str(programs)))
        self._write(programs / "mail", f'#!/bin/sh\n{{ echo "$@"; cat; }} >>{folder}/mails\n')
        (programs / "backout").symlink_to(program)
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "BACKOUT_URL": stack.url,
            "BACKOUT_RETRY_TIMEOUT": "60",
        }

    @property
    def mails(self) -> str:
        mails = self.folder / "mails"
        return mails.read_text() if mails.exists() else ""

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["import-orders", self.file],
            env=self.environment,
            executable=self.folder / "bin" / "import-orders",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, code: int = 0) -> None:
        """The exit code must be this one, and cron is left nothing to mail."""
        with self.start() as process:
            said, _ = process.communicate(timeout=patience(100))
        assert (process.returncode, said) == (code, ""), self.mails

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def night(backout_program: Path, stack: Stack, tmp_path: Path) -> Night:
    return Night(backout_program, stack, tmp_path)


def test_the_same_night_twice_imports_once(night: Night) -> None:
    with night.start() as first, night.start() as second:
        for process in (first, second):
            assert process.communicate(timeout=patience(100)) == ("", None) and process.returncode == 0
    night.run()
    assert night.stack.count() == ROWS and night.mails == ""
    assert len(night.stack.get("/v1/imports").json()["imports"]) == 1


def test_a_server_that_dies_in_between_is_waited_for_and_the_rows_are_there_once(
    backout_program: Path, new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    night = Night(backout_program, new_stack(batch_bytes=32 * 1024).start(), tmp_path, MANY_ROWS)
    with night.start() as process:
        (row,) = wait_for(lambda: night.stack.get("/v1/imports").json()["imports"], "the import")
        night.stack.wait_rows(row["id"])
        night.stack.kill()
        assert process.poll() is None
        night.stack.start()
        assert process.communicate(timeout=patience(100)) == ("", None) and process.returncode == 0
    night.run()
    assert night.stack.count() == MANY_ROWS and night.mails == ""


def test_a_server_that_is_away_is_said_and_the_next_start_mends_it(night: Night) -> None:
    night.environment |= {"BACKOUT_URL": f"http://127.0.0.1:{find_port()}", "BACKOUT_RETRY_TIMEOUT": "1"}
    night.run(7)
    assert "can't be reached; start this again" in night.mails
    night.environment |= {"BACKOUT_URL": night.stack.url, "BACKOUT_RETRY_TIMEOUT": "60"}
    night.run()
    night.run()
    assert night.stack.count() == ROWS


def test_what_needs_somebody_is_mailed(night: Night) -> None:
    lines = night.file.read_text().splitlines(keepends=True)
    bad = "y" * 33 + lines[1][lines[1].index(",") :]
    night.file.write_text("".join([lines[0], bad, *lines[2:]]))
    night.run(3)
    assert "some rows were rejected" in night.mails and "y" * 33 in night.mails
    assert night.stack.count() == ROWS - 1
    night.file.write_text("".join(lines))
    night.run(4)  # the same night with another file
    assert "refused: no valid key, or tonight's import had another file" in night.mails
    assert night.stack.count() == ROWS - 1


def test_a_file_that_did_not_come_is_no_bad_file(night: Night) -> None:
    content = night.file.read_bytes()
    night.file.unlink()
    night.run(66)
    assert f"there is no file {night.file} that can be read" in night.mails and "failed" not in night.mails
    night.file.mkdir()
    night.run(66)
    night.file.rmdir()
    night.file.write_bytes(content)
    night.run()
    assert night.stack.count() == ROWS


def test_a_program_that_cron_does_not_find_is_named(night: Night) -> None:
    (night.programs / "backout").unlink()
    night.run(127)
    assert f"no program backout in {night.programs}:/usr/bin:/bin" in night.mails and "not found" in night.mails


def test_a_wrong_setting_is_no_bad_file(night: Night) -> None:
    night.environment["BACKOUT_API_KEY_FILE"] = str(night.folder / "none")
    night.run(2)
    assert "an option or a setting is wrong" in night.mails and "the key can't be read" in night.mails


def test_without_a_mail_cron_has_the_words(night: Night) -> None:
    (night.programs / "mail").unlink()
    night.environment["BACKOUT_URL"] = "nonsense"
    with night.start() as process:
        said, _ = process.communicate(timeout=patience(100))
    assert process.returncode == 2 and "an option or a setting is wrong" in said and "http://host:port" in said


def test_a_mended_file_comes_under_the_same_key(night: Night) -> None:
    whole = night.file.read_text()
    lines = whole.splitlines(keepends=True)
    night.file.write_text("".join([lines[0], *("z" * 33 + line[line.index(",") :] for line in lines[1:1000])]))
    night.run(1)
    assert "the import failed, and nothing was loaded" in night.mails and night.stack.count() == 0
    night.file.write_text(whole)
    night.run()
    assert night.stack.count() == ROWS
