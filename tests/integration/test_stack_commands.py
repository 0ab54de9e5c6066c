"""The whole stack of a checkout whose path has a space in it: the demo, `up` twice, `down`, `clean`."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.processes import free_ports, marked
from backout.commands.context import find_stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(servers_folder: Path) -> Iterator[Path]:
    folder = servers_folder / "a checkout"
    folder.mkdir()
    for name in ("wsgi.py", "celeryconfig.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, folder)
    for package in ("app", "backout"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    run(folder, "clean")
    shutil.rmtree(folder)


def run(checkout: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", command],
        cwd=checkout,
        env={name: value for name, value in os.environ.items() if not name.startswith("BACKOUT_")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=170,
        check=False,
    )


def count_orders(checkout: Path) -> int:
    """As `.venv/bin/backout count` says, which `make setup` writes."""
    code = f"import sys; from backout.commands.main import run; sys.argv = ['backout', 'count']; run({str(checkout)!r})"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BACKOUT_")}
    return int(subprocess.check_output([sys.executable, "-c", code], cwd=checkout, env=environment, text=True))


@pytest.mark.timeout(300)
def test_demo_up_down_clean(checkout: Path) -> None:
    port = str(free_ports(1)[0])
    shown = run(checkout, "demo", BACKOUT_PORT=port)
    assert shown.returncode == 0, shown.stdout
    assert "200,000 more" in shown.stdout and "409" in shown.stdout
    assert len(shown.stdout.splitlines()) < 40

    addresses = checkout / ".run" / "env"
    assert stat.S_IMODE(addresses.stat().st_mode) == 0o600
    assert f"BACKOUT_URL=http://127.0.0.1:{port}" in addresses.read_text()
    assert "root" not in addresses.read_text()

    assert count_orders(checkout) >= 200_000, "the command line of the checkout finds it, on whatever port"
    again = run(checkout, "up")
    assert again.returncode == 0 and "is running already" in again.stdout
    assert run(checkout, "status").returncode == 0

    assert run(checkout, "down").returncode == 0
    assert marked(str(checkout / ".run")) == []
    assert find_stack(checkout) is None
    assert run(checkout, "status").returncode == 1
    assert (checkout / ".run" / "mariadb" / "data").exists()
    assert "Nothing runs" in run(checkout, "down").stdout

    run(checkout, "clean")
    assert not (checkout / ".run").exists()


@pytest.mark.long  # that a child crashes five times is tested by the supervisor's tests
@pytest.mark.timeout(120)
def test_up_says_why_not(checkout: Path) -> None:
    (checkout / "wsgi.py").write_text("raise RuntimeError('there is no application')\n")
    failed = run(checkout, "up", BACKOUT_PORT=str(free_ports(1)[0]))
    assert failed.returncode == 1
    assert "web crashed 5 times" in failed.stdout and "there is no application" in failed.stdout
    assert marked(str(checkout / ".run")) == []


def test_a_port_that_can_not_be_had_is_refused(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = run(checkout, "up", BACKOUT_PORT=str(port))
    assert taken.returncode == 1 and f"port {port} of 127.0.0.1 is in use" in taken.stdout
    wrong = run(checkout, "up", BACKOUT_PORT="eight")
    assert wrong.returncode == 1 and "BACKOUT_PORT: Input should be a valid integer" in wrong.stdout
