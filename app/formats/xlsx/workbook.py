"""XLSX and ODS: the rows of a workbook's sheets, each read by a process of its own with limited memory."""

import importlib.util
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed, UnsupportedFormat
from app.domain.file_format import FileFormat
from app.formats.child import runner
from app.formats.column_names import fold
from app.formats.validate.columns import excerpt
from app.formats.validate.rows import Records
from app.formats.validate.typed_numbers import has_comma
from app.formats.xlsx.archive import Sheet, check_parts, open_zip
from app.formats.xlsx.cells import NUMBER_MARK, PERCENT_MARK
from app.formats.xlsx.date_system import check_serials
from app.formats.xlsx.sheet_records import SheetRecords
from app.formats.xlsx.sheets import ALL, ODS_PART, choose_sheets, find_sheets, show_options

MAX_MEMORY_BYTES = 2 * 1024**3
_CPU_SECONDS, _BYTES_A_SECOND = 60, 1024**2  # about ten times what a slow machine needs

_READER, _ODS_READER = "app.formats.xlsx.cells", "app.formats.xlsx.ods"


@dataclass(frozen=True)
class SampleLimits:
    """How much of a sheet a preview reads: its first rows, at most so many bytes of their text, and the child's
    limits."""

    rows: int
    bytes: int
    limits: runner.Limits


def resolve_sheet(path: Path, file_format: FileFormat) -> FileFormat:
    """The file format with the name of the sheet that is read; `*` stays.

    Raises ImportFailed unless the file is a workbook within the limits that has the sheet (not_xlsx, encrypted_xlsx,
    xlsx_too_large, damaged_xlsx, unknown_sheet), and UnsupportedFormat without the extra.
    """
    _need_extra(file_format.format)
    chosen = choose_sheets(find_sheets(path, file_format.format), file_format.sheet)
    return file_format if file_format.sheet == ALL else replace(file_format, sheet=chosen[0].name)


def read_records(path: Path, dataset: Dataset, file_format: FileFormat, batch_bytes: int) -> Iterator[Records]:
    """The rows of the sheet, or of all visible ones, in chunks of about `batch_bytes` of text; `lines` are the sheet's
    row numbers.

    Rows that can't be read go to `bad`: too_few_fields (a blank one in a sheet of one column), too_many_fields,
    cell_error, unsupported_cell. Raises ImportFailed as `resolve_sheet` and `map_columns` do, and no_rows, rows_above,
    sheets_differ, sheet_too_large. A workbook is unpacked as a whole: its reader may take MAX_MEMORY_BYTES, this
    process a few times `batch_bytes`.
    """
    _need_extra(file_format.format)
    found = find_sheets(path, file_format.format)
    with open_zip(path, file_format.format) as archive:
        check_parts(archive)
    check_serials(path, dataset, file_format)
    marks = marks_of(dataset)
    yield from records_of(
        [(sheet, open_rows(path, sheet, marks=marks)) for sheet in choose_sheets(found, file_format.sheet)],
        found,
        dataset,
        file_format,
        path.stat().st_size,
        batch_bytes,
    )


def records_of(
    opened: Sequence[tuple[Sheet, AbstractContextManager[Iterator[Any]]]],
    found: list[Sheet],
    dataset: Dataset,
    file_format: FileFormat,
    file_bytes: int,
    batch_bytes: int,
) -> Iterator[Records]:
    """`read_records` from the messages of `open_rows` for each sheet; `found` are all sheets of the workbook."""
    is_all = file_format.sheet == ALL
    headers = _Headers()
    is_any = False
    for at, (sheet, opening) in enumerate(opened):
        records = SheetRecords(dataset, file_format, file_bytes, partial(headers.check, sheet.name))
        with opening as received:
            try:
                for chunk in records.records(received, batch_bytes):
                    is_any = is_any or bool(chunk.lines or chunk.bad)
                    read = (at * file_bytes + chunk.source_bytes) // len(opened)
                    yield replace(chunk, source_bytes=read, sheet=sheet.name if is_all else None)
            except ImportFailed as failure:
                raise _named(failure, sheet, found, is_all=is_all) from None
    if not is_any:
        what = "the sheets have no rows" if is_all else "the sheet has no rows"
        lacking = ImportFailed("no_rows", what + " below its header" * headers.are_any)
        raise _named(lacking, opened[0][0], found, is_all=False)


class _Headers:
    """The headers of the sheets that are read as one table."""

    def __init__(self) -> None:
        self._first: tuple[str, tuple[str, ...] | None] | None = None

    @property
    def are_any(self) -> bool:
        """Whether a sheet has a header."""
        return self._first is not None and self._first[1] is not None

    def check(self, sheet: str, names: tuple[str, ...] | None) -> None:
        """Raises ImportFailed (sheets_differ) if the header of this sheet differs from that of the first one."""
        self._first = self._first or (sheet, names)
        first, expected = self._first
        if _folded(names) != _folded(expected):
            has = "no header" if names is None else f"the columns {excerpt(', '.join(names))}"
            had = "none" if expected is None else excerpt(", ".join(expected))
            reason = f"the sheet {excerpt(sheet)!r} has {has}, and the sheet {excerpt(first)!r} has {had}"
            reason += f": give them one header, or import them one by one, as with `sheet={excerpt(first)}`"
            raise ImportFailed("sheets_differ", reason)


def _folded(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(map(fold, names))


def _named(failure: ImportFailed, sheet: Sheet, found: list[Sheet], *, is_all: bool) -> ImportFailed:
    """The failure, with the name of its sheet if there are others."""
    if failure.code == "sheets_differ" or len(found) == 1:
        return failure
    others = show_options([other for other in found if other != sheet])
    failure.reason = (
        f"sheet {excerpt(sheet.name)!r}: {failure.reason}"
        if is_all
        else f"{failure.reason}. This is the sheet {excerpt(sheet.name)!r}; set {others} to read another"
    )
    return failure


def marks_of(dataset: Dataset) -> str:
    """Which cells with numbers the dataset needs to know of (see `cells.MARKS`)."""
    percent = any(column.numbers.percent for column in dataset.columns)
    return NUMBER_MARK * any(map(has_comma, dataset.columns)) + PERCENT_MARK * percent


@contextmanager
def open_rows(
    path: Path, sheet: Sheet, sample: SampleLimits | None = None, *, marks: str = ""
) -> Iterator[Iterator[Any]]:
    """The messages of a sheet's child process (see `cells`): the number of the last row, then the rows. Raises
    ImportFailed with the codes of `resolve_sheet`, and damaged_xlsx, sheet_too_large, sheet_too_slow."""
    is_ods = sheet.part == ODS_PART
    with zipfile.ZipFile(path) as archive:
        unpacked = archive.getinfo(sheet.part).file_size
    arguments = [str(path), sheet.name, sheet.part, marks]
    limits = runner.Limits(MAX_MEMORY_BYTES, cpu_seconds=_CPU_SECONDS + unpacked // _BYTES_A_SECOND)
    if sample is not None:
        arguments += [str(sample.rows), str(sample.bytes)]
        limits = sample.limits
    with runner.run(_ODS_READER if is_ods else _READER, arguments, limits) as messages:
        yield _received(messages, limits)


def _need_extra(format: str) -> None:
    if format == "xlsx" and importlib.util.find_spec("python_calamine") is None:
        raise UnsupportedFormat("XLSX files need python-calamine on the server: install it, or save the file as CSV")


def _received(messages: Iterator[Any], limits: runner.Limits) -> Iterator[Any]:
    try:
        yield from messages
    except runner.OutOfMemory as error:
        reason = f"the sheet needs more than {limits.memory_bytes:,} bytes of memory; split it, or save it as CSV"
        raise ImportFailed("sheet_too_large", reason) from error
    except runner.TooSlow as error:
        seconds = limits.seconds or limits.cpu_seconds
        reason = f"the sheet could not be read within {seconds:g} s; split it, or save it as CSV"
        raise ImportFailed("sheet_too_slow", reason) from error
    except runner.ChildFailed as error:
        reason = f"the workbook can't be read: {excerpt(str(error))}; open it and save it again"
        raise ImportFailed("damaged_xlsx", reason) from error
