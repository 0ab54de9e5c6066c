"""CSV as RFC 4180 has it: commas, double quotes doubled inside, a header, CRLF or LF. This parser is the authority."""

import re
from collections.abc import Iterator, Sequence

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.formats.batch import Batch
from app.formats.blocks import RECORD_BYTES, Block
from app.formats.columns import BadValue, check_for, shown
from app.formats.payload import PayloadKeys, payload_line

# A field and what ends it. Possessive, so that a quote that never closes costs one pass and no backtracking.
_FIELD = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",\n]*+))(,|\r?\n|\Z)')
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')


def parse_header(block: Block, dataset: Dataset) -> tuple[int, ...]:
    """For each of the dataset's columns its position in the file. Raises ImportFailed on names that don't match."""
    expected = f"expected are {', '.join(dataset.column_names)}"
    text = block.data.decode("utf-8", "surrogateescape")
    _, fields = next(records(text, 1, len(text) + 1), (1, [""]))
    names = [name.strip() for name in fields]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ImportFailed("doubled_column", f"the header names {shown(name)!r} twice", line=1, column=shown(name))
        seen.add(name)
    missing = [name for name in dataset.column_names if name not in seen]
    unknown = [name for name in names if name not in dataset.column_names]
    if unknown and len(missing) < len(dataset.columns):
        raise ImportFailed(
            "unknown_column",
            f"the header names the column {shown(unknown[0])!r}, which {dataset.name} does not have; {expected}",
            line=1,
            column=shown(unknown[0]),
        )
    if missing:
        reason = f"the header lacks the column {missing[0]}; {expected}"
        if len(missing) == len(dataset.columns):
            reason = f"the first line is no header that names the columns; {expected}"
        raise ImportFailed("missing_column", reason, line=1, column=missing[0], value=shown(text))
    return tuple(names.index(name) for name in dataset.column_names)


def records(text: str, first_line: int, most_fields: int, *, cut_off: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Each record's line and fields; none has more than `most_fields` + 1, what follows them is skipped unread.

    Raises ImportFailed (bad_quote, record_too_long), without row or column.
    """
    line, position, end = first_line, 0, len(text)
    match = _FIELD.match
    while position < end:
        fields: list[str] = []
        start = position
        while True:
            found = match(text, position)
            if found is None:
                raise _bad_quote(text, position, line, cut_off)
            quoted, plain, ending = found.groups()
            position = found.end()
            if quoted is None:
                # The line end's carriage return can't be told from content before the line feed is seen.
                fields.append(plain[:-1] if ending == "\n" and plain.endswith("\r") else plain)
            else:
                fields.append(quoted.replace('""', '"'))
            if ending != "," or len(fields) > most_fields:
                break
        if cut_off and position == end:
            raise _too_long(line)
        yield line, fields
        line += text.count("\n", start, position)


def _bad_quote(text: str, position: int, line: int, cut_off: bool) -> ImportFailed:
    if not text.startswith('"', position):
        reason = "a double quote stands in a field that does not begin with one; quote the field and double the quote"
    elif _QUOTED.match(text, position):
        reason = "text follows a closing double quote; double quotes inside a quoted field must be doubled"
    elif cut_off:
        return _too_long(line)
    else:
        reason = "a double quote opens a field and never closes"
    return ImportFailed("bad_quote", reason, line=line, value=shown(text[position : position + 300]))


def _too_long(line: int) -> ImportFailed:
    return ImportFailed(
        "record_too_long",
        f"the record is longer than {RECORD_BYTES} bytes, or a double quote opens a field and never closes",
        line=line,
    )


def read_block(block: Block, dataset: Dataset, order: Sequence[int], first_row: int) -> Batch:
    """The block's rows, parsed and checked one by one. Raises ImportFailed at the first thing that is wrong."""
    names = dataset.column_names
    checks = [check_for(column) for column in dataset.columns]
    in_file_order = sorted(range(len(names)), key=lambda column: order[column])
    row, lines, payload = first_row, [], []
    # Bytes that are no UTF-8 become surrogates, so that the error can name their field.
    text = block.data.decode("utf-8", "surrogateescape")
    parsed = records(text, block.first_line, len(names), cut_off=block.cut_off)
    try:
        for line, fields in parsed:
            if len(fields) != len(names):
                raise _wrong_number(fields, len(names), line)
            values = [""] * len(names)
            for column in in_file_order:
                try:
                    values[column] = checks[column](fields[order[column]])
                except BadValue as bad:
                    value = shown(fields[order[column]])
                    raise ImportFailed(bad.code, bad.reason, line, column=names[column], value=value) from None
            payload.append(payload_line(row, values))
            lines.append(line)
            row += 1
    except ImportFailed as failed:
        failed.row = row
        raise
    joined = "".join(payload).encode()
    return Batch(
        first_row, row - first_row, joined, block.source_bytes, PayloadKeys(joined, dataset, row - first_row), lines
    )


def _wrong_number(fields: Sequence[str], expected: int, line: int) -> ImportFailed:
    value = shown(",".join(fields))
    if fields == [""]:
        return ImportFailed("too_few_fields", f"the line is empty, {expected} fields were expected", line, value=value)
    if len(fields) < expected:
        reason = f"the row has {len(fields)} field{'s' * (len(fields) > 1)}, {expected} were expected"
        return ImportFailed("too_few_fields", reason, line, value=value)
    return ImportFailed(
        "too_many_fields",
        f"the row has more than the {expected} fields that were expected; a text with a comma must be quoted",
        line,
        value=value,
    )
