"""Dealing: a batch's rows in parts, one for each branch, so that rows of one key never meet in two branches.

Two branches that hold the same key wait for each other until a timeout; in one, the second row is a duplicate at once.
Importing polars starts threads: a process that forks must do so before.
"""

from dataclasses import replace
from itertools import compress, pairwise

from app.domain.dataset import ColumnType, Dataset
from app.formats.batch import Batch
from app.formats.payload import PayloadKeys

_LINE_FEED, _QUOTE = ord("\n"), ord('"')
_NUMBERS = (ColumnType.INTEGER, ColumnType.DECIMAL)


def deal(batch: Batch, dataset: Dataset, hands: int) -> list[Batch]:
    """So many parts, some of them empty. A row's part depends on its key alone: not on its batch, and not on how the
    key is written, as far as the server takes two ways for the same."""
    import numpy as np  # noqa: PLC0415 — see above
    import polars as pl  # noqa: PLC0415

    if not batch.rows:
        return [batch, *(replace(batch, rejects=()) for _ in range(hands - 1))]
    lines = batch.payload.splitlines(keepends=True) if b"\r" not in batch.payload else []
    if len(lines) != batch.rows:  # some line breaks stand in a quoted value
        values = np.frombuffer(batch.payload, np.uint8)
        breaks = np.flatnonzero(values == _LINE_FEED)
        quotes_before = np.searchsorted(np.flatnonzero(values == _QUOTE), breaks)
        ends = (breaks[quotes_before % 2 == 0] + 1).tolist()
        lines = [batch.payload[start:end] for start, end in pairwise([0, *ends])]
    at = [1 + dataset.column_names.index(name) for name in dataset.key]  # after the row's number
    keys = pl.read_csv(batch.payload, has_header=False, infer_schema=False, columns=at, glob=False)
    types = {column.name: column.type for column in dataset.columns}
    plain = [
        pl.col(field).cast(pl.Float64)
        if types[name] in _NUMBERS
        else pl.col(field).str.strip_chars_end(" ").str.to_lowercase()
        for name, field in zip(dataset.key, _in_order(dataset, keys.columns), strict=True)
    ]
    hand = (keys.select(plain).hash_rows(seed=0) % hands).to_numpy()
    assert len(hand) == len(lines) == batch.rows, "a payload has a line a row"
    parts = []
    for number in range(hands):
        mine = hand == number
        payload = b"".join(compress(lines, mine.tolist()))
        positions = np.flatnonzero(mine)
        part = replace(
            batch,
            rows=len(positions),
            payload=payload,
            keys=PayloadKeys(payload, dataset, len(positions)),
            numbers=(positions + batch.first_row).tolist(),
            rejects=batch.rejects if number == 0 else (),
        )
        parts.append(part)
    return parts


def _in_order(dataset: Dataset, fields: list[str]) -> list[str]:
    """The fields of the key's columns, which a parser gives in the payload's order, in the key's."""
    inner = sorted(dataset.key, key=dataset.column_names.index)
    return [fields[inner.index(name)] for name in dataset.key]
