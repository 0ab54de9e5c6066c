"""Files and requests, good and bad, and what the answers to bad ones must be."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from app.domain.dataset import ORDERS
from tests.stack import Stack
from tests.waiting import patience

GOOD = {
    "marketplace": "shop",
    "order_number": "A-1",
    "customer": "Jo Doe",
    "email": "jo@example.com",
    "ship_to": "1 Main St, Springfield",
    "sku": "SKU-1",
    "quantity": "1",
    "unit_price": "12.50",
    "currency": "EUR",
    "status": "paid",
    "ordered_at": "2026-01-31 23:59:59",
}
HEADER = ",".join(ORDERS.column_names)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
MISSING = [UNKNOWN, "nope", "1", "a" * 3000, "%00", "%ff", "%0a", "%F0%9F%98%80", "'%20OR%20'1'='1", "..%2f..%2fetc"]


def line(**values: str) -> str:
    """A good row with some values replaced."""
    quoted = [value.replace('"', '""') for value in (GOOD | values).values()]
    return ",".join(f'"{value}"' for value in quoted)


def file_of(*lines: str | bytes, header: str | bytes = HEADER) -> bytes:
    whole = [text if isinstance(text, bytes) else text.encode() for text in (header, *lines)]
    return b"".join(text + b"\n" for text in whole)


def check_problem(answer: requests.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer that must be one."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    document = dict(answer.json())
    assert document["type"] == f"/problems/{kind}" and document["status"] == status, document
    assert document["title"] and document["detail"]
    assert document["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text and 'File "' not in answer.text
    return document


def uploads(stack: Stack) -> set[str]:
    """The files in the spool, without the file of the generation."""
    return {entry.name for entry in os.scandir(stack.spool) if not entry.name.startswith(".")}


@contextmanager
def nothing_kept(stack: Stack) -> Iterator[None]:
    """What happens inside must be refused at the door: no import, no file, no row, and no trace in the log."""

    def look() -> tuple[set[str], set[str], int]:
        imports = stack.get("/v1/imports?limit=200").json()["imports"]
        return {found["id"] for found in imports}, uploads(stack), stack.count()

    stack.spool.mkdir(exist_ok=True, mode=0o700)
    before, logged = look(), stack.log("web").stat().st_size
    yield
    assert look() == before
    with stack.log("web").open("rb") as log:
        log.seek(logged)
        assert b"Traceback" not in log.read()


def send_raw(stack: Stack, *pieces: bytes) -> requests.Response:
    """Send bytes that no HTTP library would, hang up, and read the first answer."""
    with socket.create_connection(("127.0.0.1", stack.port), patience()) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        raw = b""
        while received := connection.recv(65536):
            raw += received
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    answer = requests.Response()
    answer.status_code = int(status.split(" ")[1])
    answer.headers.update(dict(field.split(": ", 1) for field in fields))
    answer._content = body[: int(answer.headers["Content-Length"])]
    return answer


def raw_post(*headers: str, content_type: str = "text/csv") -> bytes:
    fields = ["POST /v1/imports HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", *headers]
    return "\r\n".join([*fields, "", ""]).encode()


def failure(stack: Stack, answer: requests.Response) -> dict[str, Any]:
    """The error of an accepted import that must fail."""
    assert answer.status_code == 202, answer.text
    found = stack.wait_state(answer.json()["id"])
    assert found["state"] == "failed", found
    assert found["percent"] < 100
    return dict(found["error"])
