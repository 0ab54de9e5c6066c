"""The grammar of a CSV dialect: what a record and a field are."""

import re
from collections.abc import Callable, Iterator
from functools import cache

from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.csv.quoting import Quoting
from app.formats.errors import excerpt
from app.formats.streams.blocks import RECORD_BYTES

# what `trim` removes around a field, besides the delimiter
BLANKS = " \t\u00a0\u2007\u2009\u202f"


class NullField(str):
    """A field that means NULL: empty and unquoted, or the client's null text."""


class Grammar:
    """Parses the records of one dialect. Lines that begin with `comment` are comments, unless it is empty. `trim` says
    that blanks around a field are removed."""

    def __init__(self, delimiter: str, quote: str, comment: str = "", trim: bool = False) -> None:
        self.delimiter, self.quote, self._comment, self._trim = delimiter, quote, comment, trim
        d, q = re.escape(delimiter), re.escape(quote)
        # A field and the separator after it. Possessive: a quote that never closes costs one pass without backtracking.
        plain = rf"(?:(?!{d})[^{q}\n])*+" if len(delimiter) > 1 else rf"[^{q}{d}\n]*+"
        ending = rf"({d}|\r?\n|\Z)"
        self._blanks = "".join(blank for blank in BLANKS if blank not in delimiter)
        around = f"[{self._blanks}]*+" if trim else ""
        quoted = rf"{around}{q}((?:[^{q}]++|{q}{q})*+){q}{around}" if quote else r"(?!)()"
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
        blanks: bool = False,
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

        With `passed`, comments are skipped, and with `blanks` also lines without any value and without too many fields.
        It is called with the number of these lines and of their characters.
        """
        line, position, end = first_line, 0, len(text)
        match, delimiter, quote, trim = self._field.match, self.delimiter, self.quote, self._trim
        lacking = {text: NullField(text) for text in ("", null) if text is not None}
        while position < end:
            if passed is not None and (begin := self._after_skipped(text, position, max_fields, blanks)) > position:
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
                    plain = plain.strip(self._blanks) if trim else plain
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
            if trim and blanks and passed is not None and not failed and _is_blank(fields, max_fields):
                passed(1, position - start)
            else:
                yield line, text[start:position], failed or fields
            line += text.count("\n", start, position)

    def _after_skipped(self, text: str, position: int, max_fields: int, blanks: bool) -> int:
        """Where the next line begins that is not skipped."""
        while True:
            begin = position
            if blanks:
                position = self._after_blanks(text, position, max_fields)
            while self._comment and text.startswith(self._comment, position):
                position = text.find("\n", position) + 1 or len(text)
            if position == begin:
                return position

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
        return self._begins_with_quote(text, position) and not self._quoted.match(text, position)

    def _begins_with_quote(self, text: str, position: int) -> bool:
        while self._trim and text.startswith(tuple(self._blanks), position):
            position += 1
        return text.startswith(self.quote, position)

    def _bad_quote(self, text: str, position: int, line: int, cut_off: bool) -> ImportFailed:
        if not self._begins_with_quote(text, position):
            reason = (
                "the field contains a quote but does not begin with one; quote the field and double the quote inside"
                " it, or set quote=none if quotes are part of the values"
            )
        elif self._quoted.match(text, position):
            reason = (
                "text follows a closing quote; double the quotes inside a quoted field, or set quote=none if quotes are"
                " part of the values"
            )
        elif cut_off:
            return _too_long(line)
        else:
            reason = "a quote opens a field and never closes; set quote=none if quotes are part of the values"
        return ImportFailed("bad_quote", reason, line=line, value=excerpt(text[position:].partition("\n")[0]))


def _is_blank(fields: list[str], max_fields: int) -> bool:
    return len(fields) <= max_fields and all(not field and type(field) is NullField for field in fields)


@cache
def grammar(delimiter: str, quote: str, comment: str = "", trim: bool = False) -> Grammar:
    """The grammar of a dialect, cached."""
    return Grammar(delimiter, quote, comment, trim)


def grammar_of(file_format: FileFormat) -> Grammar:
    """The grammar of a file's dialect."""
    return grammar(file_format.delimiter, file_format.quote, file_format.comment or "", bool(file_format.trim))


def _too_long(line: int) -> ImportFailed:
    return ImportFailed(
        "record_too_long",
        f"the record is longer than {RECORD_BYTES} bytes, or a quote opens a field and never closes",
        line=line,
    )
