"""The client and the command line, as far as they need no server."""

import io
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import click
import httpx
import pytest

from app.cli.commands.session import Duration, printable
from app.client import BackoutClient, SourceFailed
from app.client.bodies import StreamBody
from app.client.transport import _read_pause


class Enough(Exception):
    """Of trying."""


SERVER_PARTS = ("flask", "polars", "celery", "sqlalchemy", "pydantic", "numpy", "app.config", "app.db", "app.lifecycle")


def test_the_command_line_starts_in_a_blink_and_without_the_server() -> None:
    code = (
        "import sys, time; begun = time.process_time(); import app.cli.commands.main;"
        "print(time.process_time() - begun, *sys.modules)"
    )
    fastest = 1.0
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        took, *modules = done.stdout.split()
        fastest = min(fastest, float(took))
        assert not set(modules) & set(SERVER_PARTS)
    assert fastest < 0.4  # of the processor, since a busy machine is not what is measured


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5s", 1.5), ("15m", 900), ("1h30m", 5400), ("1d2h3m4s", 93784), ("0", 0)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "5 m", "1m1h", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


def test_a_terminal_obeys_nothing_of_a_name() -> None:
    assert printable("a\x1b[2Jb\u202ec\n") == "a\ufffd[2Jb\ufffdc\n"


def test_pauses_grow_and_are_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def remember(error: Exception, pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 6:
            raise Enough

    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with BackoutClient("http://127.0.0.1:1", patience=1000, on_retry=remember) as client, pytest.raises(Enough):
        client.queue()
    bounds = [0.4 * 2**number for number in range(6)]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert len({pause / bound for pause, bound in zip(pauses, bounds, strict=True)}) == 6


def test_what_can_not_be_kept_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    body = StreamBody(io.BytesIO(b"x" * 1000))
    with open("/dev/full", "wb") as full:  # noqa: PTH123 — the disk that is always full
        body.close()
        monkeypatch.setattr(body, "_kept", _Full(full.fileno()))
        with pytest.raises(SourceFailed, match="TMPDIR"):
            list(body.pieces())


@pytest.mark.parametrize("seconds", [0, 7, 120])
def test_retry_after_is_read_as_a_number_or_a_date(seconds: int) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    assert _read_pause(httpx.Response(503, headers={"Retry-After": str(seconds)})) == seconds
    found = _read_pause(httpx.Response(503, headers={"Retry-After": at}))
    assert found is not None and seconds - 2 <= found <= seconds
    assert _read_pause(httpx.Response(503, headers={"Retry-After": "soon"})) is None
    assert _read_pause(httpx.Response(503)) is None


class _Full(io.FileIO):
    """Reads as empty, and takes nothing."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)

    def read(self, size: int | None = -1, /) -> bytes:
        return b""

    def seek(self, position: int, whence: int = 0, /) -> int:
        return 0
