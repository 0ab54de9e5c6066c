"""Validates rows one by one: from a file's records to batches."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from operator import itemgetter

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.formats.batch import Batch, Reject
from app.formats.errors import HalfCharacter
from app.formats.payload import PayloadKeys, payload_line
from app.formats.validate.columns import BadValue, excerpt, validator_for
from app.formats.validate.typed_numbers import as_in_file

MAX_REJECTS = 10_000  # in one batch

# A row's line, its text, and its values in the dataset's order (None: no value), or why it can't be parsed.
Record = tuple[int, str, Sequence[str | None] | ImportFailed]


@dataclass(frozen=True)
class Records:
    """Some thousand rows by column, of a format without lines of text; not validated yet.

    Attributes:
        columns: the values of each of the dataset's columns.
        lines: where each row begins in the file: a line of JSON, a row of a sheet or of Parquet, from 1.
        source_bytes: how many bytes of the file had been read.
        bad: line, text and error of each row that can't be parsed. These are not in `columns` and `lines`.
        failure: the error that ends the file after these rows, if there is one.
        blank: how many blank rows were skipped.
        places: the positions of the `bad` rows among all rows, if the lines don't show them.
    """

    columns: Mapping[str, Sequence[str | None]]
    lines: Sequence[int]
    source_bytes: int
    bad: Sequence[tuple[int, str, ImportFailed]] = ()
    failure: ImportFailed | None = None
    blank: int = 0
    places: Sequence[int] | None = None
    sheet: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to validate or to count."""
        return not (self.lines or self.bad or self.blank)


class BlankRowCounter:
    """Counts the blank rows that a parser skips."""

    def __init__(self, passed: int = 0) -> None:
        self._passed = passed

    def add(self, rows: int = 1, characters: int = 0) -> None:
        """Count more blank rows, of so many characters."""
        self._passed += rows

    @property
    def waiting(self) -> int:
        """How many there were since `take` was called last."""
        return self._passed

    def take(self) -> int:
        """How many there were since the last call."""
        passed, self._passed = self._passed, 0
        return passed


class RowChecker:
    """Validates rows of a dataset one by one.

    `file_order` are the positions of the dataset's columns in the order of the file: the first invalid value in that
    order is the one that is reported.
    """

    def __init__(self, dataset: Dataset, file_order: Sequence[int] | None = None) -> None:
        self._checks = [(column.name, validator_for(column)) for column in dataset.columns]
        self._order = range(len(self._checks)) if file_order is None else file_order
        self._constants = {at: column.default for at, column in enumerate(dataset.columns) if column.constant}

    def check(self, record: Record, row: int) -> list[str | None] | Reject:
        """The values for the server, or the reject."""
        line, text, found = record
        if isinstance(found, ImportFailed):
            known = found.values if isinstance(found, HalfCharacter) else None
            return Reject(line, row, found.code, found.reason, found.column, found.value, text, known)
        values: list[str | None] = [None] * len(self._checks)
        for position in self._order:
            name, check = self._checks[position]
            try:
                values[position] = check(found[position])
            except BadValue as bad:
                row_values = tuple(self._constants.get(at, value) for at, value in enumerate(found))
                value = excerpt(as_in_file(found[position]) or "")
                return Reject(line, row, bad.code, bad.reason, name, value, text, row_values)
        return values


def check_records(records: Records, dataset: Dataset, first_row: int) -> Iterator[Batch]:
    """Validate the rows; yields batches. The caller raises `failure`."""
    # Imported here: polars starts threads, and a worker forks after it imports this module.
    from app.formats.validate import vectorized  # noqa: PLC0415

    names = dataset.column_names
    lines, source_bytes = records.lines, records.source_bytes
    if records.sheet is not None:
        for found in check_records(replace(records, sheet=None), dataset, first_row):
            yield replace(found, rejects=[_in_sheet(reject, records.sheet) for reject in found.rejects])
        return

    in_file = [column.name for column in dataset.columns if not column.constant]

    def text_of(position: int) -> str:
        return json.dumps({name: as_in_file(records.columns[name][position]) for name in in_file}, ensure_ascii=False)

    if not records.bad:
        batch = vectorized.check_columns(records.columns, dataset, first_row, lines, source_bytes, text_of)
        if batch is not None:
            yield replace(batch, blank=records.blank)
            return
    rows = zip(*(records.columns[name] for name in names), strict=True)
    good = ((line, text_of(at), row) for at, (line, row) in enumerate(zip(lines, rows, strict=True)))
    blanks = BlankRowCounter(records.blank)
    yield from check_rows(_in_order(good, records), dataset, first_row, source_bytes, blanks=blanks)


def _in_sheet(reject: Reject, sheet: str) -> Reject:
    return replace(reject, reason=f"sheet {excerpt(sheet)!r}: {reject.reason}")


def _in_order(good: Iterator[Record], records: Records) -> Iterator[Record]:
    if records.places is None:
        return merge(good, records.bad, key=itemgetter(0))
    bad = dict(zip(records.places, records.bad, strict=True))
    return (bad[at] if at in bad else next(good) for at in range(len(records.lines) + len(bad)))


def check_rows(
    records: Iterable[Record],
    dataset: Dataset,
    first_row: int,
    source_bytes: int,
    file_order: Sequence[int] | None = None,
    blanks: BlankRowCounter | None = None,
) -> Iterator[Batch]:
    """Validate rows one by one. Yields one batch with its rejects, or several if there are many rejects: they need
    memory. `file_order` is that of `RowChecker`; `blanks` counts the blank rows between them."""
    checker = RowChecker(dataset, file_order)
    row = first_row
    lines: list[int] = []
    numbers: list[int] = []
    payload: list[str] = []
    rejects: list[Reject] = []

    def batch() -> Batch:
        joined = "".join(payload).encode()
        keys = PayloadKeys(joined, dataset, len(lines))
        first, gaps = row - len(lines) - len(rejects), numbers if rejects else None
        blank = blanks.take() if blanks else 0
        return Batch(first, len(lines), joined, source_bytes, keys, lines, rejects, numbers=gaps, blank=blank)

    for record in records:
        checked = checker.check(record, row)
        if isinstance(checked, Reject):
            rejects.append(checked)
        else:
            payload.append(payload_line(row, checked))
            lines.append(record[0])
            numbers.append(row)
        row += 1
        if len(rejects) == MAX_REJECTS:
            yield batch()
            lines, numbers, payload, rejects = [], [], [], []
    yield batch()
