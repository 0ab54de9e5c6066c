"""The CSV parser, by RFC 4180 with any delimiter and quote: a quote inside quotes is doubled. If the fast reader
(`validate.vectorized`) is in doubt, this parser decides.

Lines end with a line feed, perhaps after a carriage return: `app.formats.streams.decoding` converts all others.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.column_mapping import MAX_COLUMNS, ColumnMapping
from app.formats.csv.quoting import Quoting
from app.formats.streams.blocks import RECORD_BYTES, Block
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import BlankRowCounter, Record, check_rows


class NullField(str):
    """A field that means NULL: empty and unquoted, or the client's null text."""


class Grammar:
    """Parses the records of one dialect."""

    def __init__(self, delimiter: str, quote: str) -> None:
        self.delimiter, self.quote = delimiter, quote
        d, q = re.escape(delimiter), re.escape(quote)
        # A field and the separator after it. Possessive: a quote that never closes costs one pass without backtracking.
        plain = rf"(?:(?!{d})[^{q}\n])*+" if len(delimiter) > 1 else rf"[^{q}{d}\n]*+"
        ending = rf"({d}|\r?\n|\Z)"
        quoted = rf"{q}((?:[^{q}]++|{q}{q})*+){q}" if quote else r"(?!)()"
        self._field = re.compile(f"(?:{quoted}|({plain})){ending}")
        self._quoted = re.compile(quoted)
        # Line ends and delimiters. Up to the last line end among them, the lines have no value.
        bare = rf"[{d}\n]++" if len(delimiter) == 1 else rf"(?:{d})++|\n++"
        self._blank = re.compile(rf"(?:{bare}|\r\n)++")

    def records(
        self,
        text: str,
        first_line: int,
        max_fields: int,
        *,
        cut_off: bool = False,
        keep: Callable[[str], None] | None = None,
        null: str | None = None,
        quoting: Quoting | None = None,
        passed: Callable[[int, int], None] | None = None,
    ) -> Iterator[tuple[int, str, list[str] | ImportFailed]]:
        """Parse a text that begins on line `first_line` of the file. Yields each record's line, its text with its line
        end, and its fields, or the error if it can't be parsed (bad_quote, record_too_long).

        A field that means NULL is a `NullField`; `null` is the client's text for that. No record has more than
        `max_fields` + 1 fields: the rest of its line is skipped. A record with an error ends with its first line, so
        that a stray quote does not swallow the lines after it.

        `keep` is for text that goes on elsewhere: if a quote opens and does not close, it is called with the text from
        that record on, and nothing more is yielded. Without it that is an error. `cut_off` says that the text ends
        within a record. `quoting` observes the quoted values.

        With `passed`, lines without any value and without too many fields are skipped as blank. It is called with the
        number of these lines and of their characters.
        """
        line, position, end = first_line, 0, len(text)
        match, delimiter, quote = self._field.match, self.delimiter, self.quote
        lacking = {text: NullField(text) for text in ("", null) if text is not None}
        while position < end:
            if passed is not None and (begin := self._after_blanks(text, position, max_fields)) > position:
                lines = text.count("\n", position, begin)
                passed(lines + (begin == end and text[-1] != "\n"), begin - position)
                line, position = line + lines, begin
                continue
            fields: list[str] = []
            spans: list[tuple[int, int]] = []
            failed: ImportFailed | None = None
            start = position
            while True:
                found = match(text, position)
                if found is None:
                    if keep is not None and self._is_open(text, position):
                        keep(text[start:])
                        return
                    failed = self._bad_quote(text, position, line, cut_off)
                    break
                quoted, plain, ending = found.groups()
                position = found.end()
                if quoted is None:
                    # Only the line feed shows that the carriage return before it belongs to the line end.
                    plain = plain[:-1] if ending == "\n" and plain.endswith("\r") else plain
                    fields.append(lacking.get(plain, plain))
                else:
                    fields.append(quoted.replace(quote * 2, quote))
                    if quoting is not None and not quoting.settled:
                        spans.append(found.span(1))
                if ending != delimiter or len(fields) > max_fields:
                    break
            if failed or len(fields) > max_fields:
                position = text.find("\n", start if failed else position - 1) + 1 or end
            if spans and quoting is not None and not failed:
                quoting.observe(text, (start, position), spans, len(fields), line)
            yield line, text[start:position], failed or fields
            line += text.count("\n", start, position)

    def _after_blanks(self, text: str, position: int, max_fields: int) -> int:
        """Where the next line with a value, or with too many fields, begins."""
        found = self._blank.match(text, position)
        if found is None:
            return position
        end = text.find(self.delimiter * max_fields, position, found.end())
        if end < 0 and (end := found.end()) == len(text):
            return end
        return max(position, text.rfind("\n", position, end) + 1)

    def _is_open(self, text: str, position: int) -> bool:
        return text.startswith(self.quote, position) and not self._quoted.match(text, position)

    def _bad_quote(self, text: str, position: int, line: int, cut_off: bool) -> ImportFailed:
        if not text.startswith(self.quote, position):
            reason = (
                "the field contains a quote but does not begin with one; quote the field and double the quote inside it"
            )
        elif self._quoted.match(text, position):
            reason = "text follows a closing quote; quotes inside a quoted field must be doubled"
        elif cut_off:
            return _too_long(line)
        else:
            reason = "a quote opens a field and never closes"
        return ImportFailed("bad_quote", reason, line=line, value=excerpt(text[position:].partition("\n")[0]))


@cache
def grammar(delimiter: str, quote: str) -> Grammar:
    """The grammar of a dialect, cached."""
    return Grammar(delimiter, quote)


def parse_header(block: Block, file_format: FileFormat, quoting: Quoting | None = None) -> list[str]:
    """The names in the header's record. Raises ImportFailed (bad_quote)."""
    text = block.data.decode("utf-8", "surrogateescape")
    parser = grammar(file_format.delimiter, file_format.quote)
    records = parser.records(text, block.first_line, MAX_COLUMNS, quoting=quoting)
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
    records = grammar(file_format.delimiter, file_format.quote).records(
        text,
        block.first_line,
        width,
        cut_off=block.cut_off,
        keep=keep_text,
        null=file_format.null,
        quoting=quoting,
        passed=blanks.add if mapping.has_blanks else None,
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


def _too_long(line: int) -> ImportFailed:
    return ImportFailed(
        "record_too_long",
        f"the record is longer than {RECORD_BYTES} bytes, or a quote opens a field and never closes",
        line=line,
    )


def _wrong_number(fields: Sequence[str], expected: int, line: int, delimiter: str) -> ImportFailed:
    value = excerpt(delimiter.join(fields))
    if fields == [""]:
        return ImportFailed("too_few_fields", f"the line is empty, {expected} fields were expected", line, value=value)
    if len(fields) < expected:
        reason = f"the row has {len(fields)} field{'s' * (len(fields) > 1)}, {expected} were expected"
        return ImportFailed("too_few_fields", reason, line, value=value)
    return ImportFailed(
        "too_many_fields",
        f"the row has more than the {expected} fields that were expected; a text with the delimiter must be quoted",
        line,
        value=value,
    )
