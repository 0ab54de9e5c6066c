"""Makes a preview: the detected format, the first rows, and the errors that an import would report. Keeps nothing."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import TEXTS, FileFormat
from app.formats.batch import Batch, Reject
from app.formats.column_mapping import map_columns
from app.formats.column_names import find_columns
from app.formats.column_options import apply_options
from app.formats.csv.client_output import check_footer
from app.formats.csv.delimiter_hint import OTHER_DELIMITER
from app.formats.csv.stray_quotes import unquoted
from app.formats.hints import add_hints
from app.formats.infer import sample_tables
from app.formats.infer.head import SAMPLE_BYTES
from app.formats.infer.records import Record, Sample
from app.formats.infer.sample import sample_text
from app.formats.infer.sample_tables import SheetSample
from app.formats.infer.schema import Inferred, infer
from app.formats.json.keys import KeyMapper
from app.formats.json.values import has_blanks
from app.formats.preview.whole_file import widen
from app.formats.reader import check_head, read_rows
from app.formats.streams.unpacked import temporary_beside, unpacked
from app.formats.suggest.option import SuggestedOption, suggest_option
from app.formats.validate.rows import check_records
from app.formats.xlsx import workbook
from app.formats.xlsx.date_system import date_system_of

MAX_COLUMNS_SHOWN = 1000
MAX_UNPACKED_BYTES = 256 * 1024**2  # of XLSX and Parquet inside gzip or zstd
_NO_DATASET = Dataset("", (), ())


@dataclass(frozen=True)
class MappedColumn:
    """A column of the file, and the dataset's column that it maps to.

    `status`: `mapped`; `left_out` by the client, or because it is a column of a reject file; `unknown` to the dataset;
    `doubled`; or `unnamed`.
    """

    name: str | None
    column: str | None
    status: str


@dataclass(frozen=True)
class PreviewRow:
    """A record of the file and, if it is invalid, the reject that an import would write."""

    record: Record
    reject: Reject | None


@dataclass(frozen=True)
class Preview:
    """A preview of a file.

    Attributes:
        columns: the file's columns.
        rows: the first rows.
        cut: whether the file goes on after the sample.
        problem: the error for which an import would refuse the whole file.
        missing: required columns of the dataset that the file lacks.
        sheets: the sheets of a workbook.
        inferred: the proposed dataset, if none was given.
        blank: how many blank rows were skipped among the rows.
        constants: the values that every row gets, by column.
        suggested: which unknown columns may be columns of the dataset; None if there is nothing to suggest.
    """

    file_format: FileFormat
    dataset: Dataset
    columns: list[MappedColumn]
    rows: list[PreviewRow]
    cut: bool
    problem: ImportFailed | None
    missing: list[str]
    sheets: list[str] = field(default_factory=list)
    inferred: Inferred | None = None
    blank: int = 0
    suggested: SuggestedOption | None = None
    constants: dict[str, str | None] = field(default_factory=dict)


def make_preview(
    path: Path, file_format: FileFormat, dataset: Dataset | None, rows: int, *, partial: bool = False, name: str = "new"
) -> Preview:
    """Make a preview of a file's first `rows`. Without a dataset, infers one of this `name`.

    A `partial` file is the beginning of another one and may end anywhere; XLSX and Parquet must be complete. Raises
    UnsupportedFormat if a format's extra is not installed, and InvalidContent for column options that do not fit.
    """
    target = apply_options(dataset or _NO_DATASET, file_format)
    try:
        sample, sheets = _sample(path, file_format, partial, dataset and target)
    except ImportFailed as failure:
        return refused_preview(file_format, dataset, name, failure)
    if sheets is not None and file_format.sheet is None:
        file_format = replace(file_format, sheet=sheets.sent[0][0].name)
    return _preview(path, file_format, dataset, name, sample, sheets, rows, partial=partial)


def refused_preview(file_format: FileFormat, dataset: Dataset | None, name: str, failure: ImportFailed) -> Preview:
    """The preview of an unreadable file: nothing but the error."""
    nothing = Sample(None, 0, [], False, failure)
    return _preview(Path(), file_format, dataset, name, nothing, None, 0, partial=True)


def _preview(
    path: Path,
    file_format: FileFormat,
    dataset: Dataset | None,
    name: str,
    sample: Sample,
    sheets: SheetSample | None,
    rows: int,
    *,
    partial: bool,
) -> Preview:
    as_given = file_format
    if file_format.header is None:
        file_format = replace(file_format, header=sample.header)
    inferred = None
    if dataset is None:
        inferred = _infer(name, path, sample, file_format, partial=partial)
        dataset = inferred.dataset
        if file_format.columns is None:
            file_format = replace(file_format, columns=inferred.columns)
        if sample.first_line is not None:  # where the shape of the rows showed it
            file_format = replace(file_format, first_line=sample.first_line, first_line_found=False)
        as_given = file_format
    target = apply_options(dataset, file_format)
    shown = sample.records[:rows]
    rejects: dict[int, Reject] = {}
    problem = sample.failure or (inferred.problem if inferred else None)
    if dataset.columns and (shown or sheets or problem is None) and not (inferred and inferred.problem):
        try:
            rejects = _rejects(_batches(path, sample, sheets, dataset, as_given, len(shown)), len(shown))
        except ImportFailed as failure:
            problem = failure
    columns = _mapped(sample, file_format, target)
    found = {each.column for each in columns if each.status == "mapped"}
    misread = problem is not None and problem.code == OTHER_DELIMITER
    return Preview(
        file_format=file_format,
        dataset=dataset,
        columns=columns[:MAX_COLUMNS_SHOWN],
        rows=[PreviewRow(record, rejects.get(at)) for at, record in enumerate(shown)],
        cut=sample.cut,
        problem=problem,
        missing=[column.name for column in target.columns if column.required and column.name not in found],
        sheets=sheets.names if sheets else [],
        inferred=inferred,
        blank=sample.blanks_among(len(shown)),
        constants={column.name: column.default for column in target.columns if column.constant},
        suggested=None if inferred or misread else _suggest(sample, columns, file_format, target),
    )


def _infer(name: str, path: Path, sample: Sample, file_format: FileFormat, *, partial: bool) -> Inferred:
    inferred = infer(name, sample, file_format)
    if partial or not sample.cut or sample.failure or inferred.problem or not inferred.dataset.columns:
        return inferred
    return widen(inferred, path, sample, file_format)


def _suggest(
    sample: Sample, columns: list[MappedColumn], file_format: FileFormat, dataset: Dataset
) -> SuggestedOption | None:
    if sample.names is None or isinstance(file_format.columns, list) or len(columns) > MAX_COLUMNS_SHOWN:
        return None
    targets = [each.name if each.status == "unknown" else each.column for each in columns]
    found = suggest_option(sample.names, targets, file_format, dataset)
    return found if found.columns else None


def _sample(
    path: Path, file_format: FileFormat, partial: bool, dataset: Dataset | None
) -> tuple[Sample, SheetSample | None]:
    """The sample, and what was looked at of a workbook."""
    meant = dataset or _NO_DATASET
    if file_format.format in TEXTS:
        blanks = None if dataset is None else has_blanks(dataset, file_format)
        return sample_text(path, file_format, meant, partial=partial, blanks=blanks), None
    with unpacked(path, file_format, MAX_UNPACKED_BYTES) as file:
        if file_format.format == "parquet":
            return sample_tables.sample_parquet(file), None
        return sample_tables.sample_sheets(file, file_format, meant)


def _batches(
    path: Path, sample: Sample, sheets: SheetSample | None, dataset: Dataset, file_format: FileFormat, rows: int
) -> Iterator[Batch]:
    """Read the first rows with the readers of an import."""
    if file_format.format == "parquet":
        yield from read_rows(path, dataset, file_format, SAMPLE_BYTES)
    elif sheets is not None:
        dataset = apply_options(dataset, file_format)
        row = 1
        date_system = cache(partial(date_system_of, path, file_format))
        opened = [(sheet, nullcontext(iter(messages))) for sheet, messages in sheets.sent]
        size = path.stat().st_size
        for chunk in workbook.records_of(opened, sheets.found, dataset, file_format, size, SAMPLE_BYTES):
            for batch in check_records(chunk, dataset, row):
                yield add_hints(batch, dataset, file_format, date_system)
                row = batch.next_row
    else:
        # the sample is UTF-8 text by now, and has been checked for doubtful quotes
        plain = replace(file_format, compression="none", encoding="utf-8", escape="", quote_given=True)
        plain = unquoted(plain) if sample.unquoted else plain
        with temporary_beside(path) as file:
            # the whole sample first: rows that are not shown may decide whether a file of objects is refused
            for last in dict.fromkeys((len(sample.records), rows)):
                file.seek(0)
                file.truncate()
                file.write(sample.text_of(last).encode("utf-8", "surrogateescape"))
                file.flush()
                if last == len(sample.records):
                    check_head(Path(file.name), dataset, plain, footer=False)
                    _check_footer(sample, dataset, plain)
            yield from read_rows(Path(file.name), dataset, plain, SAMPLE_BYTES, footer=False)


def _check_footer(sample: Sample, dataset: Dataset, file_format: FileFormat) -> None:
    if not sample.footer.lines or sample.cut or sample.failure is not None:
        return
    dataset = apply_options(dataset, file_format)
    names = None if sample.header is False else sample.names
    mapping = map_columns(names, file_format, dataset, file_format.first_line)
    blank = sample.blanks + sum(record.blanks for record in sample.records)
    check_footer(sample.footer, len(sample.records), blank, file_format, dataset, mapping)


def _rejects(batches: Iterator[Batch], rows: int) -> dict[int, Reject]:
    """The rejects among the first rows, by their positions."""
    found: dict[int, Reject] = {}
    for batch in batches:
        found |= {reject.row - 1: reject for reject in batch.rejects}
        if batch.next_row > rows:
            break
    return found


def _mapped(sample: Sample, file_format: FileFormat, dataset: Dataset) -> list[MappedColumn]:
    columns = file_format.columns
    if isinstance(columns, list):
        names: list[str | None] = list(sample.names) if sample.names is not None else [None] * sample.width
        targets = [*columns, *[None] * (len(names) - len(columns))][: len(names)]
    elif sample.names is None:
        return [MappedColumn(None, None, "unknown")] * sample.width
    elif file_format.format in ("json", "ndjson"):
        # each object is matched by its own keys: `V` of one may be the same column as `v` of another
        keys = KeyMapper(dataset, file_format)
        targets = [keys.map((name,)).columns[0] for name in sample.names]
        return [_mapped_column(name, to, dataset) for name, to in zip(sample.names, targets, strict=True)]
    else:
        names = list(sample.names)
        others = file_format.leave_out_others
        targets = find_columns(sample.names, columns, dataset, leave_out_others=others, all_needed=False).targets
    mapped = []
    seen: set[str | None] = set()
    for at, (name, to) in enumerate(zip(names, targets, strict=True)):
        if to == "" and at == len(names) - 1:
            mapped.append(MappedColumn(name, None, "unnamed"))
        elif to in seen:
            mapped.append(MappedColumn(name, to, "doubled"))
        else:
            mapped.append(_mapped_column(name, to, dataset))
            seen |= {to} - {None}
    return mapped


def _mapped_column(name: str | None, to: str | None, dataset: Dataset) -> MappedColumn:
    if to is None:
        return MappedColumn(name, None, "left_out")
    return MappedColumn(name, to, "mapped") if to in dataset.column_names else MappedColumn(name, None, "unknown")
