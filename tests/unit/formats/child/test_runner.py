"""Children: whatever becomes of one, its parent hears of it in one of a few ways."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import ImportFailed, Overloaded
from app.formats.child.runner import ChildFailed, ConcurrencyLimit, Limits, OutOfMemory, TooSlow, run
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
SAMPLES = "tests.unit.formats.child.samples"
LIMITS = Limits(memory_bytes=1024**3, seconds=30, cpu_seconds=20)


def said(*arguments: str, limits: Limits = LIMITS) -> list[Any]:
    with run(SAMPLES, list(arguments), limits) as messages:
        return list(messages)[1:]


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False


def test_what_it_says_arrives() -> None:
    assert said("say", "a", "b") == [["a", None, "é\n"], ["b", None, "é\n"], "end"]


def test_a_refusal_is_the_same_here() -> None:
    with pytest.raises(ImportFailed) as caught:
        said("refuse")
    assert caught.value == ImportFailed("no_rows", "there are none", line=7, value="x")


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        ("raise", ChildFailed, "ValueError: it is broken"),
        ("memory", OutOfMemory, "memory"),
        ("long", OutOfMemory, "memory"),
        ("SIGKILL", OutOfMemory, "memory"),
        ("SIGABRT", OutOfMemory, "memory"),
        ("SIGSEGV", ChildFailed, "signal 11"),
        ("SIGXCPU", TooSlow, "long"),
    ],
)
def test_ends(what: str, kind: type[ChildFailed], text: str) -> None:
    with pytest.raises(ChildFailed, match=text) as caught:
        said(what)
    assert type(caught.value) is kind


def test_limits_of_time() -> None:
    for limits in (Limits(1024**3, seconds=1), Limits(1024**3, cpu_seconds=1)):
        with pytest.raises(TooSlow):
            said("spin", limits=limits)


def test_a_stop_that_is_meant_for_all_does_not_look_like_a_broken_file() -> None:
    with run(SAMPLES, ["sleep"], LIMITS) as messages:
        first = next(messages)
        assert first["group"] == first["pid"] != os.getpgid(0)
        assert next(messages) == "awake"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(first["pid"], number)
        assert is_running(first["pid"])
    assert not is_running(first["pid"])


def test_it_ends_with_its_parent() -> None:
    program = (
        "from app.formats.child.runner import Limits, run\n"
        "with run('tests.unit.formats.child.samples', ['sleep'], Limits(1024**3)) as messages:\n"
        "    print(next(messages)['pid'], flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    wait_for(lambda: not is_running(pid), "the child ended")


def test_only_a_few_at_once() -> None:
    places = ConcurrencyLimit("previews", 1, 0.1)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with places.take():
            entered.set()
            leave.wait(patience())

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(patience())
    with pytest.raises(Overloaded, match="try again"), places.take():
        pass
    leave.set()
    thread.join(patience())
    with places.take(), suppress(ValueError):
        raise ValueError
    with places.take():
        pass
