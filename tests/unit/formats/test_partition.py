"""Dealing: every row goes to one part, and rows of one key to the same."""

from collections.abc import Sequence

import pytest

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.formats import partition
from app.formats.batch import Batch
from app.formats.generate.orders import generate_rows
from app.formats.partition import Partitioner
from app.formats.payload import PayloadKeys, payload_line, read_payload

NOTES = Dataset(
    "notes",
    (
        Column("code", ColumnType.TEXT, length=40),
        Column("number", ColumnType.INTEGER, minimum=-1000, maximum=10**9),
        Column("note", ColumnType.TEXT, length=100, nullable=True),
    ),
    key=("code", "number"),
)


def batch_of(rows: Sequence[Sequence[str | None]], first_row: int = 1, dataset: Dataset = NOTES) -> Batch:
    payload = "".join(payload_line(first_row + at, row) for at, row in enumerate(rows)).encode()
    keys = PayloadKeys(payload, dataset, len(rows))
    return Batch(first_row, len(rows), payload, 10, keys, lines=[2 * at for at in range(len(rows))])


def hands_with(parts: list[Batch], row: int) -> list[int]:
    return [branch for branch, part in enumerate(parts) if part.position_of(row) is not None]


@pytest.mark.parametrize("branches", [2, 3, 16])
@pytest.mark.slow
def test_every_row_is_in_one_part_and_knows_its_number_and_line(branches: int) -> None:
    partitioner = Partitioner(NOTES, branches)
    rows = [(f'code "{at}"', str(at % 7), None if at % 3 else 'two\nlines,\r "quoted"') for at in range(200)]
    for branch in range(branches):  # each has some of the keys that come again
        partitioner.partition(batch_of(rows[branch::branches]), branch)
    whole = batch_of(rows, first_row=41)
    parts = partitioner.partition(whole, 0)
    assert len(parts) == branches and sum(part.rows for part in parts) == 200
    back = sorted(line for part in parts for line in read_payload(part.payload))
    assert back == list(enumerate(rows, 41))
    for branch, part in enumerate(parts):
        found = [row for row in range(41, 241) if part.position_of(row) is not None]
        assert found == [*range(41 + branch, 241, branches)]
        for position in range(part.rows):
            row = part.row_at(position)
            assert part.keys[position] == rows[row - 41][:2]
            assert part.position_of(row) == position and part.line_of(row) == whole.line_of(row)
        assert part.last_row == max(number for number, _ in read_payload(part.payload))
    strangers = [row for row in range(30, 250) if len(hands_with(parts, row)) != 1]
    assert strangers == [*range(30, 41), *range(241, 250)]


def test_a_batch_goes_to_one_hand_as_it_is() -> None:
    partitioner = Partitioner(NOTES, 2)
    for at in range(4):
        batch = batch_of([("shop", str(1000 * at + number), "n") for number in range(1000)], 1 + 1000 * at)
        parts = partitioner.partition(batch, at % 2)
        assert parts[at % 2] is batch and not parts[1 - at % 2].rows


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (("Straße", "7"), ("Straße", "7")),
        (("Straße", "7"), ("Straße  ", "7")),
        (("A", "0"), ("A", "-0")),
        (("b c", "-12"), ("b c ", "-0012")),
    ],
)
def test_a_key_stays_where_it_was_however_it_is_written(first: tuple[str, str], again: tuple[str, str]) -> None:
    partitioner = Partitioner(NOTES, 3)
    partitioner.partition(batch_of([("other", "1", "x"), (*first, "x")]), 2)
    parts = partitioner.partition(batch_of([("another", "1", "x"), (*again, None)], 3), 0)
    assert (hands_with(parts, 3), hands_with(parts, 4)) == ([0], [2])
    parts = partitioner.partition(batch_of([(*first, "x")], 5), 1)
    assert hands_with(parts, 5) == [2]


def test_made_up_orders_are_known_again_in_a_file() -> None:
    partitioner = Partitioner(ORDERS, 2)
    [made] = generate_rows(ORDERS, 300, "abc", 1024 * 1024)
    partitioner.partition(made, 1)
    read = Batch(1, made.rows, made.payload, 10, made.keys)  # as a row-by-row reader makes it: without columns
    assert [part.rows for part in partitioner.partition(read, 0)] == [0, 300]


def test_a_full_filter_moves_rows_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "FILTER_BITS", 8)
    partitioner, held = Partitioner(NOTES, 3), [0, 0, 0]
    for at in range(6):
        rows = [("shop", str(100 * at + number), "n") for number in range(100)]
        parts = partitioner.partition(batch_of(rows, 1 + 100 * at), at % 3)
        assert sorted(number for part in parts for number, _ in read_payload(part.payload)) == [
            *range(1 + 100 * at, 101 + 100 * at)
        ]
        held = [before + part.rows for before, part in zip(held, parts, strict=True)]
    assert sum(held) == 600


def test_an_empty_batch_is_dealt_to_its_hand() -> None:
    parts = Partitioner(NOTES, 3).partition(Batch(1, 0, b"", 10, ()), 1)
    assert [part.rows for part in parts] == [0, 0, 0] and parts[1].source_bytes == 10
