"""Large files: memory stays flat, and what is larger than the limit is not kept."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.routes.bodies import HEADER, check_problem, line, nothing_kept, raw_post, send_raw
from tests.stack import Stack
from tests.waiting import patience

pytestmark = pytest.mark.in_turn


def peak_memory(stack: Stack) -> int:
    """The highest resident memory, in bytes, of the process that answers requests."""
    children = Path(f"/proc/{stack.pid('web')}/task/{stack.pid('web')}/children").read_text().split()
    peaks = [
        int(field.split()[1]) * 1024
        for pid in children
        for field in Path(f"/proc/{pid}/status").read_text().splitlines()
        if field.startswith("VmHWM:")
    ]
    assert peaks
    return max(peaks)


def rows_of(size: int, marketplace: str) -> Iterator[bytes]:
    """A file of about so many bytes, a piece at a time."""
    yield HEADER.encode() + b"\n"
    padding = line(marketplace=marketplace, ship_to="x" * 255, order_number="#").encode() + b"\n"
    piece_rows, number = 1000, 0
    while size > 0:
        piece = b"".join(padding.replace(b"#", b"%d" % (number + row)) for row in range(piece_rows))
        number += piece_rows
        size -= len(piece)
        yield piece


def as_form(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    yield from pieces
    yield b"\r\n--XX--\r\n"


@pytest.mark.parametrize(
    "size",
    [60_000_000, pytest.param(1_000_000_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
    ids=["60MB", "1GB"],
)
def test_memory_stays_flat_however_large_the_file(new_stack: Callable[..., Stack], size: int) -> None:
    """Nobody loads here: the web server alone takes the files."""
    stack = new_stack().start("web")
    for pieces, content_type in (
        (rows_of(100_000, "warm"), "text/csv"),
        (as_form(rows_of(100_000, "warm")), "multipart/form-data; boundary=XX"),
    ):
        stack.send(pieces, content_type)  # type: ignore[arg-type]
    before = peak_memory(stack)
    answer = stack.http.post(
        f"{stack.url}/v1/imports", data=rows_of(size, "a"), headers={"Content-Type": "text/csv"}, timeout=patience(600)
    )
    assert answer.status_code == 202 and answer.json()["bytes_total"] > size
    form = {"Content-Type": "multipart/form-data; boundary=XX"}
    answer = stack.http.post(
        f"{stack.url}/v1/imports", data=as_form(rows_of(size, "b")), headers=form, timeout=patience(600)
    )
    assert answer.status_code == 202 and answer.json()["bytes_total"] > size
    # one chunk as large as the file: read ahead by the web server, but not all of it
    body = b"".join(rows_of(60_000_000, "c"))
    head = raw_post("Transfer-Encoding: chunked", "Connection: close")
    assert send_raw(stack, head, b"%x\r\n" % len(body), body, b"\r\n0\r\n\r\n").status_code == 202
    # the same file again, while the first one waits, takes a key that says that it is meant
    head = raw_post(f"Content-Length: {len(body)}", "Idempotency-Key: again", "Connection: close")
    assert send_raw(stack, head, body).status_code == 202
    assert peak_memory(stack) - before < 30_000_000
    shutil.rmtree(stack.spool)


def test_a_file_larger_than_the_limit_is_refused_and_not_kept(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(max_upload_bytes=1_000_000).start("web")
    body = b"".join(rows_of(20_000_000, "a"))
    small = b"".join(rows_of(500_000, "a"))
    form = "multipart/form-data; boundary=XX"
    with nothing_kept(stack):
        for data, content_type in (
            (body, "text/csv"),  # known by its length
            (rows_of(20_000_000, "a"), "text/csv"),  # found while it comes
            (b"".join(as_form(iter([body]))), form),
            (as_form(iter([body])), form),
            (b"".join(as_form(iter([small, small, small]))), form),  # the form's length alone tells nothing yet
        ):
            document = check_problem(stack.send(data, content_type), 413, "content-too-large")  # type: ignore[arg-type]
            assert "1,000,000 bytes" in document["detail"] and "BACKOUT_MAX_UPLOAD_BYTES" in document["detail"]
        begun = time.monotonic()
        check_problem(send_raw(stack, raw_post("Content-Length: 9000000000")), 413, "content-too-large")
        assert time.monotonic() - begun < patience()  # nobody waits for nine gigabytes
    assert stack.send(small).status_code == 202
    # what people have: curl says `Expect: 100-continue` for a large file, and is told before it sends
    big = stack.folder / "big.csv"
    big.write_bytes(body)
    curl = [
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--data-binary",
        f"@{big}",
        f"{stack.url}/v1/imports",
    ]
    done = subprocess.run(curl, capture_output=True, text=True, timeout=patience(), check=False)
    assert (done.stdout, done.stderr) == ("413", "")
