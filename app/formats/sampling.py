"""A sample: a file's first records by its own columns, as they stand, before any dataset has a say.

It reads at most SAMPLE_BYTES of text, however large or small the file is.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.reading import Reading
from app.formats.blocks import BOM
from app.formats.compressed import open_source
from app.formats.csv import Lacking, grammar
from app.formats.heading import tell_header
from app.formats.json_array import elements
from app.formats.json_text import Broken, JsonText
from app.formats.layout import MOST_COLUMNS
from app.formats.ndjson import DECODER
from app.formats.quoting import Quoting
from app.formats.sampling_head import Head
from app.formats.text import open_text

MOST_SAMPLED_ROWS, _MOST_CELLS = 10_000, 1_000_000
_PIECE_BYTES = 64 * 1024
_LONGEST_OPEN = 64 * 1024  # characters after a quote that does not close in the sample: rather a quote too many


class Boolean(str):
    """JSON's true or false."""


class Nested(str):
    """An object or array inside a row, as JSON."""


class Day(str):
    """A cell with a date, which may be a moment at midnight."""


# what stands in a record under one of the file's columns; None where there is nothing, or JSON's null
Value = str | None


@dataclass(frozen=True)
class Record:
    """One record: its line, its values by the file's columns, or why it could not be taken apart."""

    line: int
    values: tuple[Value, ...]
    failure: ImportFailed | None = None


@dataclass(frozen=True)
class Sample:
    """A file's first records.

    `names` are its columns' names, None where it names none; `width` is how many columns it has. Where it was read to
    its end it is not `cut`. `text` holds, of text formats, the records up to each of `ends`, in UTF-8 with line feeds;
    a reader makes of `text_of(n)` what an import makes of these records. `header` is whether it has one, None where
    that can't be told. `failure` says why no more could be read.
    """

    names: tuple[str, ...] | None
    width: int
    records: list[Record]
    cut: bool
    failure: ImportFailed | None = None
    text: str = field(default="", repr=False)
    ends: list[int] = field(default_factory=list, repr=False)
    closing: str = ""
    header: bool | None = None

    def text_of(self, records: int) -> str:
        """The file up to and with so many records, and on to one that is not empty: at a file's end empty lines are no
        rows. Whole for the reader of its format."""
        if not self.ends:
            return self.text + self.closing
        last = min(records, len(self.ends)) - 1
        while last + 1 < len(self.ends) and ("\n" + self.text[: self.ends[last]]).endswith(("\n\n", "\n\r\n")):
            last += 1
        return self.text[: self.ends[last]] + self.closing


def sample_text(path: Path, reading: Reading, dataset: Dataset, *, partial: bool = False) -> Sample:
    """The first records of a file of text: CSV, NDJSON or a JSON array.

    A `partial` file is the beginning of one, cut off anywhere; what was cut is left out. Nothing is raised: `failure`
    has it.
    """
    failure = None
    parts: list[bytes] = []
    with open_source(path, reading.compression) as source:
        head = Head(source, partial)
        text = open_text(head, reading)
        try:
            while data := text.read(_PIECE_BYTES):
                parts.append(data)
        except ImportFailed as failed:
            if not (head.ended and head.cut):  # else it is half a character
                failure = failed
    content = b"".join(parts).removeprefix(BOM).decode("utf-8", "surrogateescape")
    found = _SAMPLERS[reading.format](content, reading, dataset, head.cut or failure is not None)
    if head.cut and not found.records:
        reason = "no whole row is in what was looked at; send more of the file, up to 1 MiB"
        found = replace(found, failure=found.failure or ImportFailed("no_whole_row", reason))
    cut = head.cut or len(found.records) == MOST_SAMPLED_ROWS or len(found.records) < len(found.ends)
    return replace(found, cut=cut, failure=failure or found.failure)


def _sample_csv(text: str, reading: Reading, dataset: Dataset, cut: bool) -> Sample:
    begin = 0
    for line in range(1, reading.first_line):
        begin = text.find("\n", begin) + 1
        if not begin:
            reason = f"the file ends before line {reading.first_line}, where its rows should begin"
            return Sample(None, 0, [], cut, ImportFailed("empty_file", reason, line=line))
    names: tuple[str, ...] | None = None
    first_line = reading.first_line
    quoting = Quoting(reading)
    if (is_header := reading.header) is not False:
        header = next(_csv_records(text[begin:], reading, first_line, MOST_COLUMNS, quoting), None)
        if header is None or (cut and not header[1].endswith("\n")):
            return Sample(None, 0, [], cut, None if cut else ImportFailed("empty_file", "the file is empty"))
        line, whole, fields = header
        if isinstance(fields, ImportFailed):
            return Sample(None, 0, [], cut, fields)
        if is_header is None and isinstance(reading.columns, list):
            is_header = tell_header(fields, reading.columns, dataset, line)
        if len(fields) > MOST_COLUMNS:
            reason = f"the file has more than {MOST_COLUMNS:,} columns"
            return Sample(None, 0, [], cut, ImportFailed("too_many_columns", reason, line))
        if is_header:
            names = tuple(name.strip() for name in fields)
            begin += len(whole)
            first_line += whole.count("\n")
    # As many fields as an import takes apart: what is beyond them decides where a record ends.
    told = names if names is not None else reading.columns
    quoting.width = len(told) + reading.trailing if isinstance(told, tuple | list) else None
    most = quoting.width or MOST_COLUMNS
    open_at: list[str] = []
    found = list(_csv_records(text[begin:], reading, first_line, most, quoting, open_at.append if cut else None))
    if open_at and len(open_at[0]) > _LONGEST_OPEN:
        found = list(_csv_records(text[begin:], reading, first_line, most, quoting))
    elif cut and found and not open_at and not found[-1][1].endswith("\n"):
        found.pop()
    while found and not found[-1][1].strip("\r\n"):
        found.pop()
    widths = (len(fields) for _, _, fields in found if isinstance(fields, list))
    width = len(names) if names is not None else max(0, max(widths, default=0) - reading.trailing)
    records, ends = [], []
    for line, whole, fields in found:
        begin += len(whole)
        ends.append(begin)
        if isinstance(fields, ImportFailed):
            records.append(Record(line, (), fields))
        else:
            if reading.trailing and len(fields) > width and not fields[-1]:
                fields.pop()
            records.append(Record(line, tuple(None if type(field) is Lacking else field for field in fields)))
    failure = None if names or records or cut else ImportFailed("empty_file", "the file is empty")
    return Sample(names, width, records, cut, failure or quoting.failure, text, ends, header=is_header)


def _csv_records(
    text: str, reading: Reading, first_line: int, most: int, quoting: Quoting, keep: Callable[[str], None] | None = None
) -> Iterator[tuple[int, str, list[str] | ImportFailed]]:
    parser = grammar(reading.delimiter, reading.quote)
    records = parser.records(text, first_line, most, keep=keep, null=reading.null, quoting=quoting)
    return islice(records, MOST_SAMPLED_ROWS)


def _sample_ndjson(text: str, reading: Reading, dataset: Dataset, cut: bool) -> Sample:
    objects: list[tuple[int, Any]] = []
    ends: list[int] = []
    begin = 0
    for line, whole in enumerate(_lines(text), 1):
        if len(objects) == MOST_SAMPLED_ROWS or (cut and not whole.endswith("\n")):
            break
        begin += len(whole)
        ends.append(begin)
        try:
            objects.append((line, DECODER.decode(whole)))
        except (ValueError, RecursionError) as error:
            reason = f"the line is not one JSON object: {error}"
            objects.append((line, ImportFailed("not_json", reason, line)))
    while objects and not text[ends[-2] if len(ends) > 1 else 0 : ends[-1]].strip("\r\n"):
        objects.pop()
        ends.pop()
    names, records = _by_keys(objects)
    failure = None if records or cut else ImportFailed("empty_file", "the file is empty")
    return Sample(names, len(names), records, cut, failure, text, ends)


def _lines(text: str) -> Iterator[str]:
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _sample_json(text: str, reading: Reading, dataset: Dataset, cut: bool) -> Sample:
    taker = JsonText(_Text(text), 2 * len(text.encode("utf-8", "surrogateescape")) + 1)  # all at once
    objects: list[tuple[int, Any]] = []
    # A line for each: of elements on one line a reader would tell the bad ones after the others.
    texts: list[str] = []
    failure = None
    try:
        taker.begin_array()
        for whole, line, found in islice(elements(taker, lambda pairs, _: pairs), MOST_SAMPLED_ROWS):
            objects.append((line, found))
            texts.append(whole)
    except Broken as broken:
        failure = None if cut else broken.failure
    except ImportFailed as failed:
        failure = failed
    names, records = _by_keys(objects)
    ends = list(accumulate(len(whole) + 2 for whole in texts))
    return Sample(names, len(names), records, cut, failure, "[\n" + ",\n".join(texts), ends, "]")


class _Text:
    """A text as a stream."""

    position = 0

    def __init__(self, text: str) -> None:
        self._data = text.encode("utf-8", "surrogateescape")

    def read(self, size: int) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def _by_keys(objects: list[tuple[int, Any]]) -> tuple[tuple[str, ...], list[Record]]:
    """All keys in the order in which they come, and the objects' values by them."""
    keys: dict[str, None] = {}
    for at, (_, pairs) in enumerate(objects):
        keys |= dict.fromkeys(key for key, _ in pairs) if isinstance(pairs, tuple) else {}
        if (at + 1) * len(keys) > _MOST_CELLS:  # of other keys in each row
            objects = objects[: at or 1]
            break
    records = []
    for line, pairs in objects:
        if isinstance(pairs, ImportFailed):
            records.append(Record(line, (), pairs))
        elif not isinstance(pairs, tuple):
            reason = "it is JSON but no object; every row must be one object"
            records.append(Record(line, (), ImportFailed("not_an_object", reason, line)))
        else:
            found = {key: _value(value) for key, value in pairs}
            records.append(Record(line, tuple(found.get(key) for key in keys)))
    return tuple(keys), records


def _value(value: Any) -> Value:
    if value is None or isinstance(value, str):  # numbers are texts, too
        return value
    if isinstance(value, bool):
        return Boolean("true" if value else "false")
    try:
        return Nested(json.dumps(_plain(value), ensure_ascii=False))
    except RecursionError:  # it can be read, but not be written again as deep in our own calls as here
        return Nested("{…}" if isinstance(value, tuple) else "[…]")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):  # an object
        return {key: _plain(part) for key, part in value}
    return [_plain(part) for part in value] if isinstance(value, list) else value


_SAMPLERS: dict[str, Callable[[str, Reading, Dataset, bool], Sample]] = {
    "csv": _sample_csv,
    "ndjson": _sample_ndjson,
    "json": _sample_json,
}
