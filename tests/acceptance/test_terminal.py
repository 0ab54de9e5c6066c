"""The command line in a pseudo-terminal, where a person sits."""

import json
import shlex
from pathlib import Path

import pexpect
import pytest

from app.formats.generate.orders import write_csv_sample
from tests.backout import Backout, end_of
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

LOTS = "--generate=2000000"


def test_a_person_sees_a_bar_and_then_what_became_of_it(backout: Backout, stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    write_csv_sample(path, 30_000, "p1")
    with backout.in_terminal("import", "--wait", str(path)) as child:
        child.expect("━")
        child.expect(r"30,000 rows were loaded in [0-9.]+ s")
        assert end_of(child) == 0
    assert stack.count() == 30_000


def test_ctrl_c_says_that_the_import_goes_on(backout: Backout, stack: Stack) -> None:
    with backout.in_terminal("import", "--wait", LOTS) as child:
        child.expect("[0-9a-f]{8}-[0-9a-f-]{27}")
        id = str(child.match.group())
        child.expect("loading")
        child.sendintr()
        child.expect(f"import {id} goes on; `backout stop {id}` stops it")
        assert end_of(child) == 130
    assert stack.find(id)["state"] == "running"
    with backout.in_terminal("watch", "--stop-on-interrupt", id) as child:
        child.expect("loading")
        child.sendintr()
        child.expect("was stopped, none of its rows will stay")
        assert end_of(child) == 130
    assert stack.wait_state(id)["state"] == "stopped"


def test_what_goes_to_a_file_is_the_id_alone(backout: Backout, stack: Stack, tmp_path: Path) -> None:
    path, output = tmp_path / "orders.csv", tmp_path / "id"
    write_csv_sample(path, 30_000, "p2")
    line = f"{shlex.quote(str(backout.program))} import --wait {path} > {output}"
    with pexpect.spawn("/bin/sh", ["-c", line], env=backout.environment, encoding="utf-8", timeout=60) as child:
        child.expect("━")
        child.expect("30,000 rows were loaded")
        assert end_of(child) == 0
    assert stack.find(output.read_text().removesuffix("\n"))["state"] == "committed"


def test_with_json_there_is_no_bar(backout: Backout, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    write_csv_sample(path, 1000, "p3")
    with backout.in_terminal("import", "--wait", "--json", str(path)) as child:
        child.expect(pexpect.EOF)
        assert child.before is not None
        assert json.loads(child.before)["state"] == "committed"


def test_a_file_is_wanted_not_a_terminal(backout: Backout) -> None:
    with backout.in_terminal("import", "-") as child:
        child.expect("standard input is a terminal")
        assert end_of(child) == 2


def test_a_person_is_told_of_each_try(backout: Backout) -> None:
    backout.environment |= {"BACKOUT_URL": "http://127.0.0.1:1", "BACKOUT_RETRY_TIMEOUT": "2"}
    with backout.in_terminal("list") as child:
        child.expect(r"nothing answers at .*: connection refused; retrying in [0-9.]+ s")
        child.expect("Error: nothing answers at .*; set BACKOUT_URL")
        assert end_of(child) == 7
