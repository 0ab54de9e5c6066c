"""A short turn of what `make fuzz` does for long: the seeds, and what random damage makes of them."""

import socket
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings, strategies as st

from app.domain.file_format import FileFormat
from app.formats.validate import vectorized_columns
from tests.fuzz.drawing import Requests
from tests.fuzz.reading import NAMES, check, outcome
from tests.fuzz.seeds import seeds
from tests.fuzz.sending import Answer, send

SEEDS = seeds()


def test_the_seeds_are_read(tmp_path: Path) -> None:
    found = [check(seed, tmp_path) for seed in SEEDS]
    assert found.count("rejects") >= len(SEEDS) - 2, found


damage = st.tuples(
    st.sampled_from(SEEDS), st.floats(0, 1), st.integers(0, 9), st.binary(max_size=4) | st.sampled_from([b'"', b"\r\n"])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(damage, min_size=1, max_size=3))
def test_damaged_files_are_read_alike_or_refused(
    tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[bytes, float, int, bytes]]
) -> None:
    data = damages[0][0]
    for _, where, length, put in damages:
        at = 1 + int(where * (len(data) - 1))
        data = data[:at] + put + data[at + length :]
    check(data, tmp_path_factory.getbasetemp())


def test_a_wrong_fast_way_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\x01" + NAMES.encode() + b"\nTom,3,1.234,2026-01-02 03:04:05,cat,yes,\n"
    assert check(data, tmp_path) == "rejects"
    monkeypatch.setattr(vectorized_columns, "_judged", lambda *_: (None, None))
    with pytest.raises(AssertionError, match="fast way"):
        check(data, tmp_path)


def test_a_quote_in_the_wrong_place_cuts_no_record_after_it(tmp_path: Path) -> None:
    """Blocks are cut by counting quotes, which one quote too many confuses."""
    good = b'"a\n\n\nb",1,1,2026-01-02 03:04:05,cat,,NULL\n'
    data = NAMES.encode() + b'\n5" pipe,1,1,2026-01-02 03:04:05,cat,,NULL\n' + good + good.replace(b"a", b"c")
    (tmp_path / "file").write_bytes(data)
    for size in (8, 64, 1 << 20):
        found = outcome(tmp_path / "file", FileFormat("csv", null="NULL"), size)
        rejects = [(line, code, value) for line, _, code, _, value, _ in found["rejects"]]
        assert rejects[1:] == [(3, "control_character", "a\n\n\nb"), (7, "control_character", "c\n\n\nb")]
        assert rejects[0][:2] == (2, "bad_quote")


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", None),
        (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "it was answered 500"),
        (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 503 Oh\r\n\r\n", "it was answered 503"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "the answer was broken off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "the answer was broken off"),
        (b"oh", "the answer is not HTTP"),
    ],
)
def test_a_wrong_answer_is_noticed(raw: bytes, fault: str | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                while connection.recv(4096):
                    pass
                connection.sendall(raw)

        thread = Thread(target=answer)
        thread.start()
        assert send(server.getsockname()[1], b"GET / HTTP/1.1\r\n\r\n").fault == fault
        thread.join()


def test_a_seed_stands_for_the_same_requests() -> None:
    answer = Answer(200, b'{"id": "1", "next": "/x"}')
    drawn = []
    for _ in range(2):
        requests = Requests("a seed")
        drawn.append([requests.draw() for _ in range(200)])
        requests.learn(b"", answer)
    assert drawn[0] == drawn[1]
    assert drawn[0] != [Requests("another").draw() for _ in range(200)]
