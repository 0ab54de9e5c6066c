"""Partitions the rows of one import among its branches: a batch goes to one branch as a whole, except for rows whose
key another branch may have. Those rows go to that branch.

Two branches with the same key would wait for each other until a timeout. In one branch the second row is a duplicate at
once. Batches stay whole because neighbours in the table are cheap in one branch: two branches that write into the same
pages wait for each other and split the pages (docs/explanation/performance.md). Importing polars starts threads, so a
process that forks must fork first.
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

FILTER_BITS = 27  # 16 MiB a branch: of 10 million keys in two branches, 5 in 1,000 seem to be another's

_LINE_FEED, _QUOTE = ord("\n"), ord('"')
_NUMBERS = (ColumnType.INTEGER, ColumnType.DECIMAL)


class Partitioner:
    """Partitions the batches of one attempt among its branches.

    A Bloom filter of a fixed size remembers the keys of each branch (B. Bloom, "Space/time trade-offs in hash coding
    with allowable errors", 1970). It has false positives: such a row goes to another branch than the rest of its batch.
    That costs a little. If the row is a duplicate as well, a lock wait may have to find it.
    """

    def __init__(self, dataset: Dataset, branches: int) -> None:
        self._dataset = dataset
        self._filters = [_BloomFilter() for _ in range(branches)]

    def partition(self, batch: Batch, branch: int) -> list[Batch]:
        """Split a batch: a part for each branch, some of them empty. `branch` (from 0) gets all rows whose keys no
        other branch may have.

        Keys are equal here if they are equal to the server: tables of ours compare texts exactly, except for blanks at
        the end.
        """
        empty = replace(batch, rows=0, payload=b"", rejects=(), numbers=(), key_columns=None)
        parts = [empty] * len(self._filters)
        parts[branch] = batch
        if not batch.rows:
            return parts
        places, bits = _places(_hash_keys(batch, self._dataset))
        moved = places[0] < 0  # none so far
        for number, known_keys in enumerate(self._filters):
            if number != branch and (known := known_keys.may_contain(places, bits) & ~moved).any():
                parts[number] = replace(_part(batch, self._dataset, known), rejects=())
                moved |= known
        if moved.any():
            parts[branch] = _part(batch, self._dataset, ~moved)
            places, bits = places[:, ~moved], bits[:, ~moved]
        self._filters[branch].add(places, bits)
        return parts


class _BloomFilter:
    def __init__(self) -> None:
        import numpy as np  # noqa: PLC0415 — with polars: see above

        self._bits = np.zeros(2 ** (FILTER_BITS - 3), np.uint8)  # pages without writes take no memory

    def may_contain(self, places: "NDArray[np.intp]", bits: "NDArray[np.uint8]") -> "NDArray[np.bool_]":
        found = (self._bits.take(places) & bits) != 0
        both: NDArray[np.bool_] = found[0] & found[1]
        return both

    def add(self, places: "NDArray[np.intp]", bits: "NDArray[np.uint8]") -> None:
        import numpy as np  # noqa: PLC0415

        np.bitwise_or.at(self._bits, places, bits)


def _places(hashes: "NDArray[np.uint64]") -> "tuple[NDArray[np.intp], NDArray[np.uint8]]":
    """The two bits of each key in a filter, by two parts of its hash: their bytes, and the bits in those bytes."""
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
    assert len(hashes) == batch.rows, "a payload has one line for each row"
    return hashes


def _part(batch: Batch, dataset: Dataset, mask: "NDArray[np.bool_]") -> Batch:
    """The rows that a mask selects, as a batch with their numbers."""
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
    """The payload's lines, one for each row."""
    import numpy as np  # noqa: PLC0415

    lines = batch.payload.splitlines(keepends=True) if b"\r" not in batch.payload else []
    if len(lines) != batch.rows:  # some line breaks are inside quoted values
        values = np.frombuffer(batch.payload, np.uint8)
        breaks = np.flatnonzero(values == _LINE_FEED)
        quotes_before = np.searchsorted(np.flatnonzero(values == _QUOTE), breaks)
        ends = (breaks[quotes_before % 2 == 0] + 1).tolist()
        lines = [batch.payload[start:end] for start, end in pairwise([0, *ends])]
    return lines
