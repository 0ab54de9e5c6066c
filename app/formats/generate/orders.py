"""Generates orders from a seed: the same seed always gives the same rows."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.domain.dataset import ORDERS, Dataset
from app.formats.batch import Batch
from app.formats.payload import PayloadKeys

_SEED = re.compile("[a-z0-9]{1,24}")
_ROW_BYTES = 200  # about this much payload; determines the rows of a batch


def generate_rows(dataset: Dataset, rows: int, seed: str, batch_bytes: int) -> Iterator[Batch]:
    """Generate `rows` orders in batches of about `batch_bytes` of payload. Order numbers begin with the seed in
    capitals.

    Rows depend on `seed` and their number alone, not on `batch_bytes`. Raises ValueError at once if the seed is not 1
    to 24 characters of a-z and 0-9, the dataset is not orders, or a number is out of range.
    """
    _check(dataset, rows, seed)
    if batch_bytes < 1:
        raise ValueError("batch_bytes must be at least 1")
    return _batches(dataset, rows, seed, max(1, batch_bytes // _ROW_BYTES))


def write_csv_sample(path: Path, rows: int, seed: str) -> None:
    """Write the orders of `generate_rows` as CSV with a header. Raises ValueError as it does, and OSError."""
    _check(ORDERS, rows, seed)

    from app.formats.generate import frames  # noqa: PLC0415

    with path.open("wb") as file:
        file.write(",".join(ORDERS.column_names).encode() + b"\n")
        for frame in frames.frames(rows, seed):
            frame.drop("row").write_csv(file, include_header=False)


def _check(dataset: Dataset, rows: int, seed: str) -> None:
    if dataset.name != ORDERS.name:
        raise ValueError(f"rows can be generated for {ORDERS.name} only, not for {dataset.name}")
    if not _SEED.fullmatch(seed):
        raise ValueError("a seed is 1 to 24 characters of a-z and 0-9")
    if rows < 1:
        raise ValueError("rows must be at least 1")


def _batches(dataset: Dataset, rows: int, seed: str, batch_rows: int) -> Iterator[Batch]:
    # Polars starts threads when it is imported, and a worker forks after it imports this module.
    import polars as pl  # noqa: PLC0415

    from app.formats.generate import frames  # noqa: PLC0415

    first_row = 1
    for frame in frames.regrouped(frames.frames(rows, seed), batch_rows):
        payload = frames.payload(frame)
        keys = PayloadKeys(payload, dataset, frame.height)
        columns = pl.DataFrame([frame.get_column(name) for name in dataset.column_names if name in dataset.key])
        yield Batch(first_row, frame.height, payload, source_bytes=0, keys=keys, key_columns=columns)
        first_row += frame.height
