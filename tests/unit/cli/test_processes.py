"""A process is its number and its start time: a number that came back is somebody else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.cli.processes import (
    MARK,
    NOBODY,
    ProcessIdentity,
    free_ports,
    is_free,
    kill_session,
    marked,
    session_led_by,
    wait_until,
)
from tests.waiting import patience


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True, env=os.environ | {MARK: "a stack of a test"})
    yield process
    process.kill()
    process.wait()


def test_a_living_process_is_itself(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = ProcessIdentity.of(sleeper.pid)
    assert identity.is_alive
    assert not ProcessIdentity(identity.pid, identity.started + 1).is_alive


def test_one_that_ended_is_not_alive_even_if_nobody_waited_for_it(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = ProcessIdentity.of(sleeper.pid)
    sleeper.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not identity.is_alive, patience())
    assert ProcessIdentity.of(sleeper.pid) == identity  # its number is still its own


def test_a_session_is_ended_only_if_it_is_ours(sleeper: "subprocess.Popen[bytes]") -> None:
    identity = ProcessIdentity.of(sleeper.pid)
    kill_session(ProcessIdentity(identity.pid, identity.started - 1))
    assert not wait_until(lambda: not identity.is_alive, 1)
    kill_session(identity)
    assert wait_until(lambda: not identity.is_alive, patience())


def test_a_session_outlives_its_leader() -> None:
    leader = subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True)
    identity = ProcessIdentity.of(leader.pid)
    assert wait_until(lambda: len(session_led_by(identity)) == 2, patience())
    leader.kill()
    leader.wait()
    assert len(session_led_by(identity)) == 1
    kill_session(identity)
    assert wait_until(lambda: session_led_by(identity) == [], patience())


def test_nobody_leads_no_session() -> None:
    assert session_led_by(NOBODY) == []  # not session 0, where the kernel's own are


def test_the_mark_is_found_wherever_it_went(sleeper: "subprocess.Popen[bytes]") -> None:
    assert sleeper.pid in marked("a stack of a test")
    assert marked("a stack") == []


def test_ports_are_free_and_different() -> None:
    ports = free_ports(4)
    assert len(set(ports)) == 4 and all(is_free(port) for port in ports)


def test_a_port_in_use_is_not_free() -> None:
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert not is_free(int(other.stdout.readline()))
        other.kill()
