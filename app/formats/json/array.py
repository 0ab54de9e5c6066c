"""Parses one JSON array of objects, element after element while it is read."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.json.ndjson import RowReader
from app.formats.json.scanner import Broken, JsonText, truncated
from app.formats.json.values import Pairs
from app.formats.streams.decompression import Readable
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import MAX_REJECTS, Records

_PIECE_BYTES = 64 * 1024

Row = TypeVar("Row")

# A row's text, its line, and its values or the error; None for a blank row.
_Element = tuple[str, int, tuple[str | None, ...] | ImportFailed | None]


def read_records(source: Readable, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Records]:
    """Read the array's rows in chunks of about `batch_bytes` of text.

    An invalid element goes to its chunk's `bad`. If the array itself is broken, the last chunk has the `failure`
    (not_json, not_utf8, missing_comma, trailing_comma, truncated_json, text_after_array, record_too_long). Raises
    ImportFailed for a file without elements: empty_file, not_an_array, no_rows.
    """
    text = JsonText(source, max(batch_bytes, _PIECE_BYTES))
    text.begin_array()
    reader = RowReader(dataset, file_format)
    found = elements(text, reader.values_of)
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


def elements(text: JsonText, row_of: Callable[[Pairs, int], Row]) -> Iterator[tuple[str, int, Row | ImportFailed]]:
    """Each element's text, its line, and the result of `row_of` for its pairs of key and value, or the error.

    `text` must be positioned after the opening bracket. Raises Broken if the rest of the array can't be parsed.
    """
    while True:
        line = text.line
        value, taken = text.value()
        try:
            if text.constant is not None:
                reason = f"the element is not JSON: {text.constant} is not JSON"
                raise ImportFailed("not_json", reason, line, value=excerpt(taken))
            if type(value) is not tuple:
                reason = "the element is JSON but not an object; every element of the array must be one object"
                raise ImportFailed("not_an_object", reason, line, value=excerpt(taken))
            yield taken, line, row_of(value, line)
        except ImportFailed as failed:
            yield taken, line, failed
        if text.take_comma():  # the usual case
            continue
        following = text.next_character()
        if following == "]":
            text.take(text.at + 1)
            if text.next_character():
                reason = "text follows the bracket that closes the array; the file must hold one array only"
                raise Broken(ImportFailed("text_after_array", reason, text.line, value=text.excerpt()))
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
