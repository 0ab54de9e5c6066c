"""JSON arrays in, rows or the first failure out."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import ORDERS
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.json import array
from app.formats.json.array import read_records
from app.formats.streams import blocks
from app.formats.validate.rows import Records, check_records
from tests.fuzz.examples import examples
from tests.unit.formats.orders import OBJECT

VALUES = tuple(str(value) for value in OBJECT.values())
GOOD = json.dumps(OBJECT)


class Pieces:
    """A stream that gives no more than so many bytes at once."""

    def __init__(self, data: str | bytes, most: int = 1 << 30) -> None:
        self._data = data.encode() if isinstance(data, str) else data
        self._most = most
        self.position = 0

    def read(self, size: int) -> bytes:
        data = self._data[self.position : self.position + min(size, self._most)]
        self.position += len(data)
        return data


def read(data: str | bytes, batch_bytes: int = 1 << 20, most: int = 1 << 30, **renamed: str | None) -> list[Records]:
    return list(read_records(Pieces(data, most), ORDERS, FileFormat("json", columns=renamed or None), batch_bytes))


def rows(chunks: list[Records]) -> list[tuple[str, ...]]:
    return [row for chunk in chunks for row in zip(*(chunk.columns[name] for name in ORDERS.column_names), strict=True)]


def failure(data: str | bytes, **options: Any) -> tuple[int, str, int | None]:
    """How many rows come before it, its code and its line."""
    chunks = read(data, **options)
    assert all(chunk.failure is None for chunk in chunks[:-1])
    found = chunks[-1].failure
    assert found is not None and found.reason and found.row is None
    return len(rows(chunks)), found.code, found.line


@pytest.fixture(params=[1, 7, 1 << 20])
def small_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The stream is read piece by piece, so that each of them ends somewhere in an element."""
    monkeypatch.setattr(array, "_PIECE_BYTES", request.param)
    return int(request.param)


def test_rows_and_lines(small_pieces: int) -> None:
    other = json.dumps(dict(reversed(OBJECT.items())) | {"customer": "é😀\n"}, indent=2, ensure_ascii=False)
    data = f"\ufeff \n[\n{GOOD},\n\n{other}\r\n ,{GOOD}, {GOOD}\n]\n\n"
    for batch_bytes in (1, 400, 1 << 20):
        chunks = read(data, batch_bytes, small_pieces)
        assert rows(chunks) == [VALUES, (*VALUES[:2], "é😀\n", *VALUES[3:]), VALUES, VALUES]
        assert [line for chunk in chunks for line in chunk.lines] == [3, 5, 18, 18]
        assert chunks[-1].source_bytes == len(data.encode())
        assert not any(chunk.failure or chunk.bad for chunk in chunks)
    assert len(read(data, 1)) == 4


def test_chunks_are_checked() -> None:
    [chunk] = read(f"[{GOOD},{GOOD}]")
    [batch] = check_records(chunk, ORDERS, 1)
    assert (batch.rows, batch.rejects) == (2, [])
    [chunk] = read(f"[{GOOD},\n{GOOD.replace('USD', 'usd')}]")
    [batch] = check_records(chunk, ORDERS, 1)
    assert [(reject.code, reject.line, reject.row) for reject in batch.rejects] == [("unknown_currency", 2, 2)]


def test_numbers_stay_as_they_are_written(small_pieces: int) -> None:
    digits = "1234567890123456789012345.10"
    data = "[" + GOOD.replace('"12.50"', digits).replace(": 2,", ": 1e0,") + "]"
    [chunk] = read(data, most=small_pieces)
    assert chunk.columns["unit_price"] == (digits,)
    assert chunk.columns["quantity"] == ("1e0",)


def test_columns_are_renamed_or_left_out() -> None:
    data = json.dumps([{("Kunde" if key == "customer" else key): v for key, v in OBJECT.items()} | {"x": [1, {}]}])
    assert rows(read(data, Kunde="customer", x=None)) == [VALUES]
    [(line, text, failed)] = read(data, Kunde="customer")[0].bad
    assert (line, failed.code, failed.column, text) == (1, "unknown_column", "x", data[1:-1])


@pytest.mark.parametrize(
    ("element", "code", "column"),
    [
        ("[1]", "not_an_object", None),
        ("1", "not_an_object", None),
        ("null", "not_an_object", None),
        ('"text"', "not_an_object", None),
        ('{"sku": "x"}', "missing_column", "marketplace"),
        (GOOD[:-1] + ', "sku": "AB-1"}', "doubled_key", "sku"),
        (GOOD[:-1] + ', "notes": 1}', "unknown_column", "notes"),
        (GOOD.replace('"AB-1"', "[5]"), "wrong_json_type", "sku"),
    ],
)
def test_elements_that_are_no_rows(small_pieces: int, element: str, code: str, column: str | None) -> None:
    chunks = read(f"[{GOOD},\n\n{element},{GOOD}]", most=small_pieces)
    assert rows(chunks) == [VALUES, VALUES]
    [(line, text, failed)] = [bad for chunk in chunks for bad in chunk.bad]
    assert (line, text) == (3, element)
    assert (failed.code, failed.line, failed.column) == (code, 3, column)


@pytest.mark.parametrize(
    ("rest", "code", "line"),
    [
        (f",\n{GOOD} {GOOD}]", "missing_comma", 2),
        (f",\n{GOOD}\n{GOOD}]", "missing_comma", 3),
        (f",{GOOD}\n}}", "missing_comma", 2),
        (f",\n{GOOD},\n]", "trailing_comma", 3),
        (f",\n{GOOD}]\n[]", "text_after_array", 3),
        (f",\n{GOOD}]\n,", "text_after_array", 3),
        (f",\n{GOOD}\n", "truncated_json", 3),
        (f",\n{GOOD},", "truncated_json", 2),
        (f",\n{GOOD},\n" + '{"a', "truncated_json", 3),
        (f",\n{GOOD},\n" + '{"a": tru', "truncated_json", 3),
        (f",\n{GOOD},\n" + '{"a": "\\u00', "truncated_json", 3),
        (f",\n{GOOD},\n" + '{"a": 1', "truncated_json", 3),
        (f",\n{GOOD},\n" + '{"a": x}]', "not_json", 3),
        (f",\n{GOOD},\n" + '{"a":\n\n x}]', "not_json", 3),
        (f",\n{GOOD},\n" + "{'a': 1}]", "not_json", 3),
        (f",\n{GOOD},\n,{GOOD}]", "not_json", 3),
        (f",\n{GOOD},\n" + '{"a": 1,}]', "not_json", 3),
        (f",\n{GOOD},\n" + '{"a": "b\n"}]', "not_json", 3),
        (f",\n{GOOD},\n" + "[" * 100_000, "not_json", 3),
    ],
)
def test_broken_arrays(small_pieces: int, rest: str, code: str, line: int) -> None:
    for batch_bytes in (1, 1 << 20):
        found = failure(f"[{GOOD}{rest}", batch_bytes=batch_bytes, most=max(small_pieces, len(rest) // 1000))
        assert found == (2, code, line)


def test_a_reason_names_the_line_of_the_error() -> None:
    found = read(f'[{GOOD},\n{{\n"a": 1,\n"b" 2}}]')[-1].failure
    assert found is not None and "on line 4" in found.reason
    assert (found.line, found.value) == (2, '{\n"a": 1,\n"b" 2}]')


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "empty_file"),
        ("\ufeff \n", "empty_file"),
        ("a,b\n", "not_an_array"),
        ("[]", "no_rows"),
        (" [ \n ] ", "no_rows"),
    ],
)
def test_files_without_elements(data: str, code: str) -> None:
    with pytest.raises(ImportFailed) as caught:
        read(data)
    assert caught.value.code == code
    assert failure("[")[1:] == ("truncated_json", 1)
    assert failure("[,]")[1:] == ("not_json", 1)


def test_bytes_that_are_no_utf8(small_pieces: int) -> None:
    data = f"[{GOOD},\n{GOOD.replace('Jane Doe', 'Jörg')},{GOOD}]"
    chunks = read(data.encode("cp1252"), most=small_pieces)
    assert [row[2] for row in rows(chunks)] == ["Jane Doe", "J\udcf6rg", "Jane Doe"]
    codes = [reject.code for chunk in chunks for batch in check_records(chunk, ORDERS, 1) for reject in batch.rejects]
    assert codes == ["not_utf8"]
    assert failure(f"[{GOOD},\nß{GOOD}]".encode("cp1252")) == (1, "not_utf8", 2)


def test_long_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "_PIECE_BYTES", 64)
    monkeypatch.setattr(blocks, "RECORD_BYTES", 10_000)
    fits = GOOD.replace("Jane", "x" * (10_000 - len(GOOD) + 4))
    assert rows(read(f"[{fits}]", 1))[0][2].endswith("xx Doe")
    for long in (fits.replace("x", "xx", 1), fits.replace("x", "xx", 1)[:-1], '"' + "x" * 100_000, "1" * 100_000):
        for batch_bytes in (1, 1 << 20):
            assert failure(f"[{GOOD},\n{long}]", batch_bytes=batch_bytes) == (1, "record_too_long", 2)


@pytest.mark.slow
def test_a_file_of_elements_that_are_no_rows_comes_in_many_chunks() -> None:
    chunks = read("[" + "1," * 50_000 + "1]")
    assert max(len(chunk.bad) for chunk in chunks) <= 10_000
    assert sum(len(chunk.bad) for chunk in chunks) == 50_001


class Endless:
    """A stream of so many times the same bytes, made while it is read."""

    def __init__(self, head: bytes, body: bytes, times: int) -> None:
        self._head, self._body, self._times = head, body, times
        self.position = 0

    def read(self, size: int) -> bytes:
        if not self._head and self._times:
            self._times -= 1
            self._head = self._body
        data, self._head = self._head[:size], self._head[size:]
        return data


@pytest.mark.parametrize("body", [b" \n" * 30_000, (GOOD + ",").encode() * 200])
@pytest.mark.slow
def test_memory_is_flat(body: bytes) -> None:
    def peak(times: int) -> int:
        tracemalloc.start()
        for _ in read_records(Endless(b"[", body, times), ORDERS, FileFormat("json"), 1 << 17):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(80) < 2 * peak(10)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(st.lists(TEXTS, min_size=11, max_size=11), min_size=1, max_size=3),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
    st.integers(1, 400),
    st.integers(1, 50),
)
def test_what_json_writes_is_read(
    table: list[list[str]], indent: int | None, ascii: bool, batch_bytes: int, most: int
) -> None:
    objects = [dict(zip(ORDERS.column_names, row, strict=True)) for row in table]
    data = json.dumps(objects, indent=indent, ensure_ascii=ascii)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(array, "_PIECE_BYTES", most)
        chunks = read(data, batch_bytes, most)
    assert rows(chunks) == [tuple(row) for row in table]
    assert not any(chunk.failure or chunk.bad for chunk in chunks)


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 2 * len(GOOD)), st.sampled_from(["", ",", "]", '"', "x", "}"]))
def test_a_damaged_array_never_loses_a_row_in_silence(at: int, instead: str) -> None:
    data = f"[{GOOD},\n{GOOD}]"
    damaged = data[:at] + instead + data[at + 1 :]
    try:
        json.loads(damaged)
        valid = True
    except ValueError:
        valid = False
    try:
        chunks = read(damaged, 1)
    except ImportFailed:
        return
    told = sum(len(chunk.lines) + len(chunk.bad) for chunk in chunks)
    assert (chunks[-1].failure is None) == valid
    assert not valid or told == len(json.loads(damaged))
