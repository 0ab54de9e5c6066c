"""The client and the command line, as far as they need no server."""

import io
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import click
import httpx
import pytest

from backout.client import BackoutClient, SourceFailed, Unreachable
from backout.client.transport import _read_pause
from backout.client.uploads import StreamBody
from backout.commands.context import Duration, printable


class Enough(Exception):
    """Of trying."""


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
    with BackoutClient("http://127.0.0.1:1", retry_timeout=1000, on_retry=remember) as client, pytest.raises(Enough):
        client.queue()
    bounds = [0.4 * 2**number for number in range(6)]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert len({pause / bound for pause, bound in zip(pauses, bounds, strict=True)}) == 6


NOWHERE = ("http://127.0.0.1:1", "http://no-such-host.invalid")


@pytest.mark.parametrize("url", NOWHERE)
def test_a_server_that_was_never_reached_is_not_waited_for(url: str) -> None:
    tries: list[float] = []
    with (
        BackoutClient(url, on_retry=lambda error, pause: tries.append(pause)) as client,
        pytest.raises(Unreachable, match=f"nothing answers at {url}: [a-z]") as absent,
    ):
        client.queue()
    assert absent.value.never_reached and tries == []


def test_a_server_that_was_reached_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def leave() -> None:
            server.accept()[0].close()
            server.close()  # nothing listens from here on

        with BackoutClient(
            f"http://127.0.0.1:{port}", on_retry=lambda error, pause: errors.append(str(error))
        ) as client:
            thread = threading.Thread(target=leave)
            thread.start()
            with pytest.raises(Unreachable, match="can't be reached: connection refused") as gone:
                client.queue()
            thread.join()
    assert len(errors) > 3 and not gone.value.never_reached


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
