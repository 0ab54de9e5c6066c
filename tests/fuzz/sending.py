"""Sending: one request as bytes, over a connection of its own, and what was answered."""

import json
import re
import socket
from dataclasses import dataclass
from typing import Any

from tests.waiting import patience

SECONDS = patience()
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3}) ")  # gunicorn answers with the minor version of the request


@dataclass(frozen=True)
class Answer:
    """What came back. `fault` says why that is wrong whatever was asked; None where it is in order."""

    status: int
    body: bytes
    fault: str | None = None

    def document(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def send(port: int, request: bytes) -> Answer:
    """Send the bytes, hang up, and read to the end: the last of the answers, or the first one that is wrong."""
    raw = b""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65536):
                raw += received
        except TimeoutError:
            return Answer(0, raw, f"no end of the answer came within {SECONDS:g} s")
        except OSError:
            pass  # it was refused before it was sent
    answer = Answer(0, b"", None if raw or b"\r\n\r\n" not in request else "no answer came")
    while raw and answer.fault is None:
        answer, raw = _take(raw)
    return answer


def _take(raw: bytes) -> tuple[Answer, bytes]:
    """The first answer, and what follows it."""
    head, blank, rest = raw.partition(b"\r\n\r\n")
    found = _STATUS.match(head)
    if found is None or not blank:
        return Answer(0, raw, "the answer is not HTTP"), b""
    status = int(found[1])
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if status < 200:
        return Answer(status, b""), rest
    whole = True
    if fields.get(b"transfer-encoding") == b"chunked":
        body, rest, whole = _take_chunks(rest)
    elif b"content-length" in fields:
        length = int(fields[b"content-length"])
        body, rest = rest[:length], rest[length:]
        whole = len(body) == length or not body  # to HEAD nothing but the length is said
    else:
        body, rest = rest, b""
    fault = None if whole else "the answer was broken off"
    if status >= 500:
        fault = f"it was answered {status}"
    elif b"Traceback (most recent" in body:
        fault = "the answer has a trace"
    return Answer(status, body, fault), rest


def _take_chunks(raw: bytes) -> tuple[bytes, bytes, bool]:
    """The body, what follows it, and whether it had its end."""
    body = b""
    while True:
        size, line_end, raw = raw.partition(b"\r\n")
        if not line_end:
            return body, raw, body == b""  # to HEAD, again
        length = int(size, 16)
        if not length:
            return body, raw.removeprefix(b"\r\n"), True
        if len(raw) < length + 2:
            return body, b"", False
        body, raw = body + raw[:length], raw[length + 2 :]
