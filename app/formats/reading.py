"""A file in, batches of validated rows out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.formats import csv, ndjson
from app.formats.batch import Batch
from app.formats.blocks import HEADER_BYTES, Block, BlockCutter
from app.formats.compressed import open_source

FORMATS = ("csv", "ndjson")


def read_rows(path: Path, dataset: Dataset, format: str, compression: str, batch_bytes: int) -> Iterator[Batch]:
    """The file's rows in batches of about `batch_bytes` of decompressed source, in the file's order.

    `format` is csv or ndjson, `compression` none or gzip. Raises ImportFailed at the first thing that is not
    accepted; the batches before it have been yielded by then. Memory: a few times `batch_bytes`.
    """
    if batch_bytes < 1:
        raise ValueError("batch_bytes must be at least 1")
    _check_format(format)
    with open_source(path, compression) as source:
        cutter = BlockCutter(source, quotes=format == "csv")
        order = csv.parse_header(cutter.header(), dataset) if format == "csv" else ()
        row = 1
        for block in cutter.blocks(batch_bytes):
            batch = _read_block(block, dataset, format, order, row)
            yield batch
            row += batch.rows
        if row == 1:
            raise _without_rows(format)


def check_head(path: Path, dataset: Dataset, format: str, compression: str) -> None:
    """Reads the file's beginning, at most a few MiB, and raises ImportFailed for what it tells.

    An empty file, a header that doesn't name the columns, no data rows, no gzip data, a first line of NDJSON that is
    no object with the columns as keys. Values are left to `read_rows`.
    """
    _check_format(format)
    with open_source(path, compression) as source:
        cutter = BlockCutter(source, quotes=format == "csv")
        if format == "csv":
            csv.parse_header(cutter.header(), dataset)
            if not cutter.rows_follow():
                raise _without_rows(format)
            return
        first = next(cutter.blocks(HEADER_BYTES), None)
        if first is None:
            raise _without_rows(format)
        if first.cut_off:
            ndjson.read_block(first, dataset, 1)
        reader = ndjson.RowReader(dataset)
        line, data = next(ndjson.numbered_lines(first))
        reader.check_keys(reader.pairs(data, line), line)


def _read_block(block: Block, dataset: Dataset, format: str, order: Sequence[int], first_row: int) -> Batch:
    # Here, because it imports polars: that starts threads, and a worker forks after importing this module.
    from app.formats import screening  # noqa: PLC0415

    if format == "csv":
        batch = None if block.cut_off else screening.read_csv_block(block, dataset, order, first_row)
        return batch or csv.read_block(block, dataset, order, first_row)
    columns = None if block.cut_off else ndjson.read_columns(block, dataset)
    batch = None if columns is None else screening.read_columns(columns, block, dataset, first_row)
    return batch or ndjson.read_block(block, dataset, first_row)


def _check_format(format: str) -> None:
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}")


def _without_rows(format: str) -> ImportFailed:
    if format == "csv":
        return ImportFailed("no_rows", "the file has a header but no rows")
    return ImportFailed("empty_file", "the file is empty")
