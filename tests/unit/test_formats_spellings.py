"""Other spellings of numbers and dates: each loads as exactly the value that it says, or is refused."""

import json
import locale
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings, strategies as st

from app.domain.column_options import ColumnOptions
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.definition import read_definition
from app.domain.errors import InvalidContent
from app.domain.spelling import NEGATIVES, NumberFormat
from app.formats.detection import HEAD_BYTES, detect
from app.formats.infer.schema import as_definition
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.preview import whole_file
from app.formats.preview.preview import make_preview
from app.formats.reader import check_head, read_rows
from app.formats.validate.columns import BadValue, validator_for
from app.formats.validate.date_formats import known_formats, parser
from app.formats.validate.vectorized_columns import validate_columns

PROPERTY = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
MONEY = Column("c", ColumnType.DECIMAL, precision=20, scale=4, signed=True)
WHOLE = Column("c", ColumnType.INTEGER, minimum=-(10**15), maximum=10**15)
AT = Column("c", ColumnType.DATETIME)
DAY = Column("c", ColumnType.DATE)


def verdict(column: Column, text: str) -> str | None:
    try:
        found = validator_for(column)(text)
    except BadValue as bad:
        found = f"!{bad.code}"
    return found


def vectorized(column: Column, text: str) -> str | None:
    """What the vectorized check sends; None if it leaves the value to the validator."""
    frame = pl.DataFrame({"c": [text]})
    plain, accepted = validate_columns(frame, Dataset("d", (column,), ()), controls=True)
    return plain.item() if accepted.item() else None


def loads_as(column: Column, text: str) -> Decimal:
    """The number that is sent, in its plain spelling, the same on both ways."""
    found = validator_for(column)(text)
    assert found is not None
    assert vectorized(column, text) in (None, found)
    assert found == format(Decimal(found), "f") and not found.startswith(("+", "-0.0000"))
    return Decimal(found)


# --- numbers ---------------------------------------------------------------------------------------------------------

numbers = st.decimals(Decimal(-(10**15)), Decimal(10**15), places=4).map(lambda number: number + 0)


def plain_text(number: Decimal) -> str:
    return format(abs(number), "f")


@st.composite
def spellings(draw: st.DrawFn) -> tuple[Decimal, str]:
    """A number, in a lossless spelling that needs no option."""
    number = draw(numbers)
    text = plain_text(number)
    kind = draw(st.sampled_from(["zeros", "short", "bare", "exponent", "float"]))
    if kind == "zeros":
        text += "0" * draw(st.integers(0, 30))
    elif kind == "short":
        text = text.rstrip("0")
    elif kind == "bare":
        text = text.removeprefix("0") if len(text.removeprefix("0")) > 1 else text
    elif kind == "exponent":
        shift = draw(st.integers(-20, 20))
        moved = format(number.copy_abs().scaleb(-shift), "f")
        mark = "e" if shift > 9 else draw(st.sampled_from("eE"))
        text = f"{moved}{mark}{draw(st.sampled_from(['', '+'])) if shift >= 0 else ''}{shift}"
    else:
        mantissa, _, exponent = f"{abs(number):e}".partition("e")
        text = f"{mantissa}e{exponent}"
    sign = draw(st.sampled_from(["-", "\u2212"])) if number < 0 else draw(st.sampled_from(["", "+"]))
    return number, sign + text


@PROPERTY
@given(spellings())
def test_lossless_spellings_load_as_the_number_they_say(case: tuple[Decimal, str]) -> None:
    number, text = case
    assert loads_as(MONEY, text) == number


@PROPERTY
@given(st.integers(-(10**15), 10**15), st.integers(0, 20), st.sampled_from(["", ".", ".0", ".000"]))
def test_whole_numbers_in_other_spellings(number: int, shift: int, ending: str) -> None:
    assert loads_as(WHOLE, f"{number}{ending}") == number
    assert loads_as(WHOLE, f"{number}{'0' * shift}e-{shift}") == number
    assert verdict(WHOLE, f"{number}.5") == "!not_an_integer"


FORMATS = [
    NumberFormat(decimal_mark, grouping_mark)
    for decimal_mark in ".,"
    for grouping_mark in ("", ".", ",", "_", "'", " ", "\u00a0")
    if grouping_mark != decimal_mark
]


@st.composite
def formatted(draw: st.DrawFn) -> tuple[Decimal, NumberFormat, str]:
    number = draw(numbers)
    numbers_format = draw(st.sampled_from(FORMATS))
    whole, _, fraction = plain_text(number).partition(".")
    if numbers_format.grouping_mark and draw(st.booleans()):
        whole = f"{int(whole):,}".replace(",", numbers_format.grouping_mark)
    text = f"{whole}{numbers_format.decimal_mark}{fraction}"
    money = draw(st.sampled_from(["", "$", "€ ", "EUR\u00a0"]))
    text = money + text if draw(st.booleans()) else text + money.strip()
    if number < 0:
        text = draw(st.sampled_from(["-{}", "{}-", "({})"])).format(text)
    return number, replace(numbers_format, currency=True, negative=NEGATIVES), text


@PROPERTY
@given(formatted())
def test_formatted_numbers_load_as_the_number_they_say(case: tuple[Decimal, NumberFormat, str]) -> None:
    number, numbers_format, text = case
    assert loads_as(replace(MONEY, numbers=numbers_format), text) == number


@PROPERTY
@given(st.decimals(0, 10**9, places=2))
def test_percent(number: Decimal) -> None:
    assert loads_as(replace(MONEY, numbers=NumberFormat(percent=True)), f"{number} %") == number
    assert loads_as(replace(MONEY, numbers=NumberFormat(percent="fraction")), f"{number}%") == number / 100


GROUPED = NumberFormat(",", ".")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.234.567,89", "1234567.89"),
        ("12.34.567,89", "1234567.89"),  # as in India
        ("1234567,89", "1234567.89"),
        ("1.5", "!not_a_decimal"),
        ("1.50", "!not_a_decimal"),
        ("1.2345", "!not_a_decimal"),
        ("1234.567", "!not_a_decimal"),
        ("1.234.56", "!not_a_decimal"),
        (".234", "!not_a_decimal"),
        ("1,234.5", "!not_a_decimal"),
        ("0.123", "!not_a_decimal"),
        ("007,5", "!not_a_decimal"),
        ("1.234e3", "!not_a_decimal"),
        ("1e3", "1000"),
        ("5€", "!not_a_decimal"),
        ("5-", "!not_a_decimal"),
        ("(5)", "!not_a_decimal"),
        ("5%", "!not_a_decimal"),
    ],
)
def test_groups_must_be_right(text: str, found: str) -> None:
    assert verdict(replace(MONEY, numbers=GROUPED), text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-0", "0"),
        ("-0.00", "0"),
        ("0e999999999999999999999", "0"),
        ("1e999999999", "!too_many_digits"),
        ("1e-999999999", "!too_many_decimals"),
        ("1e9999999999999999999999", "!too_many_digits"),
        ("1e-9999999999999999999999", "!too_many_decimals"),
        ("4.00638E+12", "!not_a_decimal"),  # Excel left digits out
        ("4.00638E+05", "400638"),
        ("1.5E+2", "150"),
        ("007", "!not_a_decimal"),
        ("00.5", "!not_a_decimal"),
        ("-", "!not_a_decimal"),
        (".", "!not_a_decimal"),
        ("e5", "!not_a_decimal"),
        ("1e", "!not_a_decimal"),
        ("1 ", "!not_a_decimal"),
        ("٣", "!not_a_decimal"),
        ("1_000", "!not_a_decimal"),
        ("0x10", "!not_a_decimal"),
        ("NaN", "!not_a_decimal"),
    ],
)
def test_plain_columns(text: str, found: str) -> None:
    assert verdict(MONEY, text) == found
    assert vectorized(MONEY, text) in (None, found)


def test_a_number_below_zero_needs_a_signed_column_and_zero_does_not() -> None:
    unsigned = replace(MONEY, signed=False)
    assert verdict(unsigned, "-0.00") == "0"
    assert verdict(unsigned, "-5") == "!not_a_decimal"
    assert verdict(replace(unsigned, numbers=NumberFormat(negative=NEGATIVES)), "(5)") == "!not_a_decimal"


CURRENCY = replace(MONEY, numbers=NumberFormat(currency="kr"))


@pytest.mark.parametrize(
    ("column", "text", "found"),
    [
        (CURRENCY, "5 kr", "5"),
        (CURRENCY, "5", "5"),
        (CURRENCY, "5 €", "!not_a_decimal"),
        (CURRENCY, "kr 5 kr", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(currency=True)), "5¢", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(currency=True)), " $ 5.00 ", "5"),
        (replace(MONEY, numbers=NumberFormat(currency=True)), "$5.00 USD", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(negative=NEGATIVES)), "-(5)", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(negative=NEGATIVES)), "(5", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(negative=NEGATIVES)), "-5-", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(grouping_mark=" ")), "1\u202f234.5", "1234.5"),
        (replace(MONEY, numbers=NumberFormat(grouping_mark="'")), "1’234.5", "1234.5"),
        (replace(WHOLE, numbers=GROUPED), "1.234,00", "1234"),
        (replace(WHOLE, numbers=GROUPED), "1.234,50", "!not_an_integer"),
    ],
)
def test_marks_signs_and_brackets(column: Column, text: str, found: str) -> None:
    assert verdict(column, text) == found


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        (MONEY, "12,50", "set decimal_mark=, if it means 12.5"),
        (MONEY, "1,234", "set decimal_mark=, if it means 1.234, or grouping_mark=, if it means 1234"),
        (WHOLE, "1,234", "set grouping_mark=, if it means 1234"),
        (MONEY, "1.234,56", "set decimal_mark=, and grouping_mark=. if it means 1234.56"),
        (MONEY, "1 234,50", "set decimal_mark=, and grouping_mark=space if it means 1234.5"),
        (MONEY, "$5", "set currency=true if it means 5"),
        (MONEY, "5%", "set percent=true if it means 5, or percent=fraction if it means 0.05"),
        (MONEY, "5-", "set negative=trailing_minus if it means -5"),
        (MONEY, "($5)", "set currency=true and negative=parentheses if it means -5"),
        (replace(MONEY, numbers=GROUPED), "1.5", "set decimal_mark=. and grouping_mark=none if it means 1.5"),
        (replace(MONEY, scale=2), "1.234", "set decimal_mark=, and grouping_mark=. if it means 1234"),
        (DAY, "22.11.2026", "set formats=%d.%m.%Y"),
        (DAY, "03/04/2026", "set formats=%d/%m/%Y or formats=%m/%d/%Y, whichever it means"),
        (AT, "2026-11-22 08:30", "set formats=%Y-%m-%d %H:%M"),
        (AT, "11/22/2026, 8:30:00\u202fPM", "set formats=%m/%d/%Y, %I:%M:%S %p"),
        (AT, "2026-11-22 08:30:00 CET", 'zones={"CET": "+HH:MM"}'),
        (DAY, "45618", "set serial=1900"),
    ],
)
def test_a_refusal_names_the_option(column: Column, text: str, told: str) -> None:
    with pytest.raises(BadValue) as refused:
        validator_for(column)(text)
    assert told in refused.value.reason


# --- dates -----------------------------------------------------------------------------------------------------------

moments = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30)).map(lambda at: at.replace(microsecond=0))
near_moments = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)).map(lambda at: at.replace(microsecond=0))
offsets = st.integers(-(24 * 60 - 1), 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@PROPERTY
@given(moments, offsets, st.sampled_from(["", " "]), st.booleans(), st.integers(0, 9))
def test_offsets_and_zeros_load_as_the_moment_they_say(
    moment: datetime, zone: timezone, gap: str, colon: bool, zeros: int
) -> None:
    offset = datetime(2000, 1, 1, tzinfo=zone).strftime("%z")
    text = f"{moment:%Y-%m-%d %H:%M:%S}".rjust(19, "0") + "." * bool(zeros) + "0" * zeros + gap
    text += f"{offset[:3]}:{offset[3:]}" if colon else offset
    expected = (moment - zone.utcoffset(None)).isoformat(" ")
    assert verdict(AT, text) == expected
    assert vectorized(AT, text) in (None, expected)


@PROPERTY
@given(near_moments, st.sampled_from(known_formats()[1]))
def test_formats_load_as_the_moment_they_say(moment: datetime, format: str) -> None:
    text = moment.replace(tzinfo=UTC).strftime(format)
    shown = datetime.strptime(text, format)
    assert parser(format)(text) == shown
    assert verdict(replace(AT, formats=(format,)), text) in (shown.strftime("%Y-%m-%d %H:%M:%S"), "!ambiguous_date")


@pytest.mark.parametrize("name", ["de_DE.UTF-8", "fr_FR.UTF-8", "C"])
def test_months_and_halves_of_a_day_are_english_in_every_locale(name: str) -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        locale.setlocale(locale.LC_TIME, name)
    except locale.Error:
        pytest.skip(f"no locale {name} here")
    try:
        column = replace(AT, formats=("%d %b %Y %I:%M %p",))
        assert verdict(column, "3 Mar 2026 12:05 am") == "2026-03-03 00:05:00"
        assert verdict(column, "3 Mär 2026 12:05 am") == "!bad_datetime"
    finally:
        locale.setlocale(locale.LC_TIME, before)


def test_names_of_months_do_not_depend_on_strptime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_strptime._strptime_datetime", lambda *_: pytest.fail("the locale was asked"))
    assert verdict(replace(DAY, formats=("%d. %B %Y",)), "3. MAY 2026") == "2026-05-03"


@pytest.mark.parametrize(
    ("column", "text", "found"),
    [
        (AT, "2026-11-22T08:30:00.000Z", "2026-11-22 08:30:00"),
        (AT, "2026-11-22T08:30:00.0000000", "2026-11-22 08:30:00"),
        (AT, "2026-11-22T08:30:00.5Z", "!too_many_decimals"),
        (replace(AT, scale=3), "2026-11-22T08:30:00.1230000Z", "2026-11-22 08:30:00.123"),
        (replace(AT, scale=3), "2026-11-22T08:30:00.1234", "!too_many_decimals"),
        (AT, "2026-11-22 08:30:00 UTC", "2026-11-22 08:30:00"),
        (AT, "2026-11-22 08:30:00+01", "2026-11-22 07:30:00"),
        (AT, "2026-11-22 08:30:00 CET", "!bad_datetime"),
        (replace(AT, zones=(("CET", "+01:00"),)), "2026-11-22 08:30:00 CET", "2026-11-22 07:30:00"),
        (replace(AT, zones=(("CET", "+01:00"),)), "2026-11-22 08:30:00 EST", "!bad_datetime"),
        (replace(AT, offsets=False), "2026-11-22 08:30:00+01:00", "!bad_datetime"),
        (replace(AT, offsets=False), "2026-11-22T08:30:00.000Z", "2026-11-22 08:30:00"),
        (replace(DAY, formats=("%d%m%Y",)), "1112026", "!bad_date"),  # two dates
        (replace(DAY, formats=("%d%m%Y",)), "01112026", "2026-11-01"),
        (replace(AT, formats=("%d.%m.%Y %I:%M %p",)), "1.2.2026 12:00 AM", "2026-02-01 00:00:00"),
        (replace(AT, formats=("%d.%m.%Y %I:%M %p",)), "1.2.2026 12:00 PM", "2026-02-01 12:00:00"),
    ],
)
def test_dates(column: Column, text: str, found: str) -> None:
    assert verdict(column, text) == found
    assert vectorized(column, text) in (None, found)


SERIAL = {system: replace(AT, serial=system) for system in ("1900", "1904")}
EPOCHS = {"1900": datetime(1899, 12, 30), "1904": datetime(1904, 1, 1)}


@PROPERTY
@given(
    st.datetimes(datetime(1904, 1, 1), datetime(9999, 12, 31)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(["1900", "1904"]),
)
@example(datetime(1904, 1, 1), "1904")
def test_serial_dates_load_as_the_moment_they_say(moment: datetime, system: str) -> None:
    days = Fraction(int((moment - EPOCHS[system]).total_seconds()), 86_400)
    for text in (format(float(days), ".15g"), repr(float(days)).removesuffix(".0")):
        if len(text.partition(".")[2]) >= 9 or days.denominator == 1:
            assert verdict(SERIAL[system], text) == moment.isoformat(" "), text


@pytest.mark.parametrize(
    ("system", "text", "found"),
    [
        ("1900", "1", "1900-01-01 00:00:00"),
        ("1900", "59", "1900-02-28 00:00:00"),
        ("1900", "60", "!impossible_date"),
        ("1900", "61", "1900-03-01 00:00:00"),
        ("1900", "0", "!impossible_date"),
        ("1900", "2958465", "9999-12-31 00:00:00"),
        ("1900", "2958466", "!out_of_range"),
        ("1900", "45618.35417", "!too_many_decimals"),
        ("1900", "45618.9999999999", "!too_many_decimals"),
        ("1900", "45618.35", "2024-11-22 08:24:00"),
        ("1900", "-1", "!bad_datetime"),
        ("1904", "0", "1904-01-01 00:00:00"),
        ("1904", "60", "1904-03-01 00:00:00"),
    ],
)
def test_the_borders_of_serial_dates(system: str, text: str, found: str) -> None:
    assert verdict(SERIAL[system], text) == found


def test_a_day_has_no_time() -> None:
    assert verdict(replace(DAY, serial="1900"), "45618") == "2024-11-22"
    assert verdict(replace(DAY, serial="1900"), "45618.5") == "!bad_date"


# --- through the readers ---------------------------------------------------------------------------------------------

DEFINITION: dict[str, Any] = {
    "name": "goods",
    "columns": [
        {"name": "sku", "type": "text"},
        {"name": "price", "type": "decimal", "precision": 12, "scale": 3, "signed": True, "default": "1.5"},
        {"name": "stock", "type": "integer", "nullable": True},
        {"name": "added", "type": "datetime", "nullable": True},
    ],
}
GOODS = read_definition(DEFINITION)
Rows = list[tuple[str | None, ...]]


def load(path: Path, data: bytes, dataset: Dataset = GOODS, **said: str) -> tuple[Rows, list[str]]:
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], dataset, parse_options(said))
    check_head(path, dataset, file_format)
    batches = list(read_rows(path, dataset, file_format, 1 << 20))
    rows = [values for batch in batches for _, values in read_payload(batch.payload)]
    return rows, [reject.code for batch in batches for reject in batch.rejects]


def test_options_for_the_import_win_over_the_dataset_and_those_for_a_column_over_both(tmp_path: Path) -> None:
    described = json.loads(json.dumps(DEFINITION))
    described["columns"][1]["decimal_mark"] = ","
    german = read_definition(described)
    data = b"sku;price;stock\nx;1,5;2,0\n"
    assert load(tmp_path / "o", data, german) == ([], ["not_an_integer"])
    assert load(tmp_path / "o", data, german, decimal_mark=",")[0] == [("x", "1.5", "2", None)]
    assert load(tmp_path / "o", data, german, decimal_mark=".")[1] == ["not_a_decimal"]
    own = json.dumps({"price": {"decimal_mark": ","}})
    assert load(tmp_path / "o", b"sku;price;stock\nx;1,5;2.0\n", GOODS, decimal_mark=".", columns=own)[0] == [
        ("x", "1.5", "2", None)
    ]


def test_a_default_is_plain_whatever_the_file_has(tmp_path: Path) -> None:
    assert load(tmp_path / "o", b"sku;price\nx;\n", decimal_mark=",", grouping_mark=".")[0] == [
        ("x", "1.5", None, None)
    ]


def test_numbers_of_json_have_a_point_whatever_texts_have(tmp_path: Path) -> None:
    lines = [
        '{"sku": "x", "price": 1.234}',
        '{"sku": "y", "price": "1.234"}',
        '{"sku": "z", "price": 1e3, "stock": 2.0}',
    ]
    expected = [("x", "1.234", None, None), ("y", "1234", None, None), ("z", "1000", "2", None)]
    for data in ("\n".join(lines), f"[{','.join(lines)}]"):
        assert load(tmp_path / "o", data.encode(), decimal_mark=",", grouping_mark=".") == (expected, [])


def test_numbers_of_parquet_have_a_point_whatever_texts_have(tmp_path: Path) -> None:
    pl.DataFrame({"sku": ["x"], "price": [1.234], "stock": ["1.234"]}).write_parquet(tmp_path / "p")
    data = (tmp_path / "p").read_bytes()
    assert load(tmp_path / "o", data, decimal_mark=",", grouping_mark=".")[0] == [("x", "1.234", "1234", None)]


def test_numbers_in_cells_have_a_point_whatever_texts_have(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "price", "stock"])
    sheet.write_row(1, 0, ["x", 1.234, 2])
    sheet.write_row(2, 0, ["y", "1.234", "1.234,0"])
    book.close()
    expected = [("x", "1.234", "2", None), ("y", "1234", "1234", None)]
    assert load(tmp_path / "o", (tmp_path / "x").read_bytes(), decimal_mark=",", grouping_mark=".") == (expected, [])


def test_serial_dates_of_json_are_numbers(tmp_path: Path) -> None:
    data = b'{"sku": "x", "added": 45618.5}\n'
    serial = json.dumps({"added": {"serial": "1900"}})
    assert load(tmp_path / "o", data, columns=serial)[0] == [("x", "1.5", None, "2024-11-22 12:00:00")]
    assert load(tmp_path / "o", data)[1] == ["wrong_json_type"]


@pytest.mark.parametrize("is_1904", [False, True])
def test_workbooks_of_both_date_systems(tmp_path: Path, is_1904: bool) -> None:
    moments = [datetime(1904, 3, 1), datetime(2026, 11, 22, 8, 30, 1), datetime(9999, 12, 31, 23, 59, 59)]
    book = xlsxwriter.Workbook(tmp_path / "x", {"date_1904": is_1904})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "added"])
    style = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for row, moment in enumerate(moments, 1):
        sheet.write_string(row, 0, "x")
        sheet.write_datetime(row, 1, moment, style)
    book.close()
    rows, rejects = load(tmp_path / "o", (tmp_path / "x").read_bytes())
    assert rejects == [] and [row[3] for row in rows] == [moment.isoformat(" ") for moment in moments]


@pytest.mark.parametrize(
    ("serial", "added"), [(59, "!"), (60, "!"), (61, "1900-03-01 00:00:00"), (58, "1900-02-27 00:00:00")]
)
def test_the_leap_day_that_1900_had_not(tmp_path: Path, serial: int, added: str) -> None:
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["sku", "added"])
    sheet.write_string(1, 0, "x")
    sheet.write_number(1, 1, serial, book.add_format({"num_format": "yyyy-mm-dd"}))
    book.close()
    rows, rejects = load(tmp_path / "o", (tmp_path / "x").read_bytes())
    assert ([row[3] for row in rows], rejects) == (([], ["unsupported_cell"]) if added == "!" else ([added], []))


@pytest.mark.parametrize(
    ("column", "said", "field"),
    [
        ("price", {"decimal_mark": ","}, None),
        ("sku", {"decimal_mark": ","}, "columns"),
        ("price", {"formats": ["%d.%m.%Y"]}, "columns"),
        ("added", {"formats": ["%d.%m"]}, "columns"),
        ("added", {"formats": ["%d.%m.%Y %Z"]}, "columns"),
        ("added", {"zones": {"CET": "one"}}, "columns"),
        ("price", {"currency": "5"}, "columns"),
    ],
)
def test_options_that_a_column_can_not_have(column: str, said: Any, field: str | None) -> None:
    options = parse_options({"columns": json.dumps({column: said})})
    if field is None:
        detect(None, None, b"sku;price\nx;1\n", GOODS, options)
        return
    with pytest.raises(InvalidContent) as refused:
        detect(None, None, b"sku;price\nx;1\n", GOODS, options)
    assert refused.value.extra["errors"][0]["field"] == field


def test_a_definition_keeps_how_numbers_and_dates_are_written() -> None:
    columns = [
        {"name": "a", "type": "decimal", "precision": 9, "scale": 2, "decimal_mark": ",", "grouping_mark": ".",
         "currency": "kr", "percent": "fraction", "negative": ["parentheses"]},
        {"name": "b", "type": "datetime", "zones": {"CET": "+01:00"}, "formats": ["%d.%m.%Y %Z"], "serial": "1904"},
    ]  # fmt: skip
    dataset = read_definition({"name": "x", "columns": columns, "key": []})
    assert dataset.columns[0].numbers == NumberFormat(",", ".", "kr", "fraction", ("parentheses",))
    kept = json.loads(json.dumps(as_definition(dataset)))
    assert read_definition(kept) == dataset
    assert kept["columns"] == columns


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("decimal_mark", ";"),
        ("grouping_mark", "."),
        ("grouping_mark", "ab"),
        ("currency", 5),
        ("currency", "5$"),
        ("percent", "half"),
        ("negative", ["red"]),
    ],
)
def test_a_definition_that_can_not_be(part: str, value: Any) -> None:
    with pytest.raises(InvalidContent) as refused:
        read_definition({"name": "x", "columns": [{"name": "a", "type": "integer", part: value}]})
    assert refused.value.extra["errors"][0]["field"] == f"columns[0].{part}"


# --- proposals -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, a whole file is read."""
    monkeypatch.setattr(whole_file, "MAX_SECONDS", 300)


def proposed(path: Path, data: bytes, *, partial: bool = False, **said: str) -> dict[str, tuple[Column | None, str]]:
    """The proposed columns and their notes. The whole file must load into the proposed dataset."""
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], Dataset("", (), ()), parse_options(said))
    found = make_preview(path, file_format, None, 5, partial=partial)
    assert found.inferred is not None and found.problem is None
    assert read_definition(json.loads(json.dumps(as_definition(found.inferred.dataset)))) == found.inferred.dataset
    if not partial:
        batches = list(read_rows(path, found.inferred.dataset, found.file_format, 1 << 20))
        assert [reject for batch in batches for reject in batch.rejects] == []
    return {each.name or "": (each.column, " ".join(each.notes)) for each in found.inferred.proposals}


def test_a_proposal_names_the_option_for_what_stays_text(tmp_path: Path) -> None:
    data = b"Datum;Preis;Tag;Rate\n3.4.2026;1.012,50;03/04/2026;5%\n22.11.2026;-3,99;04/05/2026;6%\n"
    notes = {
        name: note
        for name, (column, note) in proposed(tmp_path / "o", data).items()
        if column and column.type == "text"
    }
    assert 'columns={"Datum": {"formats": ["%d.%m.%Y"]}}' in notes["Datum"]
    assert 'columns={"Preis": {"decimal_mark": ",", "grouping_mark": "."}}' in notes["Preis"]
    assert all(f'columns={{"Tag": {{"formats": ["{format}"]}}}}' in notes["Tag"] for format in ("%d/%m/%Y", "%m/%d/%Y"))
    assert '{"percent": true}' in notes["Rate"] and '{"percent": "fraction"}' in notes["Rate"]


def test_a_proposal_follows_the_options(tmp_path: Path) -> None:
    data = b"Datum;Preis;Tag\n3.4.2026;1.012,50;03/04/2026\n22.11.2026;-3,99;04/05/2026\n"
    columns = {"Datum": {"formats": ["%d.%m.%Y"]}, "Tag": {"formats": ["%m/%d/%Y"]}}
    said = {"columns": json.dumps(columns), "decimal_mark": ",", "grouping_mark": "."}
    found = proposed(tmp_path / "o", data, **said)
    assert [column and column.type for column, _ in found.values()] == ["date", "decimal", "date"]


def test_numbers_with_exponents_are_decimals(tmp_path: Path) -> None:
    [(column, _)] = proposed(tmp_path / "o", b"x\n1e-05\n2.5e+03\n3\n", header="true").values()
    assert column is not None and (column.type, column.scale) == (ColumnType.DECIMAL, 5)


def test_points_that_may_group_are_noted(tmp_path: Path) -> None:
    assert "1234" in proposed(tmp_path / "o", b"x;y\n1.234;a\n12;b\n")["x"][1]


ROWS = "".join(f"A{number},{number},x{number % 7},2026-01-02\n" for number in range(60_000))


def test_a_proposal_of_a_whole_file_takes_it_all(tmp_path: Path) -> None:
    data = f"id,n,t,d\n{ROWS}A5,1.5,{'y' * 300},\nB,,z,31.12.2026\n".encode()
    found = proposed(tmp_path / "o", data)
    kinds = {name: (column.type, column.nullable) for name, (column, _) in found.items() if column}
    assert kinds == {"id": ("text", False), "n": ("decimal", True), "t": ("text", False), "d": ("text", True)}
    path = tmp_path / "o"
    made = make_preview(path, detect(None, None, data[:HEAD_BYTES], Dataset("", (), ()), parse_options({})), None, 5)
    assert made.inferred is not None and made.inferred.dataset.key == ()  # A5 is there twice


def test_a_proposal_of_a_beginning_is_nullable_or_says_what_is_unknown(tmp_path: Path) -> None:
    found = proposed(tmp_path / "o", f"id,n,t,d\n{ROWS[:2000]}".encode(), partial=True)
    assert all(column.nullable or "later ones" in note for column, note in found.values() if column)
    assert "later ones" in found["id"][1]


def test_a_proposal_takes_objects_with_keys_that_come_late(tmp_path: Path) -> None:
    lines = [json.dumps({"id": number, "price": 1.5}) for number in range(60_000)]
    data = "\n".join([*lines, '{"id": 1000000, "late": "x"}', '{"price": null, "id": 1000001}']).encode()
    found = proposed(tmp_path / "o", data)
    assert found["late"][0] is not None and found["price"][0] is not None and found["price"][0].nullable


def test_a_proposal_takes_all_of_a_sheet_and_of_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(3000), "t": ["x"] * 2999 + [None], "s": ["a"] * 2999 + ["b" * 500]})
    frame.write_parquet(tmp_path / "p")
    book = xlsxwriter.Workbook(tmp_path / "x")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, frame.columns)
    for row, values in enumerate(frame.rows(), 1):
        sheet.write_row(row, 0, [value or "" for value in values])
    book.close()
    for file in ("p", "x"):
        found = proposed(tmp_path / "o", (tmp_path / file).read_bytes())
        assert found["t"][0] is not None and found["t"][0].nullable
        assert found["s"][0] is not None and found["s"][0].length >= 500


def test_nanoseconds_that_are_whole_microseconds_are_datetimes(tmp_path: Path) -> None:
    moments = pl.Series([datetime(2026, 1, 2, 3, 4, 5, 123456)]).cast(pl.Datetime("ns"))
    odd = (moments.to_physical() + 1).cast(pl.Datetime("ns"))
    pl.DataFrame({"at": moments, "odd": odd}).write_parquet(tmp_path / "p")
    found = proposed(tmp_path / "o", (tmp_path / "p").read_bytes())
    assert found["at"][0] is not None and (found["at"][0].type, found["at"][0].scale) == ("datetime", 6)
    assert found["odd"][0] is not None and found["odd"][0].type == "text"


def test_wide_options_leave_other_columns_alone() -> None:
    options = parse_options({"decimal_mark": ",", "formats": "%d.%m.%Y %H:%M"})
    assert options.all_columns == ColumnOptions(decimal_mark=",", formats=("%d.%m.%Y %H:%M",))
