"""Reads a file: batches of validated rows, and a quick check of its beginning."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import ColumnMapping, map_columns
from app.formats.csv import header, parser, preamble
from app.formats.csv.quoting import Quoting
from app.formats.json import array, first_records, ndjson
from app.formats.parquet import table
from app.formats.streams.blocks import Block, BlockCutter, check_length
from app.formats.streams.decoding import open_text
from app.formats.streams.decompression import MAX_UNPACKED_BYTES, Limited, Readable, open_source
from app.formats.validate.rows import Records, check_records
from app.formats.xlsx import workbook

_COPY_BYTES = 1024 * 1024
_MAX_UNPACKED_TABLE_BYTES = 4 * 1024**3  # of XLSX and Parquet, which can't be read while they are unpacked


def read_rows(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Batch]:
    """Read the file's rows in batches of about `batch_bytes` of decompressed source, in the file's order. Invalid rows
    are the batches' rejects.

    Raises ImportFailed at the first error after which no rows can be read; the batches before it have been yielded.
    Needs a few times `batch_bytes` of memory, and for XLSX what its limits allow (see `workbook`).
    """
    if batch_bytes < 1:
        raise ValueError("batch_bytes must be at least 1")
    rows = 1
    batches = _read_table if file_format.format in ("xlsx", "parquet") else _read_text
    for batch in batches(path, dataset, file_format, batch_bytes):
        yield batch
        rows = batch.next_row
    if rows == 1:
        raise _without_rows(file_format)


def check_head(path: Path, dataset: Dataset, file_format: FileFormat) -> list[str] | None:
    """Check the file's beginning, at most a few MiB, so that a wrong file is refused before it is queued. Returns the
    names of the file's columns where they are known here: of CSV with a header, and of Parquet.

    Raises ImportFailed for an empty file, a header that doesn't name the columns, a file without rows, data that is not
    gzip, a first JSON object with unknown keys, or no object at all. `read_rows` checks values and other rows.
    """
    if file_format.format in ("xlsx", "parquet"):
        with unpacked(path, file_format) as file:
            if file_format.format == "xlsx":
                workbook.check_workbook(file, file_format)
                return None
            return table.check_parquet(file, dataset, file_format)
    with open_source(path, file_format.compression) as source:
        text = open_text(Limited(source, MAX_UNPACKED_BYTES), file_format)
        if file_format.format == "csv":
            cutter, mapping = _begin_csv(text, dataset, file_format, Quoting(file_format))
            if not cutter.rows_follow(*parser.blank_bytes(file_format, mapping)):
                raise _without_rows(file_format)
            return None if mapping.names is None else list(mapping.names)
        if not first_records.check_objects(text, dataset, renamed_columns(file_format), file_format.format):
            raise _without_rows(file_format)
    return None


def _begin_csv(
    text: Readable, dataset: Dataset, file_format: FileFormat, quoting: Quoting
) -> tuple[BlockCutter, ColumnMapping]:
    """A cutter positioned at the first row, and the column mapping."""
    cutter = BlockCutter(text, file_format.quote.encode())
    skipped = cutter.skip_to(file_format.first_line)
    names = None
    if file_format.header is None and isinstance(file_format.columns, list):
        fields = parser.parse_header(cutter.header(taken=False), file_format, Quoting(file_format))
        file_format = replace(
            file_format, header=header.has_header(fields, file_format.columns, dataset, file_format.first_line)
        )
    if file_format.header:
        names = parser.parse_header(cutter.header(), file_format, quoting)
    mapping = map_columns(names, file_format.columns, dataset, file_format.first_line)
    quoting.width = mapping.width + file_format.trailing
    if file_format.first_line_found and skipped:
        named = names is not None and not isinstance(file_format.columns, list)
        above = skipped.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        preamble.check_skipped(above, file_format, dataset, mapping, named=named)
    return cutter, mapping


def _read_text(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Batch]:
    with open_source(path, file_format.compression) as source:
        text = open_text(Limited(source, MAX_UNPACKED_BYTES), file_format)
        if file_format.format == "json":
            yield from _checked(array.read_records(text, dataset, renamed_columns(file_format), batch_bytes), dataset)
            return
        quoting = Quoting(file_format)
        if file_format.format == "csv":
            cutter, mapping = _begin_csv(text, dataset, file_format, quoting)
            blank, too_wide = parser.blank_bytes(file_format, mapping)
        else:
            cutter, mapping = BlockCutter(text), None
            blank, too_wide = ndjson.RowReader(dataset, renamed_columns(file_format)).blank_bytes, b""
        row = 1
        for block in cutter.blocks(batch_bytes, blank, too_wide):
            if block.blank or not block.data:
                yield Batch(row, 0, b"", block.source_bytes, (), (), blank=block.blank)
            if not block.data:
                continue
            check_length(block, row)
            for batch in _read_block(block, dataset, file_format, mapping, row, cutter.keep, quoting):
                yield batch
                row = batch.next_row
        if quoting.failure is not None:
            raise quoting.failure


def _read_block(
    block: Block,
    dataset: Dataset,
    file_format: FileFormat,
    mapping: ColumnMapping | None,
    first_row: int,
    keep: Callable[[int], None],
    quoting: Quoting,
) -> Iterator[Batch]:
    # Here, because it imports polars: that starts threads, and a worker forks after importing this module.
    from app.formats.validate import vectorized  # noqa: PLC0415

    batch: Batch | None = None
    if mapping is not None:
        if not block.cut_off:
            batch = vectorized.read_csv_block(block, dataset, file_format, mapping, first_row)
        if batch is None:
            return parser.read_block(block, dataset, file_format, mapping, first_row, keep, quoting)
        # the fast reader accepts no value with a line break, so a quoted value settles it
        quoting.settled = quoting.settled or file_format.quote.encode() in block.data
        return iter([batch])
    columns = ndjson.read_columns(block, dataset, renamed_columns(file_format))
    if columns is not None:
        lines = range(block.first_line, block.first_line + len(columns[dataset.column_names[0]]))
        texts = vectorized.Lines(block)
        batch = vectorized.check_columns(columns, dataset, first_row, lines, block.source_bytes, texts.text)
    return iter([batch]) if batch else ndjson.read_block(block, dataset, first_row, renamed_columns(file_format))


def _read_table(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Batch]:
    with unpacked(path, file_format) as file:
        reader = workbook.read_records if file_format.format == "xlsx" else table.read_records
        yield from _checked(reader(file, dataset, file_format, batch_bytes), dataset)


def _checked(chunks: Iterator[Records], dataset: Dataset) -> Iterator[Batch]:
    row = 1
    for chunk in chunks:
        if not chunk.is_empty:
            for batch in check_records(chunk, dataset, row):
                yield batch
                row = batch.next_row
        if chunk.failure is not None:
            chunk.failure.row = row
            raise chunk.failure


def renamed_columns(file_format: FileFormat) -> dict[str, str | None] | None:
    """The dataset's names for names of the file, None to leave one out. JSON objects ignore a list of columns."""
    return file_format.columns if isinstance(file_format.columns, dict) else None


@contextmanager
def temporary_beside(path: Path) -> Iterator[IO[bytes]]:
    """A temporary file in the folder of `path`, deleted at the end. Its lock keeps sweepers from deleting it
    earlier."""
    with NamedTemporaryFile(dir=path.parent, prefix=".") as file:
        with suppress(OSError):  # some file systems have no locks: there its age protects it
            fcntl.flock(file, fcntl.LOCK_SH)
        yield file


@contextmanager
def unpacked(path: Path, file_format: FileFormat, max_bytes: int = _MAX_UNPACKED_TABLE_BYTES) -> Iterator[Path]:
    """The file itself, or a decompressed temporary copy beside it. Raises ImportFailed (unpacked_too_large)."""
    if file_format.compression == "none":
        yield path
        return
    with open_source(path, file_format.compression) as source, temporary_beside(path) as file:
        limited = Limited(source, max_bytes)
        while data := limited.read(_COPY_BYTES):
            file.write(data)
        file.flush()
        yield Path(file.name)


def _without_rows(file_format: FileFormat) -> ImportFailed:
    if file_format.format == "csv" and file_format.header:
        return ImportFailed("no_rows", "the file has a header but no rows")
    if file_format.format in ("xlsx", "parquet"):
        return ImportFailed("no_rows", "the file has no rows")
    return ImportFailed("empty_file", "the file is empty")
