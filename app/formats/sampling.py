"""A sample: a file's first records by its own columns, as they stand, before any dataset has a say.

It reads at most SAMPLE_BYTES of text, however large or small the file is.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from app.domain.errors import ImportFailed
from app.domain.reading import Reading
from app.formats.blocks import BOM
from app.formats.compressed import open_source
from app.formats.csv import Lacking, grammar
from app.formats.json_array import elements
from app.formats.json_text import Broken, JsonText
from app.formats.json_values import Decoder, Pairs
from app.formats.layout import MOST_COLUMNS
from app.formats.samples import Boolean, Nested, Record, Sample, Value
from app.formats.text import open_text

SAMPLE_BYTES = 1024 * 1024
MOST_SAMPLED_ROWS = 10_000
_PIECE_BYTES = 64 * 1024
_LONGEST_OPEN = 64 * 1024  # characters after a quote that does not close in the sample: rather a quote too many
_CUT_OFF = ("truncated_gzip", "truncated_zstd")
_SPACES = " \t\r\n"

# an object's line, the end of its text, and its keys and values or why it has none; None for an empty line
_Object = tuple[int, int, Pairs | ImportFailed | None]


class Head:
    """The first bytes of a stream. They are `cut` where it goes on, or where the file itself is only a `partial` one:
    then it may end anywhere."""

    def __init__(self, source: Any, partial: bool) -> None:
        self._source, self._partial = source, partial
        self._left = SAMPLE_BYTES
        self.cut = False
        self.ended = False

    @property
    def position(self) -> int:
        return int(self._source.position)

    def read(self, size: int) -> bytes:
        """As `Readable` has it."""
        if self.ended:
            return b""
        try:
            data: bytes = self._source.read(min(size, self._left) or 1)
        except ImportFailed as failed:
            if not (self._partial and failed.code in _CUT_OFF):
                raise
            data = b""
        self.ended = not data or not self._left
        self.cut = self._partial if not data else self.ended
        self._left -= len(data)
        return b"" if self.ended else data


def sample_text(path: Path, reading: Reading, *, partial: bool = False, blanks: bool | None = None) -> Sample:
    """The first records of a file of text: CSV, NDJSON or a JSON array.

    A `partial` file is the beginning of one, cut off anywhere; what was cut is left out. `blanks` says whether an
    object without any value is none, as `has_blanks` has it; without a dataset the file's keys decide. Nothing is
    raised: `failure` has it.
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
    cut = head.cut or failure is not None
    if reading.format == "csv":
        found = _sample_csv(content, reading, cut)
    else:
        found = (_sample_ndjson if reading.format == "ndjson" else _sample_json)(content, cut, blanks)
    if head.cut and not found.records:
        reason = "no whole row is in what was looked at; send more of the file, up to 1 MiB"
        found = replace(found, failure=found.failure or ImportFailed("no_whole_row", reason))
    return replace(found, cut=head.cut or found.cut, failure=failure or found.failure)


def _sample_csv(text: str, reading: Reading, cut: bool) -> Sample:
    begin = 0
    for line in range(1, reading.first_line):
        begin = text.find("\n", begin) + 1
        if not begin:
            reason = f"the file ends before line {reading.first_line}, where its rows should begin"
            return Sample(None, 0, [], cut, ImportFailed("empty_file", reason, line=line))
    names: tuple[str, ...] | None = None
    first_line = reading.first_line
    if reading.header:
        header = next(_csv_records(text[begin:], reading, first_line, MOST_COLUMNS, False), None)
        if header is None or (cut and not header[2].endswith("\n")):
            return Sample(None, 0, [], cut, None if cut else ImportFailed("empty_file", "the file is empty"))
        line, _, whole, fields = header
        if isinstance(fields, ImportFailed):
            return Sample(None, 0, [], cut, fields)
        if len(fields) > MOST_COLUMNS:
            reason = f"the file has more than {MOST_COLUMNS:,} columns"
            return Sample(None, 0, [], cut, ImportFailed("too_many_columns", reason, line))
        names = tuple(name.strip() for name in fields)
        begin += len(whole)
        first_line += whole.count("\n")
    # As many fields as an import takes apart: what is beyond them decides where a record ends.
    told = names if names is not None else reading.columns
    most = len(told) + reading.trailing if isinstance(told, tuple | list) else MOST_COLUMNS
    open_at: list[str] = []
    if isinstance(told, tuple | list):
        blanks = len(told) > 1
    else:  # only the rows say how many columns there are
        blanks = _widest(_csv_records(text[begin:], reading, first_line, most, False)) - reading.trailing > 1
    found = list(_csv_records(text[begin:], reading, first_line, most, blanks, open_at.append if cut else None))
    if open_at and len(open_at[0]) > _LONGEST_OPEN:
        found = list(_csv_records(text[begin:], reading, first_line, most, blanks))
    elif cut and found and not open_at and not found[-1][2].endswith("\n"):
        found.pop()
    while found and found[-1][2] in ("\n", "\r\n"):  # a carriage return without a line feed is content
        found.pop()
    width = len(names) if names is not None else _widest(found)
    records, ends = [], []
    for line, before, whole, fields in found:
        passed = text.count("\n", begin, begin + before)
        begin += before + len(whole)
        ends.append(begin)
        if isinstance(fields, ImportFailed):
            records.append(Record(line, (), fields, passed))
        else:
            if reading.trailing and len(fields) > width and not fields[-1]:
                fields.pop()
            values = tuple(None if type(field) is Lacking else field for field in fields)
            records.append(Record(line, values, blanks=passed))
    failure = None if names or records or cut else ImportFailed("empty_file", "the file is empty")
    cut = cut or len(records) == MOST_SAMPLED_ROWS
    after = text[begin:].rstrip("\r\n") if blanks and not cut else ""
    return Sample(names, width, records, cut, failure, text, ends, blanks=after.count("\n") + bool(after))


_CsvRecord = tuple[int, int, str, list[str] | ImportFailed]


def _widest(records: Iterable[_CsvRecord]) -> int:
    return max((len(fields) for _, _, _, fields in records if isinstance(fields, list)), default=0)


def _csv_records(
    text: str,
    reading: Reading,
    first_line: int,
    most: int,
    blanks: bool,
    keep: Callable[[str], None] | None = None,
) -> Iterator[_CsvRecord]:
    """Each record's line, how many characters of blank lines were passed over before it, its text and its fields."""
    before: list[int] = []
    parser = grammar(reading.delimiter, reading.quote)
    passed = (lambda _, characters: before.append(characters)) if blanks else None
    records = parser.records(text, first_line, most, keep=keep, null=reading.null, passed=passed)
    for line, whole, fields in islice(records, MOST_SAMPLED_ROWS):
        yield line, sum(before), whole, fields
        before.clear()


def _sample_ndjson(text: str, cut: bool, blanks: bool | None) -> Sample:
    found: list[_Object] = []
    decoder = Decoder()
    begin = filled = 0
    for line, whole in enumerate(_lines(text), 1):
        if cut and not whole.endswith("\n"):
            break
        begin += len(whole)
        if not whole.strip(_SPACES):
            found.append((line, begin, None))
            continue
        filled += 1
        try:
            found.append((line, begin, _as_object(decoder.decode(whole), line)))
        except (ValueError, RecursionError) as error:
            found.append((line, begin, ImportFailed("not_json", f"the line is not one JSON object: {error}", line)))
        if filled == MOST_SAMPLED_ROWS:
            break
    while found and found[-1][2] is None:  # line ends after the last object
        found.pop()
    sample = _by_keys(found, cut or filled == MOST_SAMPLED_ROWS, blanks)
    empty = None if found or cut else ImportFailed("empty_file", "the file is empty")
    return replace(sample, failure=empty, text=text)


def _as_object(value: Any, line: int) -> Pairs | ImportFailed:
    if isinstance(value, tuple):
        return value
    return ImportFailed("not_an_object", "it is JSON but no object; every row must be one object", line)


def _lines(text: str) -> Iterator[str]:
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _sample_json(text: str, cut: bool, blanks: bool | None) -> Sample:
    taker = JsonText(_Text(text), 2 * len(text.encode("utf-8", "surrogateescape")) + 1)  # all at once
    found: list[_Object] = []
    failure = None
    try:
        taker.begin_array()
        for _, line, value in islice(elements(taker, lambda pairs, _: pairs), MOST_SAMPLED_ROWS):
            found.append((line, taker.taken, value))
    except Broken as broken:
        failure = None if cut else broken.failure
    except ImportFailed as failed:
        failure = failed
    sample = _by_keys(found, cut or len(found) == MOST_SAMPLED_ROWS, blanks)
    return replace(sample, failure=failure, text=text, closing="]" if sample.records else "")


class _Text:
    """A text as a stream."""

    position = 0

    def __init__(self, text: str) -> None:
        self._data = text.encode("utf-8", "surrogateescape")

    def read(self, size: int) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def _by_keys(found: list[_Object], cut: bool, blanks: bool | None) -> Sample:
    """The objects by all their keys, in the order in which these come; without those that are blank."""
    keys = dict.fromkeys(key for _, _, pairs in found if isinstance(pairs, tuple) for key, _ in pairs)
    blanks = len(keys) > 1 if blanks is None else blanks
    records: list[Record] = []
    ends: list[int] = []
    passed = 0
    for line, end, pairs in found:
        if blanks and (pairs is None or (isinstance(pairs, tuple) and all(value is None for _, value in pairs))):
            passed += 1
            continue
        ends.append(end)
        if isinstance(pairs, tuple):
            by_key = {key: _value(value) for key, value in pairs}
            records.append(Record(line, tuple(by_key.get(key) for key in keys), blanks=passed))
        else:
            failure = pairs or ImportFailed("not_json", "the line is empty; every line must be one JSON object", line)
            records.append(Record(line, (), failure, passed))
        passed = 0
    return Sample(tuple(keys), len(keys), records, cut, ends=ends, blanks=passed)


def _value(value: Any) -> Value:
    if value is None or isinstance(value, str):  # numbers are texts, too
        return value
    if isinstance(value, bool):
        return Boolean("true" if value else "false")
    return Nested(json.dumps(_plain(value), ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):  # an object
        return {key: _plain(part) for key, part in value}
    return [_plain(part) for part in value] if isinstance(value, list) else value
