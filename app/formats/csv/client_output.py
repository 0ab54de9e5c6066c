"""The lines that database clients print around rows: dashes below the header, and a row count at the end.

psql and cqlsh print `----+----`, sqlcmd, SSMS and SQL*Plus print dashes for each field. Both lines are skipped only if
they can't be rows of the file. Otherwise the import fails and asks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_mapping import MAX_COLUMNS, ColumnMapping
from app.formats.csv.grammar import NullField, grammar
from app.formats.csv.header import accepts
from app.formats.errors import excerpt
from app.formats.streams.decoding import Filter
from app.formats.streams.source import Readable
from app.formats.validate.columns import validator_for

TAIL_BYTES = 1024  # a footer is in the last bytes of a file
_HELD_BYTES = 64 * 1024

_ROWS = rb"rows?|Zeilen?|lignes?|filas?|righ[ea]|linhas?"  # as psql calls them
_COUNTS = (
    rb"\((?P<psql>[0-9]+) (?:" + _ROWS + rb")\)",
    rb"\((?P<sqlcmd>[0-9]+) (?:rows? affected|row\(s\) affected)\)",
    rb"(?P<oracle>[0-9]+) rows? selected(?:\.| \([0-9.,]+ seconds\))",
    rb"(?P<mysql>[0-9]+) rows? in set \([0-9.,]+ sec\)",
    rb" *(?P<db2>[0-9]+) record\(s\) selected\.",
    rb'"?[0-9]+"?,"?record\(s\) downloaded,[^\n]*',  # eBay counts orders, not rows
)
_CLIENTS = ("psql", "sqlcmd", "oracle", "mysql", "db2")
_AFTER = rb'Completion time: [0-9T:.+-]+|"?Seller ID ?: [^\n",]*"?[",]*'  # SSMS, eBay
_FOOTER = re.compile(
    rb"\n(?P<lines>(?P<count>" + rb"|".join(_COUNTS) + rb")\r?(?:\n[\r\n]*(?:" + _AFTER + rb")\r?)?)(?:\n[\r\n]*)?\Z"
)


@dataclass(frozen=True)
class Footer:
    """The lines at the end of a file, how many bytes they have, and the number of rows that they tell."""

    lines: tuple[str, ...] = ()
    size: int = 0
    told: int | None = None


def find_footer(tail: bytes) -> Footer:
    """The footer in the last bytes of a file; without any line if there is none."""
    found = _FOOTER.search(tail)
    if found is None:
        return Footer()
    lines = tuple(line for line in found["lines"].decode("utf-8", "surrogateescape").splitlines() if line)
    told = next((found[name] for name in _CLIENTS if found[name]), None)
    return Footer(lines, len(tail) - found.start("lines"), int(told) if told else None)


class FooterFilter(Filter):
    """A text without its footer, which is in `footer` once the text has been read."""

    def __init__(self, source: Readable) -> None:
        super().__init__(source)
        self._held = b""
        self.footer = Footer()

    def _filter(self, piece: bytes) -> bytes:
        if len(piece) >= TAIL_BYTES:
            ready, self._held = self._held, piece
            return ready
        self._held += piece
        if piece:
            size = len(self._held) - TAIL_BYTES if len(self._held) > _HELD_BYTES else 0
        else:
            begin = max(0, len(self._held) - TAIL_BYTES)
            self.footer = find_footer(self._held[begin:])
            size = len(self._held) - self.footer.size
        ready, self._held = self._held[:size], self._held[size:]
        return ready


def check_footer(
    footer: Footer,
    rows: int,
    blank: int,
    file_format: FileFormat,
    dataset: Dataset,
    mapping: ColumnMapping,
) -> None:
    """Raises ImportFailed if a footer could be a row (doubtful_line), or if it counts another number of rows
    (wrong_row_count) than these `rows` and, at most, the `blank` ones."""
    lines, told = footer.lines, footer.told
    if all(_is_comment(text, file_format) for text in lines):
        return
    for text in lines:
        if _may_be_row(text, file_format, dataset, mapping):
            _doubt(f"the last line {excerpt(text)!r} may be a row, or a client's row count", None, text)
    if told is not None and not rows <= told <= rows + blank:
        raise ImportFailed(
            "wrong_row_count",
            f"the last line is {excerpt(lines[0])!r}, but the file has {rows:,} rows: some are missing, or a value has"
            " line breaks. Export the file again, as CSV if the client can, or set"
            f" {_comment(lines[0])} if the rows are right",
            value=excerpt(lines[0]),
        )


def is_dashes(text: str, names: Sequence[str], delimiter: str) -> bool:
    """Whether the line below a header only underlines the names: as many fields, each of as many dashes as its name
    has characters, or more."""
    separator = "+" if "+" in text and len(names) > 1 else delimiter
    fields = text.rstrip("\r\n").split(separator)
    if len(fields) != len(names) or max(map(len, fields)) < 2:
        return False
    return all(
        field.strip(" ") and not field.strip(" -") and " " not in field.strip(" ") and len(field) >= len(name.strip())
        for field, name in zip(fields, names, strict=True)
    )


def check_dashes(
    text: str, names: Sequence[str], file_format: FileFormat, dataset: Dataset, mapping: ColumnMapping, line: int
) -> None:
    """Raises ImportFailed if the dashes on this line could be a row (doubtful_line), or if they show that the fields
    are padded, and the client did not say what to do with the spaces (padded_fields)."""
    if not _is_comment(text, file_format) and _may_be_row(text, file_format, dataset, mapping):
        _doubt("the line below the header is either a row or only underlines the names", line, text)
    if file_format.trim is None and any(name != name.strip(" ") for name in names):
        raise ImportFailed(
            "padded_fields",
            "a database client has padded the fields with spaces. Set trim=true to remove the spaces around every"
            " field, or export without them: psql --csv, sqlcmd -W, SQL*Plus `set markup csv on`. trim=false keeps"
            " them",
            line=line,
            value=excerpt(text),
        )


def _is_comment(text: str, file_format: FileFormat) -> bool:
    return bool(file_format.comment) and text.startswith(file_format.comment or "")


def _may_be_row(text: str, file_format: FileFormat, dataset: Dataset, mapping: ColumnMapping) -> bool:
    parser = grammar(file_format.delimiter, file_format.quote, "", bool(file_format.trim))
    _, _, fields = next(parser.records(text, 1, MAX_COLUMNS, null=file_format.null), (1, "", []))
    if isinstance(fields, ImportFailed) or len(fields) != mapping.width + file_format.trailing:
        return False
    return all(
        accepts(validator_for(column), None if type(fields[position]) is NullField else fields[position])
        for column, position in zip(dataset.columns, mapping.positions, strict=True)
        if position is not None
    )


def _doubt(what: str, line: int | None, text: str) -> NoReturn:
    raise ImportFailed(
        "doubtful_line",
        f"{what}. Set {_comment(text)} to skip lines that begin so, or comment=none to read every line as a row",
        line=line,
        value=excerpt(text.rstrip("\r\n")),
    )


def _comment(text: str) -> str:
    return f"`comment={text.rstrip()[:8].strip()}`"
