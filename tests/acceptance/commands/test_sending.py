"""Files that are sent: interrupted, streamed from standard input, refused half-way, on a bad connection."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.formats.generate.orders import write_csv_sample
from tests.acceptance.commands.conftest import ROWS
from tests.backout import Backout
from tests.flaky import Answer, Cut, FlakyWay, LostAnswer
from tests.stack import Stack
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.in_turn


def test_ctrl_c_lets_the_import_go_on_or_stops_it(backout: Backout, stack: Stack) -> None:
    for flag, told, state in (
        ((), "goes on", "running"),
        (("--stop-on-interrupt",), "was stopped", "stopped"),
    ):
        with backout.start("import", "--generate=2000000", "--wait", *flag) as process:
            assert process.stdout is not None
            id = process.stdout.readline().strip()
            stack.wait_rows(id)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=patience())
        assert process.returncode == 130 and id in said and told in said
        if state == "stopped":
            assert stack.wait_state(id)["state"] == state
        else:
            assert stack.find(id)["state"] == state
            stack.post(f"/v1/imports/{id}/stop")


def test_ctrl_c_while_a_file_is_sent_leaves_nothing(backout: Backout, stack: Stack, orders: Path) -> None:
    with backout.start("import", "-", "--idempotency-key=cut", "--json", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(orders.read_text())
        process.stdin.flush()
        wait_for(lambda: list(stack.spool.glob("*.part")), "an upload that arrives")
        process.send_signal(signal.SIGINT)
        process.wait(patience())
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
    assert process.returncode == told["exit_code"] == 130 and "--idempotency-key cut" in told["error"]["message"]
    wait_for(lambda: not list(stack.spool.glob("*.part")), "an empty spool")
    assert stack.get("/v1/imports").json()["imports"] == []


def test_a_pipe_on_a_bad_way_is_imported_once(backout: Backout, stack: Stack, orders: Path) -> None:
    troubles = (Cut(100_000), Answer(503, {"Retry-After": "1"}), LostAnswer())
    with FlakyWay(stack.port, *troubles) as way:
        backout.environment |= {"BACKOUT_URL": way.url, "BACKOUT_RETRY_TIMEOUT": "60"}
        with backout.start("import", "-", "--wait", stdin=subprocess.PIPE) as process:
            said, told = process.communicate(orders.read_text(), timeout=patience(90))
        assert way.left == 0
    assert process.returncode == 0 and told == ""
    assert stack.find(said.strip())["state"] == "committed" and stack.count() == ROWS


def test_standard_input_is_streamed_in_little_memory(backout: Backout, stack: Stack, tmp_path: Path) -> None:
    megabytes = 150
    head = tmp_path / "head.csv"
    write_csv_sample(head, 20_000, "m1")
    lines = head.read_text().splitlines(keepends=True)
    piece = "".join(lines[1:])
    times = megabytes * 1_000_000 // len(piece) + 1
    with backout.start("import", "-", "--file-name=big.csv", "--json", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(lines[0])
        most = 0
        for _ in range(times):
            process.stdin.write(piece)  # rows over and over: loading them is not the point
            most = max(most, _peak_kilobytes(process.pid))
        process.stdin.close()
        process.stdin = None
        told, _ = process.communicate(timeout=patience())
    assert process.returncode == 0
    accepted = json.loads(told)
    stack.post(f"/v1/imports/{accepted['id']}/stop")
    assert accepted["source"]["bytes"] > megabytes * 1_000_000 and accepted["source"]["name"] == "big.csv"
    assert most < 100 * 1024


def _peak_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def test_whoever_reads_no_more_ends_it_quietly(backout: Backout, mixed: Path) -> None:
    id = backout.ask("import", "--wait", "--on-error=reject", str(mixed), code=3)["id"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as file:
        done = subprocess.run(
            [backout.program, "rejects", id],
            env=backout.environment,
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
            timeout=patience(),
        )
    assert done.returncode == 1 and done.stderr == b""


def test_a_refusal_is_heard_while_a_large_file_is_sent(
    backout_program: Path, new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = new_stack(max_upload_bytes=1_000_000).start("web")
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    backout = Backout(backout_program, stack.url, tmp_path)
    for arguments in (("import", str(large)), ("import", "-")):
        with large.open("rb") as file:
            refused = backout.ask(*arguments, code=1, stdin=file)
        assert refused["error"]["status"] == 413, refused
