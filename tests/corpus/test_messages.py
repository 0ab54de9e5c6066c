"""Every refusal of the corpus names what lets the file in: the options in its message are tried, once or twice."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import BackoutError, ImportFailed
from app.formats.detection import HEAD_BYTES, detect
from app.formats.hints import PLACEHOLDER
from app.formats.options import NAMES, parse_options
from app.formats.reader import check_head, read_rows
from tests.corpus.cases import Case, read_cases

# No option can let these in. Their messages say what else to do.
BROKEN = {
    "empty.csv": "it is empty",
    "blank-lines-alone.csv": "it is empty",
    "header-alone.csv": "it has no rows",
    "bomb.csv.gz": "no row is so long",
    "cut-off.csv.gz": "a part is missing",
    "cut-off.csv.zst": "a part is missing",
    "cut-off.ods": "a part is missing",
    "cut-off.zip": "a part is missing",
    "two-files.zip": "it is two files",
    "records-twice.json": "two arrays are under one path",
    "cut-off.json": "a part is missing",
    "cut-off.parquet": "a part is missing",
    "cut-off.xlsx": "a part is missing",
    "wrong-sum.csv.gz": "a part is damaged",
    "deep.json": "no row is nested so deeply",
    "two-arrays.json": "it is two files",
    "header-formula-without-result.xlsx": "only a spreadsheet program knows the names",
    "letter.xlsx": "it is a letter",
    "html-table.xls": "it is a page",
    "xml-spreadsheet.xls": "it is XML",
    "mysqldump.sql": "it is a program",
    "pg-dump.sql": "it is a program",
    "names.tar.gz": "it is an archive",
}
# Some rows of these are wrong themselves, so that only the others can be loaded.
WRONG_ROWS = {
    "api-export-wrong.ndjson": "some lines are no objects",
    "blank-rows-required.csv": "x is no number",
    "blank-rows.xlsx": "x is no number",
    "constant-and-defaults.csv": "x is no number",
    "control-characters.csv": "a text may not have them",
    "dashes-later.csv": "a line of dashes among the rows",
    "dates-that-are-none.csv": "a day that does not exist",
    "dates-american.csv": "a day and an hour that do not exist",
    "dates-with-offsets.csv": "only the client knows what EST is, and a time is too exact",
    "daylight-saving.csv": "a time that the clocks skip",
    "excel-scientific.csv": "the digits are lost",
    "first-record-bad.json": "some elements are no objects",
    "first-record-bad.ndjson": "some lines are no objects",
    "formula-error.xlsx": "an error is no value",
    "formula-without-result.xlsx": "a value is missing",
    "header-twice.csv": "the header stands among the rows",
    "int96-nanoseconds.parquet": "a time is too exact",
    "int96-year-1.parquet": "a year is out of range",
    "joined-with-marks.csv": "two files in one",
    "keys-fold-to-one.ndjson": "one key is there twice",
    "keys-in-capitals.ndjson": "x is no number",
    "leading-zeros-quantity.csv": "only the column's type could keep the zeros",
    "leading-zeros.csv": "only the column's type could keep the zeros",
    "leading-zeros.ndjson": "only the column's type could keep the zeros",
    "length-in-characters.csv": "a text is too long",
    "lone-surrogate.ndjson": "half a character",
    "mixed.ods": "an error is no value",
    "months.xlsx": "x is no number",
    "numbers-into-text.ndjson": "an array is no value",
    "pretty-printed-objects.json": "x is no number",
    "no-characters.ndjson": "a text may not have them",
    "nul-bytes.csv": "a text may not have them",
    "numbers-accounting.csv": "cents, a per mille and two signs",
    "numbers-european.csv": "decimal commas and decimal points",
    "numbers-lossless.csv": "numbers that the columns can't hold exactly",
    "numbers-lossless.ndjson": "numbers that the columns can't hold exactly",
    "numbers-mixed.xlsx": "a number that the column can't hold exactly",
    "numbers-as-text.xlsx": "a fraction in a whole number",
    "numbers-to-the-limit.csv": "numbers beyond the limit",
    "orders-emptied.csv": "x is no number",
    "orders-of-javascript.csv": "a price of three decimals",
    "orders-messy.csv": "each row is wrong in another way",
    "serial-dates.csv": "a day that did not exist, and times that are not exact",
    "too-short-too-long.csv": "fields are missing",
    "trailing-delimiter-rows.csv": "a field too many",
    "woocommerce-semicolons.csv": "decimal commas and a decimal point",
    "zip-codes-by-format.xlsx": "a format that is too complex",
}

_OPTION = re.compile(rf"`?\b({'|'.join([*NAMES, 'on_error'])})=")
_END = re.compile(r"[\s;)]|[,.:](?:\s|$)|$")
_VALUES = {ColumnType.TEXT: "x", ColumnType.BOOLEAN: "true", ColumnType.DATE: "2026-01-02"}
_ORDER = ("by all rows", "by the others")

Options = dict[str, str]


def suggested(message: str) -> Iterator[tuple[str, str]]:
    """The options that a message has ready: JSON to its end, a text in backquotes, or one word."""
    for found in _OPTION.finditer(message):
        rest = message[found.end() :]
        if rest.startswith(("[", "{")):
            try:
                _, end = json.JSONDecoder().raw_decode(rest)
            except ValueError:
                continue
            yield found[1], rest[:end]
        elif found[0].startswith("`"):
            yield found[1], rest[: rest.index("`")]
        elif end := _END.search(rest, 1).start():  # type: ignore[union-attr]
            yield found[1], rest[:end]


def followed(options: Options, name: str, text: str, dataset: Dataset) -> Options:
    """The options with this one; `columns` keeps what was said of other columns."""
    if name == "columns" and text.startswith("{"):
        told = json.loads(text)
        for column in dataset.columns:
            told = filled(told, column)
        before = options.get("columns", "{}")
        text = json.dumps((json.loads(before) if before.startswith("{") else {}) | told)
    return options | {name: text}


def filled(told: dict[str, Any], column: Column) -> dict[str, Any]:
    """What the client knows, in place of the placeholder."""
    value = column.choices[0] if column.choices else _VALUES.get(column.type, "1")
    for name, members in told.items():
        if isinstance(members, dict) and column.name in (name, members.get("name")):
            told[name] = json.loads(json.dumps(members, ensure_ascii=False).replace(PLACEHOLDER, value))
    return told


def outcome(path: Path, dataset: Dataset, options: Options) -> tuple[str | None, str]:
    """Who got in, and the message of what did not."""
    first, rows = None, 0
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        said = {name: text for name, text in options.items() if name != "on_error"}
        file_format = detect(path.name, None, head, dataset, parse_options(said))
        check_head(path, dataset, file_format)
        for batch in read_rows(path, dataset, file_format, 1 << 20):
            rows += batch.rows
            first = first or (batch.rejects[0] if batch.rejects else None)
    except ImportFailed as failed:
        return None, failed.reason
    except BackoutError as refused:
        return None, str(refused)
    if first is None:
        return _ORDER[0], ""
    if options.get("on_error") == "reject":
        return (_ORDER[1] if rows else None), ""
    return None, first.as_failure(aborted=True).reason


def best(path: Path, dataset: Dataset, options: Options, steps: int) -> str | None:
    """What can be reached by following the messages for so many steps."""
    reached, message = outcome(path, dataset, options)
    found = {reached}
    if reached is None and steps:
        ways = [followed(options, name, text, dataset) for name, text in suggested(message)]
        found |= {best(path, dataset, way, steps - 1) for way in ways if way != options}
    return next((each for each in _ORDER if each in found), None)


REFUSED = [case for case in read_cases() if case.error is not None or case.rejects]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.path.name)
def test_following_the_message_lets_the_file_in(case: Case, tmp_path: Path) -> None:
    path = Path(shutil.copy(case.path, tmp_path))
    options = {name: text for name, text in case.options.items() if name != "on_error"}
    expected = None if case.path.name in BROKEN else _ORDER[case.path.name in WRONG_ROWS]
    assert best(path, case.dataset, options, 2) == expected, outcome(path, case.dataset, options)


def test_the_exceptions_are_files_of_the_corpus() -> None:
    assert {*BROKEN, *WRONG_ROWS} <= {case.path.name for case in REFUSED}
