"""The supervisor with stand-ins for its children: what it restarts, when it ends, and that nothing is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli.daemon import Background, log_end
from app.cli.processes import ProcessIdentity, marked, start_time, wait_until
from tests.waiting import patience

ROOT = Path(__file__).parents[3]

# A supervisor over the children that the test names, each a piece of Python
SUPERVISOR = """
import sys
from pathlib import Path
from app.cli.children import Child, program
from app.cli.supervisor import Supervisor

folder = Path(sys.argv[1])

def twice(error, then=None):
    left = [None, error, error, None] if then is None else [error, error]
    def act(*given):
        if left and (wrong := left.pop()):
            raise wrong
        return then(*given) if then else None
    return act

def child(name, code="time.sleep(600)", says="up", **more):
    code = f"import os, signal, subprocess, sys, time; print('up', flush=True); {code}"
    spawn = program([sys.executable, "-c", code], folder, {"PATH": "/usr/bin:/bin"})
    return Child(name, spawn, **{"is_ready": lambda running: running.has_logged(says), **more})

"""

Start = Callable[[str], Background]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    folder = tmp_path / "a run"
    folder.mkdir()
    background = Background(folder)

    def begin(children: str, options: str = "") -> Background:
        code = f"{SUPERVISOR}\nsys.exit(Supervisor([{children}], folder, {options}).run())"
        background.start([sys.executable, "-c", code, str(folder)], os.environ | {"PYTHONPATH": str(ROOT)})
        return background

    yield begin
    background.stop()
    assert background.orphans() == []


def quiet(text: str) -> None:
    pass


def pid_of(background: Background, name: str) -> int:
    return next(child.identity.pid for child in background.state().children if child.name == name)


def test_children_start_in_order_each_when_the_one_before_is_ready(start: Start) -> None:
    background = start(
        "child('one', \"time.sleep(.5); print('late', flush=True); time.sleep(60)\", 'late'), child('two')"
    )
    assert background.follow(quiet)
    told = background.log.read_text()
    assert told.index("one ready") < told.index("two starting") < told.index("two ready")


def test_a_step_is_done_before_the_next_child_starts_and_is_not_repeated(start: Start) -> None:
    background = start("child('step', 'time.sleep(.3)', once=True), child('server')")
    assert background.follow(quiet)
    told = background.log.read_text()
    assert told.index("step done") < told.index("server starting")
    assert told.count("step starting") == 1


def test_a_crashed_child_is_restarted_and_the_others_stay(start: Start) -> None:
    background = start("child('one'), child('two')")
    assert background.follow(quiet)
    one, two = pid_of(background, "one"), pid_of(background, "two")
    os.kill(one, signal.SIGKILL)
    assert wait_until(
        lambda: pid_of(background, "one") != one and background.state().children[0].state == "ready", patience()
    )
    assert background.state().is_ready
    assert background.state().children[0].restarts == 1
    assert pid_of(background, "two") == two and start_time(two)


def test_each_crash_waits_longer_for_its_restart(start: Start) -> None:
    background = start("child('one', 'sys.exit(3)', 'a word it never says')", "first_pause=0.1, crashes_allowed=3")
    assert not background.follow(quiet)
    told = background.log.read_text()
    assert "in 0.1 s" in told and "in 0.2 s" in told and "in 0.4 s" in told


def test_five_crashes_in_a_minute_end_the_stack_and_all_it_started(start: Start) -> None:
    daemon = "subprocess.Popen(['sleep', '600'], start_new_session=True); print('daemon', flush=True); time.sleep(600)"
    bad = "print('the reason', flush=True); sys.exit(3)"
    background = start(f'child("good", "{daemon}", "daemon"), child("bad", "{bad}", "never")', "first_pause=0.05")
    assert not background.follow(quiet)
    state = background.state()
    assert (state.phase, state.failed_child) == ("ended", "bad")
    assert "crashed 5 times" in state.failure and "exit code 3" in state.failure
    assert "the reason" in log_end(background.folder / "logs" / "bad.log")
    assert not any(child.identity.is_alive for child in state.children) and background.orphans() == []


def test_four_crashes_do_not(start: Start) -> None:
    code = "open('logs/one.log').read().count('up') < 5 and sys.exit(3); print('enough', flush=True); time.sleep(60)"
    background = start(f'child("one", "{code}", "enough")', "first_pause=0.05")
    assert background.follow(quiet)
    assert background.state().children[0].restarts == 4


def test_old_crashes_are_forgotten(start: Start) -> None:
    code = "open('logs/one.log').read().count('up') < 8 and sys.exit(3); print('enough', flush=True); time.sleep(60)"
    background = start(f'child("one", "time.sleep(.1); {code}", "enough")', "first_pause=0.05, within_seconds=0.2")
    assert background.follow(quiet)
    assert background.state().children[0].restarts == 7


def test_a_child_that_never_becomes_ready_ends_the_stack(start: Start) -> None:
    background = start("child('dumb', says='a word it never says', ready_seconds=0.5)")
    assert not background.follow(quiet)
    assert "not ready within" in background.state().failure


def test_a_step_that_fails_ends_the_stack_at_once(start: Start) -> None:
    background = start("child('step', 'sys.exit(4)', once=True), child('never')")
    assert not background.follow(quiet)
    assert background.state().failure == "ended with exit code 4"
    assert "never starting" not in background.log.read_text()


def test_stopping_goes_in_reverse_and_leaves_nothing(start: Start) -> None:
    daemon = "subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
    background = start(f'child("one", "{daemon}"), child("two")')
    assert background.follow(quiet)
    assert wait_until(lambda: len(marked(str(background.folder))) == 4, patience())  # both, the daemon, the supervisor
    assert background.stop()
    told = background.log.read_text()
    assert told.index("two stopped") < told.index("one stopped")
    assert marked(str(background.folder)) == []
    assert not background.stop()


def test_a_child_that_ignores_the_request_is_killed(start: Start) -> None:
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    background = start(f'child("deaf", "{stubborn}", "deaf", stop_seconds=0.5)')
    assert background.follow(quiet)
    background.stop()
    assert "did not stop within" in background.log.read_text()


@pytest.mark.parametrize("error", ["OSError('error')", "KeyError('no')", "ValueError('no')"])
@pytest.mark.parametrize("place", ["is_ready", "prepare", "clear_leftovers"])
def test_an_error_of_one_child_ends_neither_the_others_nor_the_supervisor(start: Start, place: str, error: str) -> None:
    # a first start may be prepared
    works = {"is_ready": "lambda running: running.has_logged('up')", "clear_leftovers": "lambda: None"}.get(place)
    code = "open('logs/one.log').read().count('up') < 2 and sys.exit(3)"  # it crashes once
    code = "time.sleep(600)" if place == "is_ready" else f"time.sleep(.3); {code}; time.sleep(600)"
    background = start(
        f"child('good'), child('one', {code!r}, **{{'{place}': twice({error}, {works})}})", "first_pause=0.05"
    )
    assert background.follow(quiet)
    good = pid_of(background, "good")
    restarts = 0 if place == "is_ready" else 1

    def is_well() -> bool:
        state = background.state()
        return state.is_ready and state.children[1].state == "ready" and state.children[1].restarts >= restarts

    assert wait_until(is_well, patience())
    assert pid_of(background, "good") == good
    assert error.partition("'")[2].rstrip("')") in background.log.read_text()


def test_a_state_that_cannot_be_written_leaves_no_child_alone(start: Start) -> None:
    """As on a full disk."""
    background = start("child('one'), child('two')", "first_pause=0.05")
    assert background.follow(quiet)
    supervisor, one = background.state().supervisor, ProcessIdentity.of(pid_of(background, "one"))
    in_the_way = background.folder / "state.json.new"
    in_the_way.mkdir()
    os.kill(one.pid, signal.SIGKILL)
    assert wait_until(lambda: background.log.read_text().count("one ready") == 2, patience())
    assert supervisor.is_alive and not one.is_alive
    in_the_way.rmdir()
    assert wait_until(lambda: background.state().children[0].restarts == 1, patience())  # as soon as it can be
    in_the_way.mkdir()
    os.kill(supervisor.pid, signal.SIGTERM)
    assert wait_until(lambda: not supervisor.is_alive, patience())
    assert marked(str(background.folder)) == []
    in_the_way.rmdir()


def test_what_a_killed_supervisor_left_is_found_and_ended(start: Start) -> None:
    background = start("child('one'), child('two')")
    assert background.follow(quiet)
    one = ProcessIdentity.of(pid_of(background, "one"))
    os.kill(background.state().supervisor.pid, signal.SIGKILL)
    assert wait_until(lambda: not background.state().is_alive, patience())
    assert one.is_alive and one.pid in background.orphans()
    assert background.stop()
    assert not one.is_alive and background.orphans() == []


def test_orphans_are_found_without_a_state_file(start: Start) -> None:
    background = start("child('one')")
    assert background.follow(quiet)
    one = ProcessIdentity.of(pid_of(background, "one"))
    os.kill(background.state().supervisor.pid, signal.SIGKILL)
    (background.folder / "state.json").unlink()
    assert background.stop()
    assert not one.is_alive


def test_what_keeps_running_does_not_hold_our_output(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    code = f"{SUPERVISOR}\nsys.exit(Supervisor([child('one')], folder).run())"
    starter = (
        "import os, sys; from pathlib import Path; from app.cli.daemon import Background\n"
        "b = Background(Path(sys.argv[1])); b.start([sys.executable, '-c', sys.argv[2], sys.argv[1]], os.environ)\n"
        "print(b.follow(print))\nos._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", starter, str(folder), code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,  # returns at the end of the output, not of the process
        text=True,
        timeout=patience(),
        check=True,
    )
    assert done.stdout.endswith("True\n")
    assert Background(folder).state().is_ready
