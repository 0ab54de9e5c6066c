"""The date system of a workbook: the year from which it counts the days of its dates."""

import re
import zipfile
from pathlib import Path

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import SHEETS, FileFormat
from app.formats.advice.spelled import columns_with
from app.formats.streams.unpacked import unpacked
from app.formats.xlsx.archive import has_1904_dates, open_zip
from app.formats.xlsx.sheets import ODS_PART

_PIECE_BYTES, _OVERLAP_BYTES = 1024**2, 1000
_SHEET = b"<table:table "
_NULL_DATE = re.compile(rb"""<table:null-date\s[^<>]*table:date-value=["']([0-9-]{10})["']""")
_OF_NULL_DATES = {"1899-12-30": "1900", "1904-01-01": "1904"}


def find_date_system(path: Path, format: str) -> str:
    """`1900` or `1904`; of ODS perhaps another first day. Raises ImportFailed as `open_zip` does."""
    with open_zip(path, format) as archive:
        if format == "xlsx":
            return "1904" if has_1904_dates(archive) else "1900"
        return _of_ods(archive)


def _of_ods(archive: zipfile.ZipFile) -> str:
    """The settings are between the styles and the first sheet."""
    data, found = b"", None
    with archive.open(ODS_PART) as file:
        while found is None and _SHEET not in data and (piece := file.read(_PIECE_BYTES)):
            data = data[-_OVERLAP_BYTES:] + piece
            found = _NULL_DATE.search(data)
    first = found[1].decode() if found else "1899-12-30"
    return _OF_NULL_DATES.get(first, first)


def date_system_of(path: Path, file_format: FileFormat) -> str:
    """`find_date_system` of a file that may be compressed; empty unless it is a workbook."""
    if file_format.format not in SHEETS:
        return ""
    with unpacked(path, file_format) as file:
        return find_date_system(file, file_format.format)


def check_serials(path: Path, dataset: Dataset, file_format: FileFormat) -> None:
    """Raises ImportFailed (wrong_option) for a column whose serial dates have another system than the workbook, which
    would make other days of them. `dataset` may be one that is yet to be proposed."""
    said = {name: each.serial for name, each in file_format.column_options.items()}
    said |= {column.name: column.serial for column in dataset.columns}
    serials = {name: serial for name, serial in said.items() if serial}
    if not serials:
        return
    system = find_date_system(path, file_format.format)
    for name, serial in serials.items():
        if serial == system:
            continue
        reason = f"serial of {name} is {serial}, and the workbook counts its dates from {system}"
        if system in _OF_NULL_DATES.values():
            reason += f": set {columns_with(name, {'serial': system}, file_format)}"
        else:
            reason += ": make its cells dates, and leave serial out"
        raise ImportFailed("wrong_option", reason, column=name)
