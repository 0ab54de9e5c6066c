"""Samples CSV: the first records by the file's own columns."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_mapping import MAX_COLUMNS
from app.formats.csv.client_output import TAIL_BYTES, Footer, find_footer, is_dashes
from app.formats.csv.grammar import NullField, grammar_of
from app.formats.csv.header import guess_header
from app.formats.csv.quoting import Quoting
from app.formats.infer.records import MAX_SAMPLED_ROWS, Record, Sample

_LONGEST_OPEN = 64 * 1024  # characters after a quote that does not close in the sample: probably a stray quote


def sample_csv(text: str, file_format: FileFormat, dataset: Dataset, cut: bool) -> Sample:
    """The first records of a text, which may be `cut` off anywhere."""
    footer = (
        Footer()
        if cut or file_format.comment == ""
        else find_footer(text[-TAIL_BYTES:].encode("utf-8", "surrogateescape"))
    )
    text = text[: len(text) - footer.size]
    begin = 0
    for line in range(1, file_format.first_line):
        begin = text.find("\n", begin) + 1
        if not begin:
            reason = f"the file ends before line {file_format.first_line}, where its rows should begin"
            return Sample(None, 0, [], cut, ImportFailed("empty_file", reason, line=line))
    names: tuple[str, ...] | None = None
    first_line = file_format.first_line
    quoting = Quoting(file_format)
    dashes = 0
    if (is_header := file_format.header) is not False:
        header = next(_csv_records(text[begin:], file_format, first_line, MAX_COLUMNS, quoting), None)
        if header is None or (cut and not header[2].endswith("\n")):
            return Sample(None, 0, [], cut, None if cut else ImportFailed("empty_file", "the file is empty"))
        line, _, whole, fields = header
        if isinstance(fields, ImportFailed):
            return Sample(None, 0, [], cut, fields)
        if is_header is None and isinstance(file_format.columns, list):
            is_header = guess_header(fields, file_format.columns, dataset, line)
        if len(fields) > MAX_COLUMNS:
            reason = f"the file has more than {MAX_COLUMNS:,} columns"
            return Sample(None, 0, [], cut, ImportFailed("too_many_columns", reason, line))
        if is_header:
            names = tuple(name.strip() for name in fields)
            begin += len(whole)
            first_line += whole.count("\n")
            below = text[begin : text.find("\n", begin) + 1 or len(text)]
            if file_format.comment != "" and is_dashes(below, fields, file_format.delimiter):
                begin += len(below)
                first_line += 1
                dashes = 1
    found = _sample_rows(text, begin, first_line, file_format, names, quoting, cut)
    return replace(found, header=is_header, footer=footer, dashes=dashes)


def _sample_rows(
    text: str,
    begin: int,
    first_line: int,
    file_format: FileFormat,
    names: tuple[str, ...] | None,
    quoting: Quoting,
    cut: bool,
) -> Sample:
    # The same number of fields as in an import: it decides where a record ends.
    known_columns = names if names is not None else file_format.columns
    quoting.width = len(known_columns) + file_format.trailing if isinstance(known_columns, tuple | list) else None
    most = quoting.width or MAX_COLUMNS
    if isinstance(known_columns, tuple | list):
        blanks = len(known_columns) > 1
    else:  # only the rows show how many columns there are
        rows = _csv_records(text[begin:], file_format, first_line, most, Quoting(file_format), skip=True)
        blanks = _widest(rows) - file_format.trailing > 1
    open_at: list[str] = []
    read = partial(_csv_records, text[begin:], file_format, first_line, most, quoting, blanks=blanks, skip=True)
    found = list(read(keep=open_at.append if cut else None))
    if open_at and len(open_at[0]) > _LONGEST_OPEN:
        found = list(read())
    elif cut and found and not open_at and not found[-1][2].endswith("\n"):
        found.pop()
    after = text[begin + sum(before + len(whole) for _, before, whole, _ in found) :].strip("\r\n")
    while found and found[-1][2] in ("\n", "\r\n") and (cut or not after):  # a lone carriage return is content
        found.pop()
    width = len(names) if names is not None else max(0, _widest(found) - file_format.trailing)
    records, ends = [], []
    for line, before, whole, fields in found:
        passed = text.count("\n", begin, begin + before)
        begin += before + len(whole)
        ends.append(begin)
        if isinstance(fields, ImportFailed):
            records.append(Record(line, (), fields, passed))
        else:
            if file_format.trailing and len(fields) > width and not fields[-1]:
                fields.pop()
            values = tuple(None if type(field) is NullField else field for field in fields)
            records.append(Record(line, values, blanks=passed))
    failure = None if names or records or cut else ImportFailed("empty_file", "the file is empty")
    cut = cut or len(records) == MAX_SAMPLED_ROWS
    after = "" if cut else text[begin:].rstrip("\r\n")
    passed = after.count("\n") + bool(after)
    if ends and not cut:
        ends[-1] = len(text)  # with the comments after the last record
    failure = failure or quoting.failure
    return Sample(names, width, records, cut, failure, text, ends, blanks=passed)


_CsvRecord = tuple[int, int, str, list[str] | ImportFailed]


def _widest(records: Iterable[_CsvRecord]) -> int:
    return max((len(fields) for _, _, _, fields in records if isinstance(fields, list)), default=0)


def _csv_records(
    text: str,
    file_format: FileFormat,
    first_line: int,
    most: int,
    quoting: Quoting,
    *,
    blanks: bool = False,
    skip: bool = False,
    keep: Callable[[str], None] | None = None,
) -> Iterator[_CsvRecord]:
    """Each record's line, how many characters were skipped before it, its text and its fields. Skips comments with
    `skip`, and then with `blanks` also blank lines."""
    before: list[int] = []
    passed = (lambda _, characters: before.append(characters)) if skip else None
    records = grammar_of(file_format).records(
        text, first_line, most, keep=keep, null=file_format.null, blanks=blanks, passed=passed, quoting=quoting
    )
    for line, whole, fields in islice(records, MAX_SAMPLED_ROWS):
        yield line, sum(before), whole, fields
        before.clear()
