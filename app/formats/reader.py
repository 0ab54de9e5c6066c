"""Reads a file: batches of validated rows, and a quick check of its beginning."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.file_format import SHEETS, TEXTS, FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import ColumnMapping, map_columns
from app.formats.column_options import apply_options
from app.formats.csv import client_output, header, parser, preamble, stray_quotes
from app.formats.csv.quoting import Quoting
from app.formats.hints import add_hints, encoding_hint, hints_for_failures
from app.formats.json import array, first_records, ndjson
from app.formats.parquet import table
from app.formats.streams.blocks import Block, BlockCutter, check_length
from app.formats.streams.decoding import open_text
from app.formats.streams.decompression import MAX_UNPACKED_BYTES, Limited, open_source
from app.formats.streams.source import Readable
from app.formats.streams.unpacked import unpacked
from app.formats.validate.rows import Records, check_records
from app.formats.xlsx import workbook
from app.formats.xlsx.date_system import check_serials, date_system_of


def read_rows(
    path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int, *, footer: bool = True
) -> Iterator[Batch]:
    """Read the file's rows in batches of about `batch_bytes` of decompressed source, in the file's order. Invalid rows
    are the batches' rejects. With `footer` the last lines of CSV may tell how many rows there are.

    Raises ImportFailed at the first error after which no rows can be read; the batches before it have been yielded.
    Needs a few times `batch_bytes` of memory, and for XLSX what its limits allow (see `workbook`).
    """
    if batch_bytes < 1:
        raise ValueError("batch_bytes must be at least 1")
    try:
        dataset = apply_options(dataset, file_format)
    except InvalidContent as error:  # the dataset was another one when the import was accepted
        raise ImportFailed("wrong_option", str(error)) from error
    rows = 1
    date_system = cache(partial(date_system_of, path, file_format))
    if file_format.format in TEXTS:
        batches = _read_text(path, dataset, file_format, batch_bytes, footer)
    else:
        batches = _read_table(path, dataset, file_format, batch_bytes)
    with hints_for_failures(dataset, file_format):
        for batch in batches:
            yield add_hints(batch, dataset, file_format, date_system)
            rows = batch.next_row
    if rows == 1:
        raise _without_rows(file_format)


@dataclass(frozen=True)
class Head:
    """What the beginning of a file shows.

    Attributes:
        file_format: with what only the whole file shows: the name of the sheet that is read.
        names: the file's columns if they are known: those of Parquet, and of CSV with a header.
    """

    file_format: FileFormat
    names: Sequence[str] = ()


def check_head(path: Path, dataset: Dataset, file_format: FileFormat, *, footer: bool = True) -> Head:
    """Check the file's beginning, at most a few MiB, so that a wrong file is refused before it is queued.

    Raises ImportFailed for an empty file, a header that doesn't name the columns, a file without rows, data that is not
    gzip, a first JSON object with unknown keys, or no object at all; InvalidContent for column options that do not fit
    the dataset. `read_rows` checks values and other rows.
    """
    dataset = apply_options(dataset, file_format)
    if file_format.format not in TEXTS:
        with hints_for_failures(dataset, file_format), unpacked(path, file_format) as file:
            if file_format.format in SHEETS:
                resolved = workbook.resolve_sheet(file, file_format)
                check_serials(file, dataset, file_format)
                return Head(resolved)
            return Head(file_format, table.check_parquet(file, dataset, file_format))
    with open_source(path, file_format.compression) as source:
        text = open_text(Limited(source, MAX_UNPACKED_BYTES), file_format)
        if file_format.format == "csv":
            begun = _begin_csv(
                path, _without_footer(text, file_format, footer), dataset, file_format, Quoting(file_format)
            )
            if not begun.cutter.rows_follow(*parser.blank_bytes(begun.file_format, begun.mapping)):
                raise _without_rows(file_format)
            return Head(file_format, begun.mapping.names or ())
        if not first_records.check_objects(text, dataset, file_format):
            raise _without_rows(file_format)
    return Head(file_format)


@dataclass(frozen=True)
class _Begun:
    """A CSV file at its first row: `file_format` is completed by its header, and `skipped` lines are below that."""

    cutter: BlockCutter
    mapping: ColumnMapping
    file_format: FileFormat
    skipped: int


def _without_footer(text: Readable, file_format: FileFormat, footer: bool) -> Readable:
    return client_output.FooterFilter(text) if footer and file_format.comment != "" else text


def _begin_csv(path: Path, text: Readable, dataset: Dataset, file_format: FileFormat, quoting: Quoting) -> _Begun:
    """The file, read up to its first row."""
    cutter = BlockCutter(text, file_format.quote.encode())
    above = cutter.skip_to(file_format.first_line)
    if _is_unquoted(path, file_format, cutter.peek()):
        file_format = stray_quotes.unquoted(file_format)
        cutter.read_unquoted()
    names = None
    if file_format.header is None and isinstance(file_format.columns, list):
        fields = parser.parse_header(cutter.header(taken=False), file_format, Quoting(file_format))
        file_format = replace(
            file_format, header=header.has_header(fields, file_format.columns, dataset, file_format.first_line)
        )
    if file_format.header:
        names = parser.parse_header(cutter.header(), file_format, quoting)
    try:
        mapping = map_columns(names, file_format, dataset, file_format.first_line)
    except ImportFailed as failed:
        failed.reason += encoding_hint(",".join(names or ()), file_format)
        raise
    quoting.width = mapping.width + file_format.trailing
    if file_format.first_line_found and above:
        named = names is not None and not isinstance(file_format.columns, list)
        lines = above.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        preamble.check_skipped(lines, file_format, dataset, mapping, named=named)
    skipped = 0
    if names is not None and file_format.comment != "":
        below = cutter.peek().decode("utf-8", "surrogateescape")
        if client_output.is_dashes(below, names, file_format.delimiter):
            client_output.check_dashes(below, names, file_format, dataset, mapping, cutter.line)
            cutter.skip_to(cutter.line + 1)
            skipped = 1
    return _Begun(cutter, mapping, file_format, skipped)


def _is_unquoted(path: Path, file_format: FileFormat, lines: bytes) -> bool:
    """Whether these lines contain quotes, but no field of the whole file begins with one. Reads the file if need be."""
    if not stray_quotes.may_be_unquoted(file_format) or file_format.quote.encode() not in lines:
        return False
    if stray_quotes.has_quoted_field(lines, file_format):
        return False
    with open_source(path, file_format.compression) as source:
        text = open_text(Limited(source, MAX_UNPACKED_BYTES), file_format, line_feeds=False)
        return stray_quotes.is_unquoted(text, file_format)


def _read_text(
    path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int, footer: bool
) -> Iterator[Batch]:
    with open_source(path, file_format.compression) as source:
        text = open_text(Limited(source, MAX_UNPACKED_BYTES), file_format)
        if file_format.format == "json":
            yield from _checked(array.read_records(text, dataset, file_format, batch_bytes), dataset)
            return
        if file_format.format == "csv":
            yield from _read_csv(path, _without_footer(text, file_format, footer), dataset, file_format, batch_bytes)
            return
        cutter = BlockCutter(text)
        blank = ndjson.RowReader(dataset, file_format).blank_bytes
        row = 1
        for block in cutter.blocks(batch_bytes, blank):
            if block.blank or not block.data:
                yield Batch(row, 0, b"", block.source_bytes, (), (), blank=block.blank)
            if not block.data:
                continue
            check_length(block, row)
            for batch in _read_objects(block, dataset, file_format, row):
                yield batch
                row = batch.next_row


def _read_csv(
    path: Path, text: Readable, dataset: Dataset, file_format: FileFormat, batch_bytes: int
) -> Iterator[Batch]:
    quoting = Quoting(file_format)
    begun = _begin_csv(path, text, dataset, file_format, quoting)
    cutter, mapping, file_format = begun.cutter, begun.mapping, begun.file_format
    quote, undecided = file_format.quote.encode(), stray_quotes.may_be_unquoted(file_format)
    row, blank = 1, 0
    if begun.skipped:
        yield Batch(row, 0, b"", text.position, (), (), blank=begun.skipped)
    for block in cutter.blocks(batch_bytes, *parser.blank_bytes(file_format, mapping)):
        if block.blank or not block.data:
            yield Batch(row, 0, b"", block.source_bytes, (), (), blank=block.blank)
            blank += block.blank
        if not block.data:
            continue
        check_length(block, row)
        if undecided and quote in block.data:
            undecided = False
            if _is_unquoted(path, file_format, block.data):
                file_format = stray_quotes.unquoted(file_format)
                quoting.settled = True
                cutter.read_unquoted()
        for batch in _read_block(block, dataset, file_format, mapping, row, cutter.keep, quoting):
            yield batch
            row = batch.next_row
            blank += batch.blank
    if quoting.failure is not None:
        raise quoting.failure
    if isinstance(text, client_output.FooterFilter) and text.footer.lines:
        client_output.check_footer(text.footer, row - 1, blank, file_format, dataset, mapping)
        yield Batch(row, 0, b"", text.position, (), (), blank=len(text.footer.lines))


def _read_block(
    block: Block,
    dataset: Dataset,
    file_format: FileFormat,
    mapping: ColumnMapping,
    first_row: int,
    keep: Callable[[int], None],
    quoting: Quoting,
) -> Iterator[Batch]:
    # Here, because it imports polars: that starts threads, and a worker forks after importing this module.
    from app.formats.validate import vectorized  # noqa: PLC0415

    batch: Batch | None = None
    if not block.cut_off:
        batch = vectorized.read_csv_block(block, dataset, file_format, mapping, first_row)
    if batch is None:
        return parser.read_block(block, dataset, file_format, mapping, first_row, keep, quoting)
    # the fast reader accepts no value with a line break, so a quoted value settles it
    quoting.settled = quoting.settled or file_format.quote.encode() in block.data
    return iter([batch])


def _read_objects(block: Block, dataset: Dataset, file_format: FileFormat, first_row: int) -> Iterator[Batch]:
    from app.formats.validate import vectorized  # noqa: PLC0415 - as above

    batch: Batch | None = None
    columns = ndjson.read_columns(block, dataset, file_format)
    if columns is not None:
        lines = range(block.first_line, block.first_line + len(columns[dataset.column_names[0]]))
        texts = vectorized.Lines(block)
        batch = vectorized.check_columns(columns, dataset, first_row, lines, block.source_bytes, texts.text)
    return iter([batch]) if batch else ndjson.read_block(block, dataset, file_format, first_row)


def _read_table(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Batch]:
    with unpacked(path, file_format) as file:
        reader = workbook.read_records if file_format.format in SHEETS else table.read_records
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


def _without_rows(file_format: FileFormat) -> ImportFailed:
    if file_format.format == "csv" and file_format.header:
        return ImportFailed("no_rows", "the file has a header but no rows")
    if file_format.format not in TEXTS:
        return ImportFailed("no_rows", "the file has no rows")
    return ImportFailed("empty_file", "the file is empty")
