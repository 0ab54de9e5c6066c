"""Quoting: whether a file's quotes enclose fields or are part of the values. Only the whole file shows it."""

import re
from collections.abc import Iterator, Sequence

from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.errors import excerpt

_LINE_ENDS = re.compile("[\r\n]+")
_PUNCTUATION = ",; :"  # delimiters that a text often contains


class Quoting:
    """Observes the quotes while a file is read once.

    In a file without quoting, a field may begin with a quote by chance, and a later field may end with one. Together
    they would swallow the rows between them. So a quoted value is doubtful if its own lines look like rows of the file:
    the lines within it, or without any the two lines on which it begins and ends. The question is `settled` if the
    client set `quote`, if the file has no quote, or if another quoted field is beyond doubt.
    """

    def __init__(self, file_format: FileFormat) -> None:
        self.width: int | None = None  # fields of a row; None if unknown: then the record's own number counts
        self.settled = file_format.quote_given or not file_format.quote
        self._delimiter, self._quote = file_format.delimiter, file_format.quote
        self._doubtful: ImportFailed | None = None

    @property
    def failure(self) -> ImportFailed | None:
        """The error (doubtful_quote) that ends the import if the file ends here."""
        return None if self.settled else self._doubtful

    def observe(
        self, text: str, record: tuple[int, int], values: Sequence[tuple[int, int]], fields: int, line: int
    ) -> None:
        """Observe one record.

        `record` and `values` are positions in the text, of the record and of its quoted values in their order. `fields`
        is its number of fields, `line` its line in the file. The time grows with the length of the record only, however
        many values it has.
        """
        width = self.width or fields
        waiting = iter(values)
        opens, closes = next(waiting)
        first = within = 0  # fields of the line where a value begins, and how many whole lines it has
        for begin, end in _lines(text, *record):
            count = text.count(self._delimiter, begin, end) + 1
            while opens <= end and not self.settled:
                if opens >= begin:
                    first, within = count, 0
                    self.settled = closes <= end or width == 1
                    break
                if closes > end:
                    within += 1
                    self.settled = count != width
                    break
                few = text.count(self._delimiter, opens, closes) < 2 and self._delimiter in _PUNCTUATION
                self.settled = few or (not within and not first == count == width)
                if self._doubtful is None:
                    self._doubtful = self._failure(text, line + text.count("\n", record[0], opens), opens, closes)
                opens, closes = next(waiting, (record[1] + 1, 0))
            if self.settled:
                return

    def _failure(self, text: str, line: int, opens: int, closes: int) -> ImportFailed:
        last_line = line + text.count("\n", opens, closes)
        begin = text.rfind("\n", 0, opens) + 1
        return ImportFailed(
            "doubtful_quote",
            f"a quote opens on this line and closes on line {last_line}, the text between them looks like rows, and"
            " no other field of the file is quoted. Set `quote=none` if quotes are part of the values, or"
            f" `quote={self._quote}` if this is one value with line breaks",
            line=line,
            value=excerpt(text[begin:closes].partition("\n")[0].removesuffix("\r")),
        )


def _lines(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The positions of the lines that are not empty."""
    for found in _LINE_ENDS.finditer(text, begin, end):
        if found.start() > begin:
            yield begin, found.start()
        begin = found.end()
    if begin < end:
        yield begin, end
