"""Other spellings of dates: each loads as exactly the moment that it says, or is refused."""

import locale
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import example, given, strategies as st

from app.domain.dataset import Column, Dataset
from app.domain.file_format import FileFormat
from app.formats.advice.dates import date_advice
from app.formats.validate.columns import BadValue, validator_for
from app.formats.validate.date_formats import known_formats, parser
from tests.unit.formats.validate.spelled import AT, DAY, PROPERTY, vectorized, verdict

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


@pytest.mark.parametrize("text", ["3 Aprıl 2026 IST", "3 Auguſt 2026 IST", "3 May 2026 ıST", "3 May 2026 İST"])
def test_letters_that_count_as_letters_of_ascii_elsewhere(text: str) -> None:
    column = replace(AT, formats=("%d %B %Y %Z",), zones=(("IST", "+05:30"),))
    assert str(verdict(column, text.translate(str.maketrans("ıİſ", "iIs")))).startswith("2026-")
    assert verdict(column, text) == "!bad_datetime"


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


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        (DAY, "22.11.2026", "set formats=%d.%m.%Y"),
        (DAY, "03/04/2026", "set formats=%d/%m/%Y or formats=%m/%d/%Y, whichever it means"),
        (AT, "2026-11-22 08:30", "set `formats=%Y-%m-%d %H:%M`"),
        (AT, "11/22/2026, 8:30:00\u202fPM", "set `formats=%m/%d/%Y, %I:%M:%S %p`"),
        (AT, "2026-11-22 08:30:00 CET", 'zones={"CET": "+HH:MM"}'),
        (DAY, "45618", 'set columns={"c": {"serial": "1900"}} if'),
    ],
)
def test_a_refusal_names_the_option(column: Column, text: str, told: str) -> None:
    with pytest.raises(BadValue):
        validator_for(column)(text)
    assert told in date_advice(text, column, Dataset("d", (column,), ()), FileFormat("csv"), lambda: "")


@pytest.mark.parametrize(
    "zero", [" 00:00:00", "T00:00:00", "T00:00:00Z", " 00:00:00.000", "T00:00:00+00:00", "T00:00:00,0"]
)
def test_a_date_may_have_its_midnight(zero: str) -> None:
    for column in (DAY, replace(DAY, formats=("%d.%m.%Y",)), replace(DAY, serial="1900")):
        assert verdict(column, f"2026-03-04{zero}") == "2026-03-04"
        assert vectorized(column, f"2026-03-04{zero}") in (None, "2026-03-04")


@pytest.mark.parametrize("time", [" 00:00:01", "T00:00:00+01:00", "T00:00:00-00:30", " 00:00:00.001", " 24:00:00", "T"])
def test_a_date_has_no_other_time(time: str) -> None:
    assert verdict(DAY, f"2026-03-04{time}") == "!bad_date"
    assert vectorized(DAY, f"2026-03-04{time}") is None


def test_a_midnight_of_no_day_is_refused() -> None:
    assert verdict(DAY, "2026-02-30 00:00:00") == "!impossible_date"


@pytest.mark.parametrize(
    ("scale", "text", "expected"),
    [
        (0, "2026-11-22 23:59:59,000", "2026-11-22 23:59:59"),
        (3, "2026-11-22T23:59:59,250Z", "2026-11-22 23:59:59.250"),
        (0, "2026-11-22 23:59:59,5", "!too_many_decimals"),
        (3, "2026-11-22 23:59:59,", "!bad_datetime"),
    ],
)
def test_a_fraction_may_have_a_comma(scale: int, text: str, expected: str) -> None:
    assert verdict(replace(AT, scale=scale), text) == expected
    assert vectorized(replace(AT, scale=scale), text) in (None, expected)


def test_a_weekday_must_be_that_of_the_date() -> None:
    column = replace(DAY, formats=("%a, %d %b %Y", "%A %d.%m.%Y"))
    assert verdict(column, "Wed, 30 Dec 2026") == "2026-12-30"
    assert verdict(column, "wednesday 30.12.2026") == "2026-12-30"
    assert verdict(column, "Tue, 30 Dec 2026") == "!bad_date"
    for format in ("%a %A %d.%m.%Y", "%a"):
        with pytest.raises(ValueError, match="can't be used"):
            validator_for(replace(DAY, formats=(format,)))
