"""Every option that a hint names is one that there is, spelled as the API takes it, and keeps what the client said."""

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows
from tests.corpus.test_messages import suggested
from tests.files.opendocument import cell, row, sheet, spreadsheet, typed

SHOP = Dataset(
    "shop",
    (
        Column("k", ColumnType.TEXT, length=9),
        Column("pieces", ColumnType.INTEGER, minimum=0, maximum=10**6, nullable=True),
        Column("price", ColumnType.DECIMAL, precision=12, scale=2, signed=True, nullable=True),
        Column("money", ColumnType.CURRENCY, nullable=True),
        Column("state", ColumnType.ENUM, choices=("new", "used"), nullable=True),
        Column("day", ColumnType.DATE, nullable=True),
        Column("at", ColumnType.DATETIME, nullable=True),
        Column("note", ColumnType.TEXT, length=9, nullable=True),
        Column("size", ColumnType.INTEGER, maximum=9, default="1"),
        Column("rank", ColumnType.INTEGER, maximum=9, default="1"),
    ),
    (),
)
# column, value in the file, what the hint names, and what is loaded then
CASES = [
    ("pieces", "2,0", 'columns={"pieces": {"decimal_mark": ","}}', "2"),
    ("pieces", "1.000", 'columns={"pieces": {"decimal_mark": "."}}', "1"),
    ("price", "19,90", 'columns={"price": {"decimal_mark": ","}}', "19.9"),
    ("price", "$5", "currency=$", "5"),
    ("price", "US$12.50", "currency=US$", "12.5"),
    ("price", "5%", "percent=true", "5"),
    ("price", "5-", "negative=trailing_minus", "-5"),
    ("money", "eur", 'columns={"money": {"values": {"eur": "EUR"}}}', "EUR"),
    ("money", "€", 'columns={"money": {"values": {"€": "EUR"}}}', "EUR"),
    ("day", "22.11.2026", "formats=%d.%m.%Y", "2026-11-22"),
    ("day", "Wed, 30 Dec 2026", "formats=%a, %d %b %Y", "2026-12-30"),
    ("at", "2026-11-22 08:30", "formats=%Y-%m-%d %H:%M", "2026-11-22 08:30:00"),
    ("at", "45618.5", 'columns={"at": {"serial": "1900"}}', "2024-11-22 12:00:00"),
    ("day", "45618", 'columns={"day": {"serial": "1900"}}', "2024-11-22"),
    ("pieces", "n/a", "", None),
    ("price", "- ", 'columns={"price": {"values": {"- ": null}}}', None),
]


def refused(path: Path, data: bytes, **said: str) -> list[str]:
    """The reasons of an import and of its preview, which are the same."""
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], SHOP, parse_options(said))
    reasons = [reject.reason for batch in read_rows(path, SHOP, file_format, 1 << 20) for reject in batch.rejects]
    preview = make_preview(path, file_format, SHOP, 10)
    assert [each.reject.reason for each in preview.rows if each.reject] == reasons
    return reasons


def loaded(path: Path, **said: str) -> list[tuple[str | None, ...]]:
    data = path.read_bytes()
    file_format = detect(None, None, data[:HEAD_BYTES], SHOP, parse_options(said))
    check_head(path, SHOP, file_format)
    batches = list(read_rows(path, SHOP, file_format, 1 << 20))
    return [values for batch in batches for _, values in read_payload(batch.payload)]


def in_format(kind: str, column: str, value: Any) -> bytes:
    if kind == "csv":
        return f"k;{column}\na;{value}\n".encode()
    if kind in ("json", "ndjson"):
        text = json.dumps({"k": "a", column: value})
        return (f"[{text}]" if kind == "json" else text).encode()
    if kind == "ods":
        return spreadsheet(sheet("S", row(["k", column]), row(["a", cell(value)])))
    out = io.BytesIO()
    if kind == "parquet":
        pl.DataFrame({"k": ["a"], column: [value]}).write_parquet(out)
        return out.getvalue()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet()
    page.write_row(0, 0, ["k", column])
    page.write_string(1, 0, "a")
    page.write_string(1, 1, value)
    book.close()
    return out.getvalue()


KINDS = ["csv", "ndjson", "json", "xlsx", "ods", "parquet"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("column", "value", "named", "meant"), CASES, ids=[case[1] for case in CASES])
def test_a_hint_can_be_followed(
    tmp_path: Path, kind: str, column: str, value: str, named: str, meant: str | None
) -> None:
    path = tmp_path / "f"
    [reason] = refused(path, in_format(kind, column, value))
    assert named in reason
    ways = list(suggested(reason))
    assert ways, reason
    at = SHOP.column_names.index(column)
    found = [loaded(path, **{name: text})[0][at] for name, text in ways]
    assert meant in found


@pytest.mark.parametrize("given", [{"*": None}, {"pieces": {"default": "5"}}, {"at": {"zone": "Europe/Berlin"}}])
def test_a_hint_keeps_what_the_client_said(tmp_path: Path, given: dict[str, Any]) -> None:
    [reason] = refused(tmp_path / "f", b"k;pieces;at\na;;45618\n", columns=json.dumps(given))
    ways = [text for name, text in suggested(reason) if name == "columns"]
    for text in ways:
        said = json.loads(text)
        assert said["at"]["serial"] in ("1900", "1904")
        assert said == given | {"at": given.get("at", {}) | {"serial": said["at"]["serial"]}}
        assert len(loaded(tmp_path / "f", columns=text)) == 1
    assert len(ways) == 2


def test_formats_add_up(tmp_path: Path) -> None:
    data = b"k;day\na;22.11.2026\nb;2026/11/23\n"
    [first, _] = refused(tmp_path / "f", data)
    [reason] = refused(tmp_path / "f", data, **dict(suggested(first)))
    assert len(loaded(tmp_path / "f", **dict(suggested(reason)))) == 2


def test_ways_to_write_a_negative_number_add_up(tmp_path: Path) -> None:
    data = b"k;price\na;5-\nb;(6)\n"
    [first, _] = refused(tmp_path / "f", data)
    [reason] = refused(tmp_path / "f", data, **dict(suggested(first)))
    assert [row[2] for row in loaded(tmp_path / "f", **dict(suggested(reason)))] == ["-5", "-6"]


def test_zones_add_up(tmp_path: Path) -> None:
    data = b"k;at\na;2026-01-01 10:00:00 CET\nb;2026-01-01 10:00:00 EST\n"
    for said in ({"zones": '{"EST": "-05:00"}'}, {"columns": '{"at": {"zones": {"EST": "-05:00"}}}'}):
        [reason] = refused(tmp_path / "f", data, **said)
        [(name, text)] = suggested(reason)
        assert len(loaded(tmp_path / "f", **{**said, name: text.replace("+HH:MM", "+01:00")})) == 2


def test_marks_of_two_columns_come_to_an_end(tmp_path: Path) -> None:
    data = b"k;pieces;price\na;2,0;19.90\n"
    [reason] = refused(tmp_path / "f", data, decimal_mark=",")
    said = dict(suggested(reason))
    assert said == {"columns": '{"price": {"decimal_mark": "."}}'}
    assert loaded(tmp_path / "f", decimal_mark=",", **said)[0][1:3] == ("2", "19.90")


def test_an_empty_text_is_named_as_the_format_has_it(tmp_path: Path) -> None:
    mapped = 'set columns={"note": {"values": {"": null}}}'
    [reason] = refused(tmp_path / "f", b'{"k": "a", "note": ""}\n')
    assert reason.endswith(f"For no value send null, or {mapped}")
    [reason] = refused(tmp_path / "f", b'k;note\na;""\n')
    assert reason.endswith(f"For no value leave the field empty without quotes, or {mapped}")
    assert loaded(tmp_path / "f", **dict(suggested(reason)))[0][7] is None


@pytest.mark.parametrize(("text", "meant"), [("1782864000", "2026-07-01T00:00:00Z"), ("1782864000123", ".123Z")])
def test_epoch_numbers_are_said_not_to_be_read(tmp_path: Path, text: str, meant: str) -> None:
    for data in (f"k;at\na;{text}\n", f'{{"k": "a", "at": {text}}}\n'):
        [reason] = refused(tmp_path / "f", data.encode())
        assert "seconds since 1970 are not read" in reason and meant in reason


def workbook(kind: str, is_1904: bool) -> bytes:
    """A date cell, and the serial number of the same day in its date system."""
    number = (date(2026, 12, 30) - (date(1904, 1, 1) if is_1904 else date(1899, 12, 30))).days
    if kind == "ods":
        rows = [["k", "day"], ["a", typed("date", "2026-12-30", date_value="2026-12-30")]]
        rows += [["b", typed("float", str(number), value=str(number))]]
        settings = '<table:calculation-settings><table:null-date table:date-value="1904-01-01"/>'
        content = sheet("S", *map(row, rows))
        return spreadsheet(f"{settings}</table:calculation-settings>{content}" if is_1904 else content)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"date_1904": is_1904})
    page = book.add_worksheet()
    page.write_row(0, 0, ["k", "day"])
    page.write_string(1, 0, "a")
    page.write_datetime(1, 1, date(2026, 12, 30), book.add_format({"num_format": "yyyy-mm-dd"}))
    page.write_row(2, 0, ["b", number])
    book.close()
    return out.getvalue()


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
@pytest.mark.parametrize("is_1904", [False, True])
def test_the_date_system_of_a_workbook_is_named_and_no_other_taken(tmp_path: Path, kind: str, is_1904: bool) -> None:
    path, data = tmp_path / "f", workbook(kind, is_1904)
    [reason] = refused(path, data)
    system, other = ("1904", "1900") if is_1904 else ("1900", "1904")
    [(name, text)] = suggested(reason)
    assert (name, json.loads(text)) == ("columns", {"day": {"serial": system}})
    assert [values[5] for values in loaded(path, columns=text)] == ["2026-12-30"] * 2
    wrong = json.dumps({"day": {"serial": other}})
    for read in _readers(path, data, wrong):
        assert f"serial of day is {other}, and the workbook counts its dates from {system}" in read
        assert dict(suggested(read)) == {"columns": text}


def _readers(path: Path, data: bytes, columns: str) -> Iterator[str]:
    """What accepting, importing, a preview and a proposal say of the option."""
    file_format = detect(None, None, data[:HEAD_BYTES], SHOP, parse_options({"columns": columns}))
    with pytest.raises(ImportFailed) as accepted:
        check_head(path, SHOP, file_format)
    yield accepted.value.reason
    with pytest.raises(ImportFailed) as imported:
        list(read_rows(path, SHOP, file_format, 1 << 20))
    yield imported.value.reason
    for dataset in (SHOP, None):
        problem = make_preview(path, file_format, dataset, 10).problem
        assert problem is not None
        yield problem.reason
