"""Parses NDJSON: one JSON object on each line, with the dataset's columns as keys."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from app.domain.dataset import ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.json.keys import KeyMapper
from app.formats.json.values import Decoder, Number, Pairs, check_halves, has_blanks
from app.formats.streams.blocks import Block
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import BlankRowCounter, Record, check_rows
from app.formats.validate.typed_numbers import has_comma, is_like_groups, typed_reader

_TAKE_BOOLEANS = (ColumnType.BOOLEAN, ColumnType.TEXT)  # a text takes them as JSON spells them
_JSON_SPACE = " \t\r"
_JSON_BOOLEANS = {True: "true", False: "false"}


class RowReader:
    """Converts objects to rows of one dataset, as the client maps their keys to its columns."""

    def __init__(self, dataset: Dataset, file_format: FileFormat) -> None:
        self.names = dataset.column_names
        self._keys = KeyMapper(dataset, file_format)
        self._decoder = Decoder()
        self.has_blanks = has_blanks(dataset, file_format)
        self._required = frozenset(column.name for column in dataset.columns if column.required)
        self._booleans = frozenset(column.name for column in dataset.columns if column.type in _TAKE_BOOLEANS)
        self._typed = tuple(map(typed_reader, dataset.columns))
        self.typed = {name: read for name, read in zip(self.names, self._typed, strict=True) if read}
        self.has_marks = any(map(has_comma, dataset.columns))
        self._accepted_types: set[tuple[type, ...]] = set()

    def values(self, data: str, line: int) -> tuple[str | None, ...] | None:
        """The values of one object in the dataset's order, unchecked texts, None where it has none; None for a blank
        one. Raises ImportFailed without a row."""
        return self.values_of(self.pairs(data, line), line, data)

    def values_of(self, pairs: Pairs, line: int, text: str) -> tuple[str | None, ...] | None:
        """`values` of an object that is parsed already; `text` is its JSON."""
        mapped = self._keys.map(tuple([key for key, _ in pairs]))
        if mapped.problem is not None:
            if self.is_blank(pairs):  # regardless of its keys: it has no value that could be lost
                return None
            raise mapped.problem.failure(line)
        values: tuple[Any, ...] = mapped.values_of(pairs)
        types = tuple(map(type, values))
        if types not in self._accepted_types:
            if self.is_blank(pairs):
                return None
            for name, value in zip(self.names, values, strict=True):
                if not self._is_accepted(name, value):
                    raise self._wrong_type(name, value, line)
            if set(types) != {type(None)}:
                self._accepted_types.add(types)  # a file has few such combinations, usually one
        if self.typed and Number in types:
            typed = zip(values, self._typed, strict=True)
            values = tuple(read(value) if read and type(value) is Number else value for value, read in typed)
        if bool in types:
            values = tuple(_JSON_BOOLEANS.get(value, value) for value in values)
        check_halves(self.names, values, text, line)
        return values

    def columns_of(self, pairs: Pairs) -> list[str | None]:
        """The column of each pair; None for one that is left out. The object's keys must be valid."""
        return self._keys.map(tuple(key for key, _ in pairs)).columns

    def check_keys(self, pairs: Pairs, line: int) -> None:
        """Raises ImportFailed (doubled_key, unknown_column, missing_column) unless the keys are the columns."""
        mapped = self._keys.map(tuple(key for key, _ in pairs))
        if mapped.problem is not None:
            raise mapped.problem.failure(line)

    @property
    def blank_bytes(self) -> bytes | None:
        """The bytes of a blank line, for `BlockCutter.blocks`; None if a blank line is an (invalid) row."""
        return _JSON_SPACE.encode() if self.has_blanks else None

    def is_blank_line(self, data: str) -> bool:
        """Whether a line is blank."""
        return self.has_blanks and not data.strip(_JSON_SPACE)

    def is_blank(self, pairs: Pairs) -> bool:
        """Whether an object has no value and counts as a blank row."""
        return self.has_blanks and all(value is None for _, value in pairs)

    def _is_accepted(self, name: str, value: Any) -> bool:
        if type(value) is bool:
            return name in self._booleans
        # a column judges a number by its spelling, as it judges a string
        return type(value) in (str, Number) or (value is None and name not in self._required)

    def pairs(self, data: str, line: int) -> Pairs:
        """Parse one line: its pairs of key and value. Raises ImportFailed (not_utf8, not_json, not_an_object)."""
        try:
            value = self._decoder.decode(data)
        except (ValueError, RecursionError) as error:
            raise self._not_json(data, line, error) from None
        if type(value) is not tuple:
            raise ImportFailed(
                "not_an_object",
                "the line is JSON but not an object; every line must be one object",
                line,
                value=excerpt(data),
            )
        return value

    def _not_json(self, data: str, line: int, error: Exception) -> ImportFailed:
        if not data.strip(_JSON_SPACE):
            return ImportFailed("not_json", "the line is empty; every line must be one JSON object", line, value="")
        if any(0xDC80 <= ord(character) <= 0xDCFF for character in data):
            return ImportFailed("not_utf8", "the line is not valid UTF-8", line, value=excerpt(data))
        what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        what = str(error) if type(error) is ValueError else what
        if what == "Extra data":
            what = "text follows it; set format=json if objects do not end where lines end"
            if data.rstrip().endswith("},"):
                what = "a comma follows it; put all objects into [ and ], or remove the commas between them"
        return ImportFailed("not_json", f"the line is not one JSON object: {what}", line, value=excerpt(data))

    def _wrong_type(self, name: str, value: Any, line: int) -> ImportFailed:
        expected = "a number or a string"
        expected += ", or true or false" * (name in self._booleans) + ", or null" * (name not in self._required)
        kinds = {bool: "a boolean", type(None): "null", list: "an array", tuple: "an object"}
        reason = f"{name} is {kinds[type(value)]}, expected is {expected}"
        text = json.dumps(value) if isinstance(value, bool | None) else None
        return ImportFailed("wrong_json_type", reason, line, column=name, value=text)


def numbered_lines(block: Block) -> Iterator[tuple[int, str]]:
    """The block's lines with their numbers; invalid bytes become surrogates."""
    text = block.data.decode("utf-8", "surrogateescape").removesuffix("\n")
    return enumerate(text.split("\n"), block.first_line)


def read_columns(block: Block, dataset: Dataset, file_format: FileFormat) -> dict[str, tuple[str | None, ...]] | None:
    """The values of the block's rows by column, not validated yet; None if any line is invalid or blank.

    If all lines have the form of the first one, a regular expression parses them in a third of the time.
    """
    reader = RowReader(dataset, file_format)
    if reader.has_blanks and (b"\n\n" in block.data or b"\n\r\n" in block.data):
        return None
    try:
        line, first = next(numbered_lines(block))
        if reader.values(first, line) is None:  # else its keys and the types of its values are valid
            return None
        text = block.data.decode()
        pairs = reader.pairs(first, line)
        uniform = None if reader.has_marks else _uniform_lines(pairs, reader.columns_of(pairs), dataset, reader.typed)
        columns = uniform.columns(text) if uniform else None
        if columns is None:
            rows = [reader.values(data, line) for line, data in numbered_lines(block)]
            whole = [row for row in rows if row is not None]
            if len(whole) < len(rows):
                return None
            columns = dict(zip(reader.names, zip(*whole, strict=True), strict=True))
    except (ImportFailed, UnicodeDecodeError):
        return None  # `read_block` finds the first error: a row before this one may have an invalid value
    return None if reader.has_blanks and _has_blank(columns) else columns


def _has_blank(columns: Mapping[str, Sequence[str | None]]) -> bool:
    if not all(None in values for values in columns.values()):
        return False
    return any(not any(value is not None for value in row) for row in zip(*columns.values(), strict=True))


@dataclass(frozen=True)
class _UniformLines:
    """Parses lines that have the same keys in the same order. `pattern` has one group for each value that is loaded, of
    `columns_found` in their order.

    Columns in `varied` have values of several JSON types: their groups match the JSON itself. `absent` columns have no
    key. `typed` has the functions that read numbers, and `numbers` are the columns that have nothing else.
    """

    pattern: re.Pattern[str]
    columns_found: tuple[str, ...]
    varied: frozenset[str]
    absent: tuple[str, ...]
    typed: Mapping[str, Callable[[str], str]]
    numbers: frozenset[str]

    def columns(self, text: str) -> dict[str, tuple[str | None, ...]] | None:
        """The values by column; None unless every line matches the pattern."""
        found = self.pattern.findall(text)
        rows = text.count("\n") + (not text.endswith("\n"))
        if len(found) != rows:
            return None
        groups = zip(*found, strict=True) if len(self.columns_found) > 1 else iter([tuple(found)])
        columns: dict[str, tuple[str | None, ...]] = dict(zip(self.columns_found, groups, strict=True))
        for name in self.varied:
            read = self.typed.get(name, str)
            columns[name] = tuple(
                None
                if value == "null"
                else value[1:-1]
                if value[0] == '"'
                else read(value)
                if is_like_groups(value)
                else value
                for value in cast("tuple[str, ...]", columns[name])
            )
        for name in self.numbers:
            read, values = self.typed[name], cast("tuple[str, ...]", columns[name])
            columns[name] = tuple(read(value) if is_like_groups(value) else value for value in values)
        return columns | dict.fromkeys(self.absent, (None,) * rows)


_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?"
_STRING = r'[^"\\\x00-\x1f]*+'


def _uniform_lines(
    pairs: Pairs, mapped: Sequence[str | None], dataset: Dataset, typed: Mapping[str, Callable[[str], str]]
) -> _UniformLines | None:
    """The parser for lines with these keys and types of values; None if a value that is left out is nested. `mapped`
    has the column of each key.

    It matches only texts that mean the same in JSON: no string with a backslash or a control character, no number with
    an exponent.
    """
    space = r"[ \t]*+"
    columns = {column.name: column for column in dataset.columns}
    members, varied, numbers = [], set(), set()
    for (key, value), name in zip(pairs, mapped, strict=True):
        if name is None and type(value) in (list, tuple):
            return None
        column = columns[name] if name is not None else None
        if column is None:
            form = f'(?:"{_STRING}"|{_NUMBER}|true|false|null)'
        elif column.required and column.type is not ColumnType.BOOLEAN and type(value) is not bool:
            form = f"({_NUMBER})" if type(value) is Number else f'"({_STRING})"'
            numbers |= {column.name} & typed.keys() if type(value) is Number else set()
        else:
            kinds = [f'"{_STRING}"', _NUMBER] + ["true|false"] * (column.type in _TAKE_BOOLEANS)
            form = f"({'|'.join(kinds + ['null'] * (not column.required))})"
            varied.add(column.name)
        members.append(re.escape(json.dumps(key, ensure_ascii=False)) + f"{space}:{space}{form}")
    inside = f"{space},{space}".join(members)
    pattern = re.compile(rf"^{space}\{{{space}{inside}{space}\}}{space}\r?$", re.MULTILINE)
    found = tuple(name for name in mapped if name is not None)
    absent = tuple(name for name in columns if name not in found)
    return _UniformLines(pattern, found, frozenset(varied), absent, typed, frozenset(numbers))


def read_block(block: Block, dataset: Dataset, file_format: FileFormat, first_row: int) -> Iterator[Batch]:
    """Parse and validate the block's rows one by one; invalid rows are the batches' rejects."""
    blanks = BlankRowCounter()
    rows = _rows(block, RowReader(dataset, file_format), blanks)
    return check_rows(rows, dataset, first_row, block.source_bytes, blanks=blanks)


def _rows(block: Block, reader: RowReader, blanks: BlankRowCounter) -> Iterator[Record]:
    lines = _filled_lines(block, blanks) if reader.has_blanks else numbered_lines(block)
    for line, data in lines:
        text = data.removesuffix("\r")
        found: Sequence[str | None] | ImportFailed | None
        try:
            found = reader.values(data, line)
        except ImportFailed as failed:
            found = failed
        if found is None:
            blanks.add()
        else:
            yield line, text, found


_SPACES = re.compile(f"[{_JSON_SPACE}\n]*+")


def _filled_lines(block: Block, blanks: BlankRowCounter) -> Iterator[tuple[int, str]]:
    """`numbered_lines` without the blank lines. There may be millions of them."""
    text = block.data.decode("utf-8", "surrogateescape")
    line, position = block.first_line, 0
    while position < len(text):
        found = _SPACES.match(text, position)
        spaces = found.end() if found else position
        begin = len(text) if spaces == len(text) else text.rfind("\n", position, spaces) + 1
        if begin > position:
            passed = text.count("\n", position, begin)
            blanks.add(passed + (begin == len(text) and text[-1] != "\n"))
            line, position = line + passed, begin
            continue
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        yield line, text[position:end]
        line, position = line + 1, end + 1
