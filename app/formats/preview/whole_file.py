"""Proposals for whole files: the rows after the sample widen the proposed dataset until it accepts all of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import SHEETS, FileFormat
from app.formats.batch import Batch, Reject
from app.formats.child import runner
from app.formats.column_options import apply_options
from app.formats.infer.records import Record, Sample, Value
from app.formats.infer.sample import as_value
from app.formats.infer.schema import Inferred, Known, infer
from app.formats.json.values import Decoder, Number, Pairs
from app.formats.reader import read_rows
from app.formats.streams.unpacked import unpacked
from app.formats.validate.rows import check_records
from app.formats.validate.typed_numbers import TypedNumber
from app.formats.xlsx import workbook
from app.formats.xlsx.archive import Sheet
from app.formats.xlsx.cells import CUT
from app.formats.xlsx.sheets import choose_sheets, find_sheets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SECONDS = 10  # of processor time, so that the proposal is the same on a busy machine
_MAX_PASSES = 8
_MAX_REJECTS = 2000  # that widen the dataset at once
_BATCH_BYTES = 1024**2
_MAX_UNPACKED_BYTES = 256 * 1024**2
_SHEET_ROWS, _SHEET_BYTES = 2**20, 256 * 1024**2


_OF_A_BEGINNING = (
    "only the first rows count: the others take too long to read, or can't be read, and may not fit these types and"
    " lengths"
)


class _Unfinished(Exception):
    """There is more in the file than may be read of it."""


@dataclass
class _Found:
    """What one pass over the file has found."""

    rejects: list[Reject] = field(default_factory=list)
    keys: list["NDArray[np.int64]"] = field(default_factory=list)
    whole: bool = True

    def add(self, batch: Batch, dataset: Dataset) -> None:
        import numpy as np  # noqa: PLC0415 — the web server starts without it

        self.rejects += batch.rejects
        if dataset.key:  # to the server spaces at the end make no difference
            hashes = (hash(tuple(part.rstrip(" ") for part in key)) for key in batch.keys)
            self.keys.append(np.fromiter(hashes, np.int64, batch.rows))

    def has_duplicates(self) -> bool:
        import numpy as np  # noqa: PLC0415 — as above

        hashes = np.concatenate(self.keys) if self.keys else np.empty(0, np.int64)
        return len(np.unique(hashes)) < len(hashes)


def widen(inferred: Inferred, path: Path, sample: Sample, file_format: FileFormat) -> Inferred:
    """The proposal for the whole file, made anew with its rows that the sample's proposal does not accept. The proposal
    of its beginning, if there is too much of it to read within `MAX_SECONDS`."""
    beginning, deadline = replace(inferred, notes=(_OF_A_BEGINNING,)), time.thread_time() + MAX_SECONDS
    known = Known(whole=True)
    inferred = infer(inferred.dataset.name, sample, file_format, known)
    for _ in range(_MAX_PASSES):
        try:
            found = _read(inferred, path, file_format, deadline)
        except (_Unfinished, ImportFailed):
            return beginning
        wider = _extended(sample, found.rejects, inferred, is_json=file_format.format in ("json", "ndjson"))
        if len(wider.records) == len(sample.records):  # no row was refused, or none that could be parsed
            if not found.whole:
                return beginning
            if not found.has_duplicates():
                return inferred
            known = replace(known, not_unique=known.not_unique | set(inferred.dataset.key))
        sample = wider
        inferred = infer(inferred.dataset.name, sample, file_format, known)
    return beginning


def _read(inferred: Inferred, path: Path, file_format: FileFormat, deadline: float) -> _Found:
    found = _Found()
    if file_format.columns is None:
        file_format = replace(file_format, columns=inferred.columns)
    for batch in _batches(path, inferred.dataset, file_format):
        found.add(batch, inferred.dataset)
        if time.thread_time() > deadline:
            raise _Unfinished
        if len(found.rejects) >= _MAX_REJECTS:
            found.whole = False
            break
    return found


def _batches(path: Path, dataset: Dataset, file_format: FileFormat) -> Iterator[Batch]:
    if file_format.format not in SHEETS:
        yield from read_rows(path, dataset, file_format, _BATCH_BYTES)
        return
    dataset = apply_options(dataset, file_format)
    limits = workbook.SampleLimits(_SHEET_ROWS, _SHEET_BYTES, runner.Limits(1024**3, MAX_SECONDS, MAX_SECONDS))
    with unpacked(path, file_format, _MAX_UNPACKED_BYTES) as file:
        marks = workbook.marks_of(dataset)
        found = find_sheets(file, file_format.format)
        sheets = choose_sheets(found, file_format.sheet)
        opened = [(sheet, _opened(file, sheet, limits, marks=marks)) for sheet in sheets]
        row = 1
        for chunk in workbook.records_of(opened, found, dataset, file_format, path.stat().st_size, _BATCH_BYTES):
            for batch in check_records(chunk, dataset, row):
                yield batch
                row = batch.next_row


@contextmanager
def _opened(path: Path, sheet: Sheet, limits: workbook.SampleLimits, *, marks: str) -> Iterator[Iterator[object]]:
    with runner.PREVIEWS.take(), workbook.open_rows(path, sheet, limits, marks=marks) as sent:
        yield _uncut(sent)


def _uncut(sent: Iterator[object]) -> Iterator[object]:
    for message in sent:
        if message == CUT:
            raise _Unfinished
        yield message


def _in_file(value: str | None, *, is_json: bool) -> Value:
    if not isinstance(value, TypedNumber):
        return value
    return Number(value.in_file) if is_json else TypedNumber(value.in_file)


def _extended(sample: Sample, rejects: list[Reject], inferred: Inferred, *, is_json: bool) -> Sample:
    """The sample with the rows that were refused for their values, or for the keys of an object."""
    positions = {name: at for at, name in enumerate(inferred.dataset.column_names)}
    columns = [positions.get(each.column.name) if each.column else None for each in inferred.proposals]
    names = dict.fromkeys(sample.names or ())
    objects: list[tuple[int, dict[str, Value]]] = []
    records: list[Record] = []
    for reject in rejects:
        if reject.values is not None:
            found = tuple(None if at is None else _in_file(reject.values[at], is_json=is_json) for at in columns)
            records.append(Record(reject.line, found + (None,) * (sample.width - len(found))))
        elif reject.code in _OBJECT_CODES and (pairs := _pairs(reject.text)) is not None:
            objects.append((reject.line, {key: as_value(value) for key, value in pairs}))
            names |= dict.fromkeys(key for key, _ in pairs)
    if not objects:
        return replace(sample, records=[*sample.records, *records])
    padding = (None,) * (len(names) - sample.width)
    wider = [replace(each, values=each.values + padding) for each in (*sample.records, *records) if not each.failure]
    wider += [Record(line, tuple(found.get(name) for name in names)) for line, found in objects]
    return replace(sample, names=tuple(names), width=len(names), records=wider)


_OBJECT_CODES = ("wrong_json_type", "missing_column", "unknown_column")


def _pairs(text: str) -> Pairs | None:
    try:
        found = Decoder().decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, tuple) else None
