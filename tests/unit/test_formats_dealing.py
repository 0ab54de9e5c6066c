"""Dealing: every row goes to one part, and rows of one key to the same."""

from collections.abc import Sequence

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.batch import Batch
from app.formats.dealing import deal
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


def hand_of(row: Sequence[str | None], hands: int = 5) -> int:
    """The part of this row's key, wherever in a batch it stands."""
    found = set()
    for before in range(hands + 1):
        parts = deal(batch_of([*[("other", str(at), "x") for at in range(before)], row]), NOTES, hands)
        found |= {number for number, part in enumerate(parts) if part.position_of(before + 1) is not None}
    assert len(found) == 1, "a row's part depends on its key alone"
    return found.pop()


@pytest.mark.parametrize("hands", [2, 3, 16])
def test_every_row_is_in_one_part_and_knows_its_number_and_line(hands: int) -> None:
    rows = [(f'code "{at}"', str(at % 7), None if at % 3 else 'two\nlines,\r "quoted"') for at in range(200)]
    whole = batch_of(rows, first_row=41)
    parts = deal(whole, NOTES, hands)
    assert len(parts) == hands and sum(part.rows for part in parts) == 200
    back = sorted(line for part in parts for line in read_payload(part.payload))
    assert back == list(enumerate(rows, 41))
    for part in parts:
        for position in range(part.rows):
            row = part.row_at(position)
            assert part.keys[position] == rows[row - 41][:2]
            assert part.position_of(row) == position and part.line_of(row) == whole.line_of(row)
        assert not part.rows or part.last_row == max(number for number, _ in read_payload(part.payload))
    strangers = [row for row in range(30, 250) if sum(part.position_of(row) is not None for part in parts) != 1]
    assert strangers == [*range(30, 41), *range(241, 250)]


def test_one_key_is_in_one_part_however_it_is_written() -> None:
    for code, number in (("Straße", "7"), ("A", "0"), ("b c", "-12")):
        first = hand_of((code, number, "x"))
        assert {hand_of((code + "  ", number, None))} == {first}
        assert hand_of((code, number.replace("7", "007"), "x")) == first


def test_parts_are_of_about_one_size() -> None:
    rows = [("shop", str(at), "n") for at in range(10_000)]
    sizes = [part.rows for part in deal(batch_of(rows), NOTES, 4)]
    assert min(sizes) > 2000


def test_an_empty_batch_is_dealt_to_nobody() -> None:
    parts = deal(Batch(1, 0, b"", 10, ()), NOTES, 3)
    assert [part.rows for part in parts] == [0, 0, 0] and parts[0].source_bytes == 10
