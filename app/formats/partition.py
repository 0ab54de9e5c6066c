"""Dealing: each batch goes to one branch, but for rows whose key another branch may have: those go to that branch.

Two branches that hold the same key wait for each other until a timeout; in one, the second row is a duplicate at once.
Batches are dealt whole because rows that stand beside each other in the table are cheap in one branch: two that write
into the same pages wait for each other and split them
(docs/explanation/performance.md). Importing polars starts threads: a process that forks must do so before.
"""

from dataclasses import replace
from itertools import compress, pairwise
from typing import TYPE_CHECKING

from app.domain.dataset import ColumnType, Dataset
from app.formats.batch import Batch
from app.formats.payload import PayloadKeys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILTER_BITS = 27  # 16 MiB a branch: of 10 million keys in two branches, 5 in 1,000 are taken for another's

_LINE_FEED, _QUOTE = ord("\n"), ord('"')
_NUMBERS = (ColumnType.INTEGER, ColumnType.DECIMAL)


class Partitioner:
    """Deals the batches of one attempt to so many hands.

    What each hand was given is remembered in a filter of a fixed size (B. Bloom, "Space/time trade-offs in hash coding
    with allowable errors", 1970). A filter knows every key that it was given, and takes some others for known: those
    rows go to another branch than the rest of their batch, which costs a little, and what is a duplicate besides may
    then be found by a lock wait.
    """

    def __init__(self, dataset: Dataset, hands: int) -> None:
        self._dataset = dataset
        self._given = [_Filter() for _ in range(hands)]

    def deal(self, batch: Batch, hand: int) -> list[Batch]:
        """A part for each hand, some of them empty; `hand` gets the batch but for what another hand may have.

        Keys that the server takes for the same are the same, however they are written: tables of ours compare texts to
        the letter, but for blanks at the end.
        """
        empty = replace(batch, rows=0, payload=b"", rejects=(), numbers=(), key_columns=None)
        parts = [empty] * len(self._given)
        parts[hand] = batch
        if not batch.rows:
            return parts
        places, bits = _places(_hash_keys(batch, self._dataset))
        moved = places[0] < 0  # none so far
        for number, given in enumerate(self._given):
            if number != hand and (known := given.knows(places, bits) & ~moved).any():
                parts[number] = replace(_part(batch, self._dataset, known), rejects=())
                moved |= known
        if moved.any():
            parts[hand] = _part(batch, self._dataset, ~moved)
            places, bits = places[:, ~moved], bits[:, ~moved]
        self._given[hand].add(places, bits)
        return parts


class _Filter:
    def __init__(self) -> None:
        import numpy as np  # noqa: PLC0415 — with polars: see above

        self._bits = np.zeros(2 ** (FILTER_BITS - 3), np.uint8)  # pages that are not written take no memory

    def knows(self, places: "NDArray[np.intp]", bits: "NDArray[np.uint8]") -> "NDArray[np.bool_]":
        found = (self._bits.take(places) & bits) != 0
        both: NDArray[np.bool_] = found[0] & found[1]
        return both

    def add(self, places: "NDArray[np.intp]", bits: "NDArray[np.uint8]") -> None:
        import numpy as np  # noqa: PLC0415

        np.bitwise_or.at(self._bits, places, bits)


def _places(hashes: "NDArray[np.uint64]") -> "tuple[NDArray[np.intp], NDArray[np.uint8]]":
    """Where in a filter keys stand: two bits each, by two parts of the hash; their bytes, and the bits in those."""
    import numpy as np  # noqa: PLC0415

    at = np.stack([hashes, hashes >> np.uint64(32)]).astype(np.uint32) & np.uint32(2**FILTER_BITS - 1)
    return (at >> np.uint32(3)).astype(np.intp), np.left_shift(np.uint8(1), at.astype(np.uint8) & np.uint8(7))


def _hash_keys(batch: Batch, dataset: Dataset) -> "NDArray[np.uint64]":
    import polars as pl  # noqa: PLC0415

    inner = sorted(dataset.key, key=dataset.column_names.index)
    keys = batch.key_columns
    if keys is None:
        at = [1 + dataset.column_names.index(name) for name in inner]  # after the row's number
        keys = pl.read_csv(batch.payload, has_header=False, infer_schema=False, columns=at, glob=False)
    types = {column.name: column.type for column in dataset.columns}
    plain = [
        pl.col(field).cast(pl.Float64) if types[name] in _NUMBERS else pl.col(field).str.strip_chars_end(" ")
        for name, field in zip(inner, keys.columns, strict=True)
    ]
    hashes: NDArray[np.uint64] = keys.select(plain).hash_rows(seed=0).to_numpy()
    assert len(hashes) == batch.rows, "a payload has a line a row"
    return hashes


def _part(batch: Batch, dataset: Dataset, mask: "NDArray[np.bool_]") -> Batch:
    """The rows of a mask, as a batch that knows their numbers."""
    import numpy as np  # noqa: PLC0415

    payload = b"".join(compress(_split(batch), mask.tolist()))
    positions: list[int] = np.flatnonzero(mask).tolist()
    keys = PayloadKeys(payload, dataset, len(positions))
    numbers = [batch.row_numbers[position] for position in positions]
    lines = None if batch.lines is None else [batch.lines[position] for position in positions]
    return replace(
        batch, rows=len(positions), payload=payload, keys=keys, numbers=numbers, lines=lines, key_columns=None
    )


def _split(batch: Batch) -> list[bytes]:
    """The payload's lines, one a row."""
    import numpy as np  # noqa: PLC0415

    lines = batch.payload.splitlines(keepends=True) if b"\r" not in batch.payload else []
    if len(lines) != batch.rows:  # some line breaks stand in a quoted value
        values = np.frombuffer(batch.payload, np.uint8)
        breaks = np.flatnonzero(values == _LINE_FEED)
        quotes_before = np.searchsorted(np.flatnonzero(values == _QUOTE), breaks)
        ends = (breaks[quotes_before % 2 == 0] + 1).tolist()
        lines = [batch.payload[start:end] for start, end in pairwise([0, *ends])]
    return lines
