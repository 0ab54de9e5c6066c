"""Detects the dialect of a CSV file: by the line that names the dataset's columns, and by the shape of the first
rows."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_names import fold
from app.formats.csv.grammar import grammar_of
from app.formats.csv.header import are_column_names, guess_header, looks_like_data
from app.formats.csv.preamble import is_blank_or_comment, named_delimiter
from app.formats.csv.stray_quotes import has_quoted_field, may_be_unquoted, unquoted
from app.formats.options import FormatOptions
from app.formats.streams.formulas import texts_for_formulas

SEARCHED_LINES = 30  # the header must be among them
_DELIMITERS = (",", ";", "\t", "|", "\x1f", "\x01")
_SAMPLED_ROWS = 50
_MIN_CUT_OFF = 16 * 1024  # characters: a text of this length may end within its first line


def find(file_format: FileFormat, options: FormatOptions, text: str, dataset: Dataset, name: str) -> FileFormat:
    """The file format, completed by what the beginning of the file shows. Options of the client override that."""
    text = re.sub("\r\n?", "\n", text)
    if file_format.escape:
        text = _unescape(text, file_format.quote)
    possible = [options.delimiter] if options.delimiter else _DELIMITERS
    if options.quote in (None, '"'):
        known = [delimiter.encode("utf-8", "surrogateescape") for delimiter in possible]
        text = texts_for_formulas(text.encode("utf-8", "surrogateescape"), known).decode("utf-8", "surrogateescape")
    delimiters: tuple[str, ...] = (options.delimiter,) if options.delimiter else _DELIMITERS
    if name.lower().endswith((".tsv", ".tab", ".tsv.gz", ".tsv.zst")) and not options.delimiter:
        delimiters = ("\t", *(other for other in delimiters if other != "\t"))
    first, _, rest = text.partition("\n")
    if options.delimiter is None and (told := named_delimiter(first)) and told in rest.lstrip("\n").partition("\n")[0]:
        delimiters = (told,) if file_format.quote not in told else delimiters
    candidates = [_without_stray_quotes(replace(file_format, delimiter=delimiter), text) for delimiter in delimiters]
    score, found = max(
        (_score_by_names(candidate, options, text, dataset) for candidate in candidates), key=lambda scored: scored[0]
    )
    if score < 1:  # no line names a column of the dataset
        found = max(
            (_score_by_shape(candidate, options, text) for candidate in candidates), key=lambda scored: scored[0]
        )[1]
        if (
            options.header is None
            and options.columns is None
            and not dataset.columns
            and _begins_with_data(found, text)
        ):
            found = replace(found, header=False)
    if options.quote is None and _is_quoted_with("'", found.delimiter, text):
        found = replace(found, quote="'")
    if options.escape is None and found.quote and f"\\{found.quote}" in text and _reads_better_escaped(found, text):
        found = replace(found, escape="\\")
    if found.header is None:
        found = replace(found, header=_has_header(found, text, dataset))
    first_line_found = options.first_line is None and found.first_line > 1
    found = replace(found, trailing=_has_trailing_delimiter(found, text), first_line_found=first_line_found)
    return found if found.quote else replace(found, quote=file_format.quote)


def _without_stray_quotes(file_format: FileFormat, text: str) -> FileFormat:
    """The format as the reader will have it if quotes turn out to be part of the values."""
    if not may_be_unquoted(file_format) or file_format.quote not in text:
        return file_format
    return file_format if has_quoted_field(text.encode("utf-8", "replace"), file_format) else unquoted(file_format)


def _has_header(file_format: FileFormat, text: str, dataset: Dataset) -> bool | None:
    """Whether the first line is a header, with a list of columns; None if that is unclear or needs the whole line."""
    whole = "\n".join(text.split("\n")[file_format.first_line - 1 :])
    records = grammar_of(file_format).records(whole, 1, len(whole) + 1)
    _, record, fields = next(records, (1, "", []))
    is_whole = record.endswith("\n") or len(text) < _MIN_CUT_OFF
    if (
        isinstance(fields, ImportFailed)
        or not isinstance(file_format.columns, list)
        or not is_whole
        or file_format.escape
    ):
        return None
    return guess_header(fields, file_format.columns, dataset, file_format.first_line)


def _score_by_names(
    file_format: FileFormat, options: FormatOptions, text: str, dataset: Dataset
) -> tuple[float, FileFormat]:
    """How well a delimiter fits, and the file format with the line of the header, or of the first row.

    A header that names columns of the dataset scores most; else the number of fields counts.
    """
    lines = text.split("\n")[:SEARCHED_LINES] if options.first_line is None else text.split("\n")[: options.first_line]
    begun = range(options.first_line or 1, len(lines) + 1)
    first = next(
        (line for line in begun if not is_blank_or_comment(lines[line - 1], line, options.comment)), begun.start
    )
    named = [line for line in begun if not options.comment or not lines[line - 1].startswith(options.comment)]
    if not file_format.header or isinstance(options.columns, list):
        if isinstance(options.columns, list) and options.header is not False:
            for line in named:
                names = [field.strip() for field in _fields(file_format, lines[line - 1])]
                names = names[: len(names) - (len(names) == len(options.columns) + 1 and not names[-1])]
                if len(names) == len(options.columns) and are_column_names(names, options.columns, dataset):
                    return 2.0 + _score_of_width(names), replace(file_format, first_line=line)
        fields = _fields(file_format, lines[first - 1]) if first in begun else []
        expected = len(options.columns) if isinstance(options.columns, list) else len(dataset.columns)
        fits = fields and (len(fields) == expected or (len(fields) == expected + 1 and not fields[-1]))
        return (2.0 if fits else _score_of_width(fields)), replace(file_format, first_line=first)
    wanted = {fold(name) for name in dataset.column_names}
    if isinstance(options.columns, dict):
        wanted -= {fold(to) for to in options.columns.values() if to}
        wanted |= {fold(of) for of, to in options.columns.items() if to}
    best, best_line = 0.0, first
    for line in named:
        fields = _fields(file_format, lines[line - 1])
        matched = len(wanted.intersection(map(fold, fields))) + _score_of_width(fields)
        if matched > best:
            best, best_line = matched, line
    return best, replace(file_format, first_line=best_line if best >= 1 else first)


def _score_by_shape(file_format: FileFormat, options: FormatOptions, text: str) -> tuple[float, FileFormat]:
    """How well a delimiter fits if no line names a column, and the file format with the line where the table begins:
    the first record that has as many fields as most of those after it."""
    lines = text.split("\n")
    begun = options.first_line or 1
    while (
        options.first_line is None
        and begun < len(lines)
        and is_blank_or_comment(lines[begun - 1], begun, options.comment)
    ):
        begun += 1
    rest = "\n".join(lines[begun - 1 :])
    records = islice(
        grammar_of(file_format).records(rest, begun, len(rest) + 1, passed=_ignore),
        SEARCHED_LINES + _SAMPLED_ROWS,
    )
    widths = [(line, 0 if isinstance(fields, ImportFailed) else len(fields)) for line, _, fields in records]
    counts = Counter(width for _, width in widths if width > 1)
    if not counts:
        return 0.0, replace(file_format, first_line=begun)
    width, often = counts.most_common(1)[0]
    line = begun if options.first_line else next(line for line, each in widths if each == width)
    return often / len(widths) * (1 - 1 / (1 + width)), replace(file_format, first_line=line)


def _begins_with_data(file_format: FileFormat, text: str) -> bool:
    """Whether the first row contains a number, a date or an e-mail address, as no header does."""
    fields = next(_rows(file_format, text), [])
    return any(looks_like_data(field) for field in fields)


def _score_of_width(fields: list[str]) -> float:
    """Below 1, and higher for more fields: breaks ties."""
    return 1 - 1 / (1 + len(fields)) if len(fields) > 1 else 0.0


def _fields(file_format: FileFormat, line: str) -> list[str]:
    records = grammar_of(file_format).records(line, 1, len(line) + 1)
    fields = next((fields for _, _, fields in records), [])
    return [] if isinstance(fields, ImportFailed) else fields


def _is_quoted_with(quote: str, delimiter: str, text: str) -> bool:
    """Whether complete lines have fields in these quotes, each of them as a whole, and none in double quotes."""
    text = "\n" + text[: text.rfind("\n") + 1]
    d = re.escape(delimiter)
    if re.search(f'(?:^|{d})"', text, re.MULTILINE):
        return False
    opened = len(re.findall(f"(?:^|{d}){quote}", text, re.MULTILINE))
    if not opened or opened != len(re.findall(f"{quote}(?:{d}|$)", text, re.MULTILINE)):
        return False
    inside = rf"(?:[^{quote}]|{quote}{quote}|(?<=\\){quote})*"
    return opened == len(re.findall(f"(?:^|{d}){quote}{inside}{quote}(?={d}|$)", text, re.MULTILINE))


def _reads_better_escaped(file_format: FileFormat, text: str) -> bool:
    return _good_rows(file_format, _unescape(text, file_format.quote)) > _good_rows(file_format, text)


def _unescape(text: str, quote: str) -> str:
    pair = re.compile(rf"\\([\\{re.escape(quote)}])")
    return pair.sub(lambda found: quote * 2 if found[1] == quote else found[1], text)


def _good_rows(file_format: FileFormat, text: str) -> int:
    """How many of the first rows have as many fields as the first one, up to the first that can't be parsed."""
    rows = list(_rows(file_format, text))
    return sum(len(fields) == len(rows[0]) for fields in rows)


def _rows(file_format: FileFormat, text: str) -> Iterator[list[str]]:
    """The first rows, the header included, up to the first that can't be parsed."""
    whole = "\n".join(text.split("\n")[file_format.first_line - 1 :])
    for _, _, fields in islice(
        grammar_of(file_format).records(whole, 1, len(whole) + 1, passed=_ignore), _SAMPLED_ROWS
    ):
        if isinstance(fields, ImportFailed):
            return
        yield fields


def _has_trailing_delimiter(file_format: FileFormat, text: str) -> bool:
    """Whether the first row has one more field than the header, and it is empty."""
    rows = list(islice(_rows(file_format, text), 2))
    if not file_format.header:
        named = len(file_format.columns) if isinstance(file_format.columns, list) else 0
        return bool(rows) and len(rows[0]) == named + 1 and not rows[0][-1]
    return len(rows) > 1 and bool(rows[0][-1]) and len(rows[1]) == len(rows[0]) + 1 and not rows[1][-1]


def _ignore(lines: int, characters: int) -> None:
    """Comments say nothing about the dialect."""
