"""The lines above a table: titles and comments are skipped, but rows there fail the import."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_mapping import ColumnMapping
from app.formats.csv.grammar import grammar_of
from app.formats.csv.header import accepts, looks_like_value, normalized
from app.formats.validate.columns import excerpt, validator_for

_COMMENT = re.compile(r"#(?:[^\w]|$)")
_SEPARATOR = re.compile(r'(?P<quote>"?)sep=(?P<delimiter>[^\r\n]{1,8}?)(?P=quote)\r?\n?', re.IGNORECASE)
_DATEV = ("EXTF", "DTVF")  # how the line above the header begins in files of DATEV
_MAX_LINES_SHOWN = 5


def is_blank_or_comment(text: str, line: int, comment: str | None = None) -> bool:
    """Whether a line is empty, a comment, or the `sep=` line in which spreadsheets name the delimiter."""
    comments = ("#", comment) if comment else ("#",)
    return not text.strip() or text.startswith(comments) or (line == 1 and named_delimiter(text) is not None)


def named_delimiter(line: str) -> str | None:
    """The delimiter that a `sep=` line names; None for any other line."""
    found = _SEPARATOR.fullmatch(line)
    return found["delimiter"] if found else None


def check_skipped(text: str, file_format: FileFormat, dataset: Dataset, mapping: ColumnMapping, *, named: bool) -> None:
    """Raises ImportFailed (rows_above) if `text`, the skipped lines above the table, seems to contain rows.

    Titles and comments may be skipped. `named` says that a header names the columns: then the beginning of the table is
    more certain, and fewer lines count as rows.
    """
    found = rows_among(_records(text, file_format), dataset, mapping, named=named)
    if found:
        what = "the header" if named or file_format.header else "the first row"
        value = text.split("\n")[found[0] - 1]
        raise refuse_rows_above(found, f"{what}, found on line {file_format.first_line}", file_format.first_line, value)


def rows_among(
    records: Iterable[tuple[int, Sequence[str] | None]], dataset: Dataset, mapping: ColumnMapping, *, named: bool
) -> list[int]:
    """The lines of those records above a table that look like its rows. A record without fields counts as one."""
    checks = [
        (position, column, validator_for(column))
        for column, position in zip(dataset.columns, mapping.positions, strict=True)
        if position is not None
    ]
    return [line for line, fields in records if fields is None or _is_like_row(fields, checks, mapping.width, named)]


def refuse_rows_above(found: Sequence[int], what: str, first_line: int, value: str) -> ImportFailed:
    """The error of a file with such rows above `what`."""
    lines = ", ".join(map(str, found[:_MAX_LINES_SHOWN])) + ", …" * (len(found) > _MAX_LINES_SHOWN)
    return ImportFailed(
        "rows_above",
        f"the lines above {what}, look like rows and would not be loaded: line{'s' * (len(found) > 1)} {lines}."
        f" Set first_line={first_line} to skip them, or first_line={found[0]} to begin there; a header must be"
        " above all rows",
        line=found[0],
        value=excerpt(value),
    )


def _records(text: str, file_format: FileFormat) -> Iterator[tuple[int, list[str] | None]]:
    """The lines and fields above a table; a line that can't be parsed is split at each delimiter. None instead of
    fields if a quote opens and never closes: all text from there on belongs to one row."""
    opened: list[str] = []
    parser = grammar_of(file_format)
    for line, whole, fields in parser.records(text, 1, len(text) + 1, keep=opened.append, null=file_format.null):
        if file_format.comment and whole.startswith(file_format.comment):
            continue
        if line == 1 and (named_delimiter(whole) or whole.lstrip('"').startswith(_DATEV)):
            continue
        yield line, whole.split(file_format.delimiter) if isinstance(fields, ImportFailed) else fields
    if opened:  # the detected table may be inside a quoted value
        yield text.count("\n", 0, len(text) - len(opened[0])) + 1, None


def _is_like_row(
    fields: Sequence[str],
    checks: Sequence[tuple[int, Column, Callable[[str | None], str | None]]],
    width: int,
    named: bool,
) -> bool:
    if not any(field.strip() for field in fields) or len(fields) < min(width, 2):
        return False
    is_whole = len(fields) >= width
    right = wrong = lacking = False
    for position, column, check in checks:
        text = fields[position] if position < len(fields) else ""
        accepted = accepts(check, text or None)
        if not text.strip():
            lacking = lacking or not accepted
        elif column.type is not ColumnType.TEXT:
            right = right or accepted or (is_whole and looks_like_value(text, column))
            wrong = wrong or not accepted
    if _COMMENT.match(fields[0]):
        return right and not wrong and not lacking and len(fields) == width
    if _names_columns([fields[0].removeprefix("#"), *fields[1:]], checks):
        return False
    if is_whole:
        # a title may be padded with delimiters; a row with a bad value still counts as a row
        filled = sum(bool(field.strip()) for field in fields)
        return right or not (wrong or lacking) or filled >= max(2, (width + 1) // 2)
    return not wrong and (right or not named)


def _names_columns(fields: Sequence[str], checks: Sequence[tuple[int, Column, object]]) -> bool:
    return all(
        position < len(fields) and normalized(fields[position]) == normalized(column.name)
        for position, column, _ in checks
    )
