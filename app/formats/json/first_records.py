"""Checks the first objects of NDJSON and JSON, before the rows are read."""

from collections.abc import Iterator

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_names import fold
from app.formats.errors import excerpt
from app.formats.json import path as paths
from app.formats.json.array import objects
from app.formats.json.ndjson import RowReader, numbered_lines
from app.formats.json.scanner import Broken, JsonText
from app.formats.json.values import Pairs
from app.formats.streams.blocks import HEADER_BYTES, RECORD_BYTES, BlockCutter, check_length
from app.formats.streams.source import Readable

MAX_OBJECTS = 1000
_MAX_BYTES = 2 * RECORD_BYTES  # enough for the longest object, wherever it begins
_PIECE_BYTES = 64 * 1024

# A row's line, and its pairs of key and value, or the error.
_Object = tuple[int, Pairs | ImportFailed]


class _EnoughRead(Exception):
    """The check has read as much as it may."""


class _Beginning:
    """A stream that raises `_EnoughRead` after its first bytes."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._left = _MAX_BYTES

    @property
    def position(self) -> int:
        return self._source.position

    def read(self, size: int) -> bytes:
        """As `Readable`."""
        if not self._left:
            raise _EnoughRead
        data = self._source.read(min(size, self._left))
        self._left -= len(data)
        return data


def check_objects(text: Readable, dataset: Dataset, file_format: FileFormat) -> bool:
    """Whether the beginning of the file contains rows (True if it can't show it).

    Raises ImportFailed if none of the first objects can be a row, or if the first one has an unknown key: then the file
    is meant for another dataset, or its rows are in an array inside the object. `read_rows` refuses other invalid rows.
    """
    reader = RowReader(dataset, file_format)
    path = paths.records_path(file_format)
    unseen = _needed_keys(file_format)
    beginning = _Beginning(text)
    bad: ImportFailed | None = None
    blank: ImportFailed | None = None
    has_rows = False
    try:
        records = _lines(beginning, reader) if file_format.format == "ndjson" else _elements(beginning, path)
        for number, (line, found) in enumerate(records, 1):
            failure = found if isinstance(found, ImportFailed) else _wrong_keys(reader, found, line)
            if failure is not None and isinstance(found, tuple) and path is None:
                failure.reason += paths.advice(paths.find_arrays(found)) or _rows_by_name(found)
            if isinstance(found, tuple) and reader.is_blank(found):
                blank = blank or failure
            elif failure is not None:
                if bad is None and not has_rows and failure.code == "unknown_column":
                    raise failure
                bad = bad or failure
            elif isinstance(found, tuple):
                has_rows = True
                keys = {fold(key) for key, _ in found}
                unseen = [key for key in unseen if fold(key) not in keys]
                if not unseen:
                    return True
            if number == MAX_OBJECTS:
                raise _EnoughRead
    except _EnoughRead:
        if bad is None and not has_rows:
            return True
    if has_rows:
        if unseen:
            raise _never_seen(unseen[0])
        return True
    if failure := bad or blank:
        raise failure
    return False


def _rows_by_name(pairs: Pairs) -> str:
    """A sentence if the object may have a row below each of its keys."""
    if len(pairs) < 2 or not all(isinstance(value, tuple) for _, value in pairs):
        return ""
    return ". If each of its values is a row, write them as an array, or one a line"


def _needed_keys(file_format: FileFormat) -> list[str]:
    """Keys that `columns` renames, if it leaves out all unknown ones: a wrong one would not be noticed otherwise."""
    columns = file_format.columns
    if not file_format.leave_out_others or not isinstance(columns, dict):
        return []
    return [key for key, to in columns.items() if to is not None]


def _never_seen(key: str) -> ImportFailed:
    reason = (
        f"`columns` names the key {excerpt(key)!r}, which none of the first {MAX_OBJECTS:,} objects has; correct it, or"
        ' leave out keys by their names instead of with "*"'
    )
    return ImportFailed("unknown_column", reason, column=excerpt(key))


def _wrong_keys(reader: RowReader, pairs: Pairs, line: int) -> ImportFailed | None:
    try:
        reader.check_keys(pairs, line)
    except ImportFailed as failure:
        return failure
    return None


def _lines(text: Readable, reader: RowReader) -> Iterator[_Object]:
    for block in BlockCutter(text).blocks(HEADER_BYTES, reader.blank_bytes):
        try:
            check_length(block, 1)
        except ImportFailed as failure:
            begun = paths.find_first_array(JsonText(_Bytes(block.data), len(block.data)))
            failure.reason += paths.advice([begun] if begun else [])
            raise
        for line, data in numbered_lines(block) if block.data else ():
            if reader.is_blank_line(data):
                continue
            try:
                yield line, reader.pairs(data, line)
            except ImportFailed as failure:
                yield line, failure


def _elements(text: Readable, path: paths.Path | None) -> Iterator[_Object]:
    found = JsonText(text, _PIECE_BYTES)
    try:
        for _, line, pairs in objects(found, path, lambda pairs, *_: pairs):
            yield line, pairs
    except Broken as broken:
        yield found.line, broken.failure


class _Bytes:
    """Bytes as a stream."""

    position = 0

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        """As `Readable` has it."""
        data, self._data = self._data[:size], self._data[size:]
        return data
