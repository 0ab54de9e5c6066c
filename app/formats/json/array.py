"""Parses JSON objects one after another while the file is read: the elements of an array, or objects in sequence."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.json import path as paths
from app.formats.json.ndjson import RowReader
from app.formats.json.scanner import Broken, JsonText, truncated
from app.formats.json.values import Pairs
from app.formats.streams.source import Readable
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import MAX_REJECTS, Records

_PIECE_BYTES = 64 * 1024

Row = TypeVar("Row")

# A row's text, its line, and its values or the error; None for a blank row.
_Element = tuple[str, int, tuple[str | None, ...] | ImportFailed | None]


def read_records(source: Readable, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Records]:
    """Read the rows in chunks of about `batch_bytes` of text: the elements of the file's array or of the array that
    `records` names, or objects one after another.

    An element that is no row goes to its chunk's `bad`. Where the file itself is broken the last chunk has the
    `failure` (not_json, not_utf8, missing_comma, trailing_comma, truncated_json, text_after_array, doubled_key,
    record_too_long). Raises ImportFailed for a file that has no elements: empty_file, not_an_array, no_rows,
    records_not_found.
    """
    text = JsonText(source, max(batch_bytes, _PIECE_BYTES))
    reader = RowReader(dataset, file_format)
    found = objects(text, paths.records_path(file_format), reader.values_of)
    chunk = _Chunk(dataset)
    failure = None
    while True:
        try:
            element = next(found, None)
        except Broken as broken:
            failure = broken.failure
            break
        if element is None:
            break
        # Only once there is another element: the last chunk must be the one that has read all of the file.
        if chunk.characters >= batch_bytes or len(chunk.bad) >= MAX_REJECTS:
            yield chunk.records(source.position)
            chunk = _Chunk(dataset)
        chunk.add(element)
    yield chunk.records(source.position, failure)


class _Chunk:
    def __init__(self, dataset: Dataset) -> None:
        self._names = dataset.column_names
        self._rows: list[tuple[str | None, ...]] = []
        self._lines: list[int] = []
        self._blank = 0
        self._places: list[int] = []
        self.bad: list[tuple[int, str, ImportFailed]] = []
        self.characters = 0

    def add(self, element: _Element) -> None:
        text, line, found = element
        self.characters += len(text)
        if found is None:
            self._blank += 1
        elif isinstance(found, ImportFailed):
            self._places.append(len(self._rows) + len(self.bad))
            self.bad.append((line, text, found))
        else:
            self._rows.append(found)
            self._lines.append(line)

    def records(self, source_bytes: int, failure: ImportFailed | None = None) -> Records:
        columns = zip(*self._rows, strict=True) if self._rows else (() for _ in self._names)
        return Records(
            columns=dict(zip(self._names, columns, strict=True)),
            lines=self._lines,
            source_bytes=source_bytes,
            bad=self.bad,
            failure=failure,
            blank=self._blank,
            places=self._places,
        )


RowOf = Callable[[Pairs, int, str], Row]
Found = Iterator[tuple[str, int, Row | ImportFailed]]


def objects(text: JsonText, path: paths.Path | None, row_of: RowOf[Row]) -> Found[Row]:
    """Each record's text and line, and what `row_of` makes of its keys and values, its line and its text, or why it is
    no row.

    Raises ImportFailed where the file has no records, and Broken where it can't be read any further.
    """
    if path is not None:
        paths.enter(text, path)
        yield from _elements(text, row_of, lambda: paths.leave(text, path))
    elif text.next_character() == "{":
        yield from _in_a_row(text, row_of)
    else:
        text.begin_array()
        yield from _elements(text, row_of, lambda: _end_array(text))


def _element(text: JsonText, row_of: RowOf[Row], place: str) -> tuple[str, int, Row | ImportFailed]:
    line = text.line
    value, taken = text.value()
    try:
        if text.constant is not None:
            reason = f"the element is not JSON: {text.constant} is not JSON"
            raise ImportFailed("not_json", reason, line, value=excerpt(taken))
        if type(value) is not tuple:
            reason = f"the element is JSON but no object; every element of {place} must be one object"
            raise ImportFailed("not_an_object", reason, line, value=excerpt(taken))
        return taken, line, row_of(value, line, taken)
    except ImportFailed as failed:
        return taken, line, failed


def _in_a_row(text: JsonText, row_of: RowOf[Row]) -> Found[Row]:
    while following := text.next_character():
        if following != "{":
            reason = "an object must begin here: objects that follow each other have nothing but spaces between them"
            if following == ",":
                reason = "a comma stands after an object, but the file does not begin with [: put all into [ and ]"
            raise Broken(ImportFailed("not_json", reason, text.line, value=text.excerpt()))
        yield _element(text, row_of, "the file")


def _end_array(text: JsonText) -> None:
    if text.next_character():
        reason = "text follows the bracket that closes the array; the file must hold one array only"
        raise Broken(ImportFailed("text_after_array", reason, text.line, value=text.excerpt()))


def _elements(text: JsonText, row_of: RowOf[Row], end: Callable[[], None]) -> Found[Row]:
    """The elements of an array; `text` stands behind its opening bracket, and where `end` is called behind the closing
    one."""
    while True:
        yield _element(text, row_of, "the array")
        if text.take_comma():  # mostly; anything else is looked at in detail
            continue
        following = text.next_character()
        if following == "]":
            text.take(text.at + 1)
            end()
            return
        if following != ",":
            if not following:
                raise Broken(truncated("after an element", text.line))
            reason = "a comma is missing between two elements, or a bracket after the last"
            raise Broken(ImportFailed("missing_comma", reason, text.line, value=text.excerpt()))
        text.take(text.at + 1)
        following = text.next_character()
        if following == "]":
            reason = "there is a comma after the last element; remove it"
            raise Broken(ImportFailed("trailing_comma", reason, text.line, value=text.excerpt()))
        if not following:
            raise Broken(truncated("after a comma", text.line))
