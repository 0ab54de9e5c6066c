"""Rows that are not accepted: every one is named, the others are read, and nothing of them is lost."""

import csv as standard
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import FileFormat
from app.domain.requests.policy import OnError, Policy, parse_policy, policy_from_json
from app.formats.batch import Batch, Reject
from app.formats.reader import read_rows
from app.formats.reject_file import RejectWriter, read_rejects, write_csv
from app.formats.streams import blocks
from app.formats.validate import rows as row_checks
from app.lifecycle.imports.loading.error_policy import REPORTED, ErrorPolicyFilter
from tests.fuzz.examples import examples

PETS = Dataset(
    "pets",
    (Column("name", ColumnType.TEXT, length=30), Column("age", ColumnType.INTEGER, maximum=99)),
    ("name",),
)
MESS = (
    "name,age\r\n"
    "Rex,1\r\n"
    "Tom,old\r\n"
    "\r\n"
    '"Jo,2\r\n'  # never closes
    "Kim,3\r\n"
    'L"eo,4\r\n'
    '"Mia ""M""",5\r\n'
    "Ned\r\n"
    '"Oz","6",7\r\n'
    '"Pip\r\nPop",8\r\n'
    "Q\tQ,9\r\n"
    "Ray,10"
)


def read(path: Path, data: str | bytes, file_format: FileFormat, batch_bytes: int) -> tuple[list[str], list[Reject]]:
    """The names that are accepted, in order, and the rejects."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    names: list[str] = []
    rejects: list[Reject] = []
    for batch in read_rows(path, PETS, file_format, batch_bytes):
        assert [batch.line_of(batch.row_at(n)) for n in range(batch.rows)] == list(batch.lines or ())
        rows = list(standard.reader(io.StringIO(batch.payload.decode(), newline="")))
        numbers = [int(row[0]) for row in rows]
        assert numbers == list(batch.row_numbers) == [batch.row_at(n) for n in range(batch.rows)]
        assert sorted(numbers + [bad.row for bad in batch.rejects]) == list(range(batch.first_row, batch.next_row))
        assert batch.first_row == len(names) + len(rejects) + 1
        names += [row[1] for row in rows]
        rejects += batch.rejects
    return names, rejects


@pytest.mark.parametrize("batch_bytes", [1 << 20, 200])
def test_every_bad_row_is_named_and_the_others_are_read(tmp_path: Path, batch_bytes: int) -> None:
    names, rejects = read(tmp_path / "pets", MESS, FileFormat("csv"), batch_bytes)
    assert names == ["Rex", "Kim", 'Mia "M"', "Ray"]
    assert [(reject.line, reject.code, reject.text) for reject in rejects] == [
        (3, "not_an_integer", "Tom,old"),
        (5, "bad_quote", '"Jo,2'),
        (7, "bad_quote", 'L"eo,4'),
        (9, "too_few_fields", "Ned"),
        (10, "too_many_fields", '"Oz","6",7'),
        (11, "control_character", '"Pip\r\nPop",8'),
        (13, "control_character", "Q\tQ,9"),
    ]
    assert rejects[0].column == "age" and rejects[0].value == "old" and rejects[0].values == ("Tom", "old")
    assert [reject.row for reject in rejects] == [2, 3, 5, 7, 8, 9, 10]  # as they stand in the file


@pytest.mark.parametrize("batch_bytes", [1, 60, 1 << 20])
def test_objects(tmp_path: Path, batch_bytes: int) -> None:
    lines = [
        '{"name": "Rex", "age": 1}',
        '{"name": "Tom", "age": "x"}',
        "",
        "{",
        '{"age": 2, "name": "Kim"}',
        '{"name": 3}',
    ]
    names, rejects = read(tmp_path / "pets", "\r\n".join(lines), FileFormat("ndjson"), batch_bytes)
    assert names == ["Rex", "Kim"]
    assert [(reject.line, reject.code, reject.text) for reject in rejects] == [
        (2, "not_an_integer", lines[1]),
        (4, "not_json", "{"),
        (6, "missing_column", lines[5]),
    ]


@settings(deadline=None, max_examples=examples(200))
@given(
    st.lists(
        st.sampled_from(["Rex,1", '"Rex, the ""dog""",2', "Tom,x", "Tom", '"To"m,1', "a,b,c", 'x"y,1', "\x7f,1"]),
        min_size=1,
    ),
    st.integers(1, 60),
)
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, lines: list[str], batch_bytes: int) -> None:
    path = tmp_path_factory.getbasetemp() / "nothing-lost"
    data = "name,age\n" + "\n".join(lines)
    names, rejects = read(path, data, FileFormat("csv"), 1 << 20)
    good = [line for line in lines if line in ("Rex,1", '"Rex, the ""dog""",2')]
    if not any(line.startswith('"') for line in lines):  # then a quote is a character like any other
        good = [line for line in lines if line in ("Rex,1", 'x"y,1')]
    assert len(names) + len(rejects) == len(lines)
    assert len(names) == len(good)
    assert [reject.text for reject in rejects] == [line for line in lines if line not in good]
    assert all(lines[reject.line - 2] == reject.text for reject in rejects)
    assert read(path, data, FileFormat("csv"), batch_bytes)[0] == names


def test_a_quote_that_never_closes_costs_its_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "RECORD_BYTES", 50_000)
    rows = [f"pet {number},{number % 99}" for number in range(20_000)]
    rows[10] = '"pet 10,1'
    names, rejects = read(tmp_path / "pets", "\n".join(["name,age", *rows]), FileFormat("csv"), 10_000)
    assert len(names) == 19_999
    assert [(reject.line, reject.text) for reject in rejects] == [(12, '"pet 10,1')]


@pytest.mark.slow
def test_many_rejects_come_in_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pets"
    path.write_text("name,age\n" + "Rex,x\n" * 50_000 + "Tom,1\n")
    batches = list(read_rows(path, PETS, FileFormat("csv"), 1 << 24))
    assert max(len(batch.rejects) for batch in batches) == row_checks.MAX_REJECTS
    assert sum(len(batch.rejects) for batch in batches) == 50_000
    assert sum(batch.rows for batch in batches) == 1


# --- what becomes of them --------------------------------------------------------------------------------------------


def batches(*bad: int, size: int = 10, good: int = 90) -> Iterator[Batch]:
    """Batches with so many bad rows each."""
    for number, rejected in enumerate(bad):
        rejects = [
            Reject(1000 * number + n, 1, "code", "bad", "age", "x", "Rex,x", ("Rex", "x")) for n in range(rejected)
        ]
        yield Batch(1 + number * good, good, b"payload", size * number, (), (), rejects)


def filter_batches(tmp_path: Path, policy: Policy, *bad: int) -> tuple[list[int], Any, list[dict[str, Any]]]:
    """Rows of the batches that are let through, the failure, and what stands in the file."""
    writer = RejectWriter(tmp_path / "rejects")
    error_filter = ErrorPolicyFilter(policy, writer)
    rows: list[int] = []
    failure = None
    try:
        rows.extend(batch.rows for batch in error_filter.filter_batches(batches(*bad)))
    except ImportFailed as failed:
        failure = failed
    writer.close()
    kept = list(read_rejects(tmp_path / "rejects")) if (tmp_path / "rejects").exists() else []
    assert len(kept) == error_filter.rejected
    return rows, failure, kept


def test_abort_loads_nothing_after_the_first_error_and_lists_a_thousand(tmp_path: Path) -> None:
    rows, failure, kept = filter_batches(tmp_path, Policy(), 0, 0, 3, 0, 4)
    assert rows == [90, 90, 0, 0, 0]
    assert (failure.code, failure.line) == ("code", 2000)
    assert [reject["line"] for reject in kept] == [2000, 2001, 2002, 4000, 4001, 4002, 4003]
    rows, failure, kept = filter_batches(tmp_path, Policy(), 600, 600, 600)
    assert rows == [0]
    assert len(kept) == REPORTED


@pytest.mark.parametrize(("line", "reported"), [(2000, "whole"), (1999, "whole"), (2001, "code"), (None, "code")])
def test_what_stands_first_in_the_file_is_reported(tmp_path: Path, line: int | None, reported: str) -> None:
    def ending() -> Iterator[Batch]:
        yield from batches(0, 0, 2)
        raise ImportFailed("whole", "the file ends", line)

    writer = RejectWriter(tmp_path / "rejects")
    with pytest.raises(ImportFailed) as caught:
        list(ErrorPolicyFilter(Policy(), writer).filter_batches(ending()))
    assert caught.value.code == reported
    with pytest.raises(ImportFailed) as caught:
        list(ErrorPolicyFilter(Policy(OnError.REJECT), writer).filter_batches(ending()))
    writer.discard()
    assert caught.value.code == "whole"


def test_nothing_rejected_leaves_no_file(tmp_path: Path) -> None:
    for policy in (Policy(), Policy(OnError.REJECT, "0")):
        assert filter_batches(tmp_path, policy, 0, 0) == ([90, 90], None, [])


@pytest.mark.parametrize(
    ("most", "bad", "code"),
    [
        (None, (5, 5), None),
        ("10", (5, 5), None),
        ("9", (5, 5), "too_many_rejects"),
        ("0", (0, 1), "too_many_rejects"),
        ("10%", (10, 10), None),
        ("9.99%", (10, 10), "too_many_rejects"),
        ("10%", (90, 0, 0, 0, 0, 0, 0, 0, 0, 0), None),  # known at the end only
    ],
)
def test_how_many_may_be_rejected(tmp_path: Path, most: str | None, bad: tuple[int, ...], code: str | None) -> None:
    rows, failure, _ = filter_batches(tmp_path, Policy(OnError.REJECT, most), *bad)
    assert (failure and failure.code) == code
    if code is None:
        assert rows == [90] * len(bad)


def test_a_file_without_one_good_row_is_no_success(tmp_path: Path) -> None:
    writer = RejectWriter(tmp_path / "rejects")
    with pytest.raises(ImportFailed) as caught:
        list(ErrorPolicyFilter(Policy(OnError.REJECT), writer).filter_batches(batches(3, 4, good=0)))
    writer.discard()
    assert caught.value.code == "all_rejected"


@pytest.mark.parametrize(
    "said",
    [
        {"on_error": "ignore"},
        {"max_rejects": "5"},
        {"on_error": "reject", "max_rejects": "-1"},
        {"on_error": "reject", "max_rejects": "101%"},
        {"on_error": "reject", "max_rejects": "5 %"},
        {"on_error": "reject", "max_rejects": "nan%"},
    ],
)
def test_bad_policies(said: dict[str, str]) -> None:
    with pytest.raises(InvalidContent):
        parse_policy(said)


def test_policies() -> None:
    for policy in (Policy(), Policy(OnError.REJECT), Policy(OnError.REJECT, "2.5%")):
        assert policy_from_json(json.loads(json.dumps(policy.as_json()))) == policy
    assert policy_from_json(None) == Policy()
    assert parse_policy({"on_error": "reject", "max_rejects": "7", "delimiter": ";"}) == Policy(OnError.REJECT, "7")


# --- the reject file -------------------------------------------------------------------------------------------------


def test_a_reject_file_can_be_mended_and_sent_again(tmp_path: Path) -> None:
    _, rejects = read(tmp_path / "pets", MESS.encode() + b"\r\nJ\xf6,11", FileFormat("csv"), 1 << 20)
    writer = RejectWriter(tmp_path / "rejects")
    writer.write(rejects)
    writer.close()
    file = b"".join(write_csv(read_rejects(tmp_path / "rejects"), PETS))
    names, again = read(tmp_path / "pets", file, FileFormat("csv"), 1 << 20)
    assert names == []  # as it is, everything is wrong again
    assert len(again) == len(rejects)
    assert again[-1].values == ("J\udcf6", "11")  # to the byte
    table = list(standard.reader(io.StringIO(file.decode("utf-8", "surrogateescape"), newline="")))
    assert table[0] == ["name", "age", "reject_line", "reject_code", "reject_column", "reject_reason", "reject_text"]
    assert table[1][:5] == ["Tom", "old", "3", "not_an_integer", "age"]
    assert table[2][:2] == ["", ""] and table[2][-1] == '"Jo,2'
    mended = [["Tom", "7", *table[1][2:]], ["Jo", "2", *table[2][2:]]]
    text = io.StringIO()
    standard.writer(text).writerows([table[0], *mended])
    assert read(tmp_path / "pets", text.getvalue(), FileFormat("csv"), 1 << 20) == (["Tom", "Jo"], [])
