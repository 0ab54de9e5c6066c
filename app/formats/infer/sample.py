"""Samples text files: the first records by the file's own columns, without regard to a dataset.

It reads at most SAMPLE_BYTES of text.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.csv import stray_quotes
from app.formats.infer.head import Head
from app.formats.infer.records import MAX_SAMPLED_ROWS, Boolean, Nested, Record, Sample, Value
from app.formats.infer.sample_csv import sample_csv
from app.formats.json import path as paths
from app.formats.json.array import objects
from app.formats.json.scanner import Broken, JsonText
from app.formats.json.values import Decoder, Pairs
from app.formats.streams.blocks import without_boms
from app.formats.streams.decoding import open_text
from app.formats.streams.decompression import open_source

_MAX_CELLS = 1_000_000
_PIECE_BYTES = 64 * 1024
_SPACES = " \t\r\n"

# an object's line, the end of its text, and its pairs of key and value or the error; None for an empty line
_Object = tuple[int, int, Pairs | ImportFailed | None]


def sample_text(
    path: Path, file_format: FileFormat, dataset: Dataset, *, partial: bool = False, blanks: bool | None = None
) -> Sample:
    """The first records of a file of text: CSV, NDJSON or a JSON array.

    A `partial` file is the beginning of another one; an incomplete last record is dropped. `blanks` says whether
    objects without any value are skipped as blank (see `has_blanks`); None: the file's keys decide. Raises nothing:
    errors are the sample's `failure`.
    """
    failure = None
    parts: list[bytes] = []
    with open_source(path, file_format.compression) as source:
        head = Head(source, partial)
        text = open_text(head, file_format)
        try:
            while data := text.read(_PIECE_BYTES):
                parts.append(data)
        except ImportFailed as failed:
            if not (head.ended and head.cut):  # else a character was cut
                failure = failed
    data = without_boms(b"".join(parts))
    content = data.decode("utf-8", "surrogateescape")
    cut = head.cut or failure is not None
    if file_format.format == "csv":
        stray = _is_unquoted(path, file_format, data, partial)
        found = sample_csv(content, stray_quotes.unquoted(file_format) if stray else file_format, dataset, cut)
        found = replace(found, unquoted=stray)
    elif file_format.format == "ndjson":
        found = _sample_ndjson(content, cut, blanks)
    else:
        found = _sample_json(content, cut, blanks, paths.records_path(file_format))
    if file_format.format != "csv" and not dataset.columns and file_format.records is None:
        found = _ask_for_records(found, content, file_format, cut)
    if head.cut and not found.records:
        reason = "the sample has no complete row; send more of the file, up to 1 MiB"
        found = replace(found, failure=found.failure or ImportFailed("no_whole_row", reason))
    cut = head.cut or found.cut or len(found.records) < len(found.ends)
    return replace(found, cut=cut, failure=failure or found.failure)


def _is_unquoted(path: Path, file_format: FileFormat, data: bytes, partial: bool) -> bool:
    """Whether the sample has quotes, but no field of it begins with one."""
    if not stray_quotes.may_be_unquoted(file_format) or file_format.quote.encode() not in data:
        return False
    with open_source(path, file_format.compression) as source:
        text = open_text(Head(source, partial), file_format, line_feeds=False)
        try:
            return stray_quotes.is_unquoted(text, file_format)
        except ImportFailed:
            return False


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
        if filled == MAX_SAMPLED_ROWS:
            break
    while found and found[-1][2] is None:  # line ends after the last object
        found.pop()
    sample = _by_keys(found, cut or filled == MAX_SAMPLED_ROWS, blanks)
    empty = None if found or cut else ImportFailed("empty_file", "the file is empty")
    return replace(sample, failure=empty, text=text)


def _as_object(value: Any, line: int) -> Pairs | ImportFailed:
    if isinstance(value, tuple):
        return value
    return ImportFailed("not_an_object", "it is JSON but not an object; every row must be one object", line)


def _lines(text: str) -> Iterator[str]:
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _sample_json(text: str, cut: bool, blanks: bool | None, path: paths.Path | None) -> Sample:
    taker = JsonText(_Text(text), 2 * len(text.encode("utf-8", "surrogateescape")) + 1)  # all at once
    found: list[_Object] = []
    failure = None
    try:
        for _, line, value in islice(objects(taker, path, lambda pairs, *_: pairs), MAX_SAMPLED_ROWS):
            found.append((line, taker.taken, value))
    except Broken as broken:
        failure = None if cut else broken.failure
    except ImportFailed as failed:
        failure = failed
    sample = _by_keys(found, cut or len(found) == MAX_SAMPLED_ROWS, blanks)
    is_array = path is not None or not text.lstrip(_SPACES).startswith("{")
    closing = ("]" if is_array else "") + "}" * len(path or ())
    return replace(sample, failure=failure, text=text, closing=closing if sample.records else "")


def _ask_for_records(sample: Sample, text: str, file_format: FileFormat, cut: bool) -> Sample:
    """The sample with a failure where the file is one object with an array of objects, which may be the rows."""
    columns = file_format.columns if isinstance(file_format.columns, dict) else {}
    left_out = [key for key, to in columns.items() if to is None]
    found: list[paths.Path] = []
    if len(sample.records) == 1 and not cut:
        try:
            value = Decoder().decode(text)
        except (ValueError, RecursionError):
            return sample
        arrays = paths.find_arrays(value) if isinstance(value, tuple) else []
        found = [path for path in arrays if path[0] not in left_out]
    elif cut and not sample.records and text.lstrip(_SPACES).startswith("{"):
        taker = JsonText(_Text(text), 2 * len(text.encode("utf-8", "surrogateescape")) + 1)
        taker.next_character()
        begun = paths.find_first_array(taker)
        found = [begun] if begun else []
    if not found:
        return sample
    out = json.dumps({found[0][0]: None}, ensure_ascii=False)
    reason = f"the file is one object{paths.advice(found)}, or columns={out} if the object itself is the row"
    return replace(sample, failure=ImportFailed("records_needed", reason, 1))


class _Text:
    """A text as a stream of bytes."""

    position = 0

    def __init__(self, text: str) -> None:
        self._data = text.encode("utf-8", "surrogateescape")

    def read(self, size: int) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data


def _by_keys(found: list[_Object], cut: bool, blanks: bool | None) -> Sample:
    """The objects by all of their keys in the order of appearance, without blank objects."""
    keys: dict[str, None] = {}
    for at, (_, _, pairs) in enumerate(found):
        keys |= dict.fromkeys(key for key, _ in pairs) if isinstance(pairs, tuple) else {}
        if (at + 1) * len(keys) > _MAX_CELLS:  # each row has other keys
            found, cut = found[: at or 1], True
            break
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
            by_key = {key: as_value(value) for key, value in pairs}
            records.append(Record(line, tuple(by_key.get(key) for key in keys), blanks=passed))
        else:
            failure = pairs or ImportFailed("not_json", "the line is empty; every line must be one JSON object", line)
            records.append(Record(line, (), failure, passed))
        passed = 0
    return Sample(tuple(keys), len(keys), records, cut, ends=ends, blanks=passed)


def as_value(value: Any) -> Value:
    """A JSON value as a sample has it."""
    if value is None or isinstance(value, str):  # numbers are texts too
        return value
    if isinstance(value, bool):
        return Boolean("true" if value else "false")
    try:
        return Nested(json.dumps(_plain(value), ensure_ascii=False))
    except RecursionError:  # parsing allows deeper nesting than writing
        return Nested("{…}" if isinstance(value, tuple) else "[…]")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):  # an object
        return {key: _plain(part) for key, part in value}
    return [_plain(part) for part in value] if isinstance(value, list) else value
