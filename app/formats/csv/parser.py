"""The CSV parser, by RFC 4180 with any delimiter and quote: a quote inside quotes is doubled. If the fast reader
(`validate.vectorized`) is in doubt, this parser decides.

Lines end with a line feed, perhaps after a carriage return: `app.formats.streams.decoding` converts all others.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import MAX_COLUMNS, ColumnMapping
from app.formats.csv.grammar import NullField, grammar_of
from app.formats.csv.quoting import Quoting
from app.formats.streams.blocks import Block
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import BlankRowCounter, Record, check_rows

_COMMENT = re.compile("#+|//|--|;|%|!")


def parse_header(block: Block, file_format: FileFormat, quoting: Quoting | None = None) -> list[str]:
    """The names in the header's record. Raises ImportFailed (bad_quote)."""
    text = block.data.decode("utf-8", "surrogateescape")
    records = grammar_of(file_format).records(text, block.first_line, MAX_COLUMNS, quoting=quoting)
    _, _, fields = next(records, (block.first_line, "", [""]))
    if isinstance(fields, ImportFailed):
        raise fields
    return fields


def read_block(
    block: Block,
    dataset: Dataset,
    file_format: FileFormat,
    mapping: ColumnMapping,
    first_row: int,
    keep: Callable[[int], None] | None = None,
    quoting: Quoting | None = None,
) -> Iterator[Batch]:
    """Parse and validate the block's rows one by one; invalid rows are the batches' rejects.

    If a quote opens and does not close in the block, `keep` is called with the number of bytes from that record on:
    they must come again with the next block. `quoting` is of the whole file.
    """
    blanks = BlankRowCounter()
    rows = _rows(block, file_format, mapping, keep, quoting, blanks)
    return check_rows(rows, dataset, first_row, block.source_bytes, mapping.file_order, blanks)


def blank_bytes(file_format: FileFormat, mapping: ColumnMapping) -> tuple[bytes | None, bytes]:
    """Which bytes a blank line may consist of, and which sequence of them makes it a row, for `BlockCutter.blocks`.
    None if an empty line is a row, as in a file of one column."""
    delimiter = file_format.delimiter.encode()
    if len(delimiter) > 1 or not mapping.has_blanks:
        return (b"" if mapping.has_blanks else None), b""
    return delimiter, delimiter * (mapping.width + file_format.trailing)


def _rows(
    block: Block,
    file_format: FileFormat,
    mapping: ColumnMapping,
    keep: Callable[[int], None] | None,
    quoting: Quoting | None,
    blanks: BlankRowCounter,
) -> Iterator[Record]:
    width = mapping.width + file_format.trailing
    empty = (*mapping.empty, *range(mapping.width, width))
    # Invalid bytes become surrogates, so that the error can name their field.
    text = block.data.decode("utf-8", "surrogateescape")
    keep_text = None
    if keep is not None and not block.last and not block.cut_off:
        keep_text = lambda rest: keep(len(rest.encode("utf-8", "surrogateescape")))  # noqa: E731
    records = grammar_of(file_format).records(
        text,
        block.first_line,
        width,
        cut_off=block.cut_off,
        keep=keep_text,
        null=file_format.null,
        quoting=quoting,
        blanks=mapping.has_blanks,
        passed=blanks.add,
    )
    for line, whole, fields in records:
        record = whole.removesuffix("\n").removesuffix("\r")
        if isinstance(fields, ImportFailed):
            yield line, record, fields
        elif len(fields) != width:
            yield line, record, _wrong_number(fields, width, line, file_format.delimiter)
        elif unnamed := next((position for position in empty if fields[position]), None):
            reason = f"field {unnamed + 1} has no name in the header, so it must be empty"
            yield line, record, ImportFailed("too_many_fields", reason, line, value=excerpt(fields[unnamed]))
        else:
            yield line, record, [_value(fields, position) for position in mapping.positions]


def _value(fields: Sequence[str], position: int | None) -> str | None:
    if position is None or type(fields[position]) is NullField:
        return None
    return fields[position]


def _wrong_number(fields: Sequence[str], expected: int, line: int, delimiter: str) -> ImportFailed:
    value = excerpt(delimiter.join(fields))
    if fields == [""]:
        return ImportFailed("too_few_fields", f"the line is empty, {expected} fields were expected", line, value=value)
    if len(fields) < expected:
        reason = f"the row has {len(fields)} field{'s' * (len(fields) > 1)}, {expected} were expected"
        if mark := _COMMENT.match(fields[0]):
            reason += f"; set comment={mark[0]} if lines that begin with {mark[0]!r} are comments"
        return ImportFailed("too_few_fields", reason, line, value=value)
    return ImportFailed(
        "too_many_fields",
        f"the row has more than the {expected} fields that were expected; a text with the delimiter must be quoted",
        line,
        value=value,
    )
