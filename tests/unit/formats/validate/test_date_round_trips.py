"""A date or time comes back exactly as it was before somebody wrote it, in whichever spelling, or it is refused."""

import json
import re
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.formats.every_way import Outcome, drawn, outcomes
from tests.unit.formats.validate.date_spellings import (
    EPOCHS,
    PLACES,
    ZONES,
    clock_changes,
    date_formats,
    format_of,
    from_local,
    offset_text,
    serial_days,
    shown,
    stored,
    written,
)

ROWS = 10
moments = st.datetimes(datetime(1000, 1, 3), datetime(9999, 12, 28))
near_moments = st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31))
offsets = st.one_of(st.integers(-23, 23).map(lambda hours: hours * 60), st.integers(-1439, 1439))


def column(kind: str, **parts: Any) -> dict[str, Any]:
    return {"name": "c", "type": kind, **parts}


def minutes_of(offset: str) -> int:
    size = int(offset[1:3]) * 60 + int(offset[4:])
    return -size if offset[0] == "-" else size


def without_zeros(found: Outcome) -> Outcome:
    return found.rstrip("0").rstrip(".") if found and "." in found else found


@drawn(100)
@given(st.data(), date_formats(times=False), st.booleans())
def test_dates_in_every_format(data: st.DataObject, parts: Any, by_option: bool) -> None:
    short = any(letter == "y" for letter, _ in parts)
    days = data.draw(st.lists(near_moments if short else moments, min_size=1, max_size=ROWS))
    texts = [data.draw(written(parts, day, 0, "")) for day in days]
    format = format_of(parts)
    said = {"columns": json.dumps({"c": {"formats": [format]}})} if by_option else {}
    found = outcomes(texts, column("date", **{} if by_option else {"formats": [format]}), **said)
    assert found == [stored(day)[:10] for day in days], (format, texts)


@drawn(150)
@given(st.data(), date_formats(times=True), st.integers(0, 6))
def test_times_in_every_format(data: st.DataObject, parts: Any, scale: int) -> None:
    letters = [letter for letter, _ in parts]
    times = near_moments if "y" in letters else moments
    drawn_times = data.draw(st.lists(times, min_size=1, max_size=ROWS))
    fractions = st.integers(0, 10**scale - 1).map(lambda digits: digits * 10 ** (6 - scale))
    exact = [each.replace(microsecond=data.draw(fractions)) for each in drawn_times]
    texts, expected = [], []
    for each in exact:
        offset, zone = data.draw(offsets), data.draw(st.sampled_from(sorted(ZONES)))
        texts.append(data.draw(written(parts, each, offset, zone)))
        ahead = offset if "z" in letters else minutes_of(ZONES[zone]) if "Z" in letters else 0
        expected.append(stored(shown(parts, each) - timedelta(minutes=ahead)))
    found = outcomes(texts, column("datetime", scale=scale, formats=[format_of(parts)], zones=ZONES))
    assert list(map(without_zeros, found)) == list(map(without_zeros, expected)), (format_of(parts), texts)


@drawn(100)
@given(st.data(), st.integers(0, 6), st.sampled_from([{}, ZONES]), st.integers(0, 3))
def test_iso_times_with_fractions_and_offsets(data: st.DataObject, scale: int, zones: Any, more: int) -> None:
    texts, expected = [], []
    for moment in data.draw(st.lists(moments, min_size=1, max_size=ROWS)):
        digits = f"{moment.microsecond:06}" + "0" * more
        offset, zone = data.draw(st.one_of(st.just(0), offsets)), data.draw(st.sampled_from([None, *zones]))
        ahead = minutes_of(ZONES[zone]) if zone else offset
        ending = data.draw(
            st.sampled_from([zone, f" {zone}"])
            if zone
            else st.sampled_from(["", "Z", "UTC", " UTC"])
            if not offset
            else offset_text(offset, hours=True)
        )
        shown_digits = digits if data.draw(st.booleans()) else digits[:scale] + "0" * more
        kept = shown_digits.rstrip("0")
        fraction = f".{shown_digits}" if shown_digits else ""
        texts.append(
            f"{stored(moment)[:10]}{data.draw(st.sampled_from(' T'))}{stored(moment)[11:19]}{fraction}{ending}"
        )
        at = moment.replace(microsecond=int(kept.ljust(6, "0"))) - timedelta(minutes=ahead)
        expected.append(stored(at) if len(kept) <= scale else "!too_many_decimals")
    found = outcomes(texts, column("datetime", scale=scale, zones=zones))
    assert list(map(without_zeros, found)) == list(map(without_zeros, expected)), texts


changes = cache(clock_changes)
near_changes = st.tuples(st.sampled_from(PLACES), st.sampled_from([1941, 1987, 2007, 2026]))


near_an_hour = st.sampled_from([-90, -61, -60, -59, -31, -30, -29, -1, 0, 1, 29, 30, 31, 45, 59, 60, 61, 90])


@drawn(100)
@given(st.data(), near_changes, st.booleans())
def test_local_times_are_those_that_clocks_show_once(data: st.DataObject, where: Any, formatted: bool) -> None:
    place, year = where
    near = [st.sampled_from(found)] if (found := changes(place, year)) else []
    hours = st.one_of(*near, st.datetimes(datetime(1890, 1, 1), datetime(2100, 1, 1)))
    times = st.builds(lambda at, minutes: at + timedelta(minutes=minutes), hours, near_an_hour)
    local = [each.replace(microsecond=0) for each in data.draw(st.lists(times, min_size=1, max_size=ROWS * 2))]
    texts = [stored(each) for each in local]
    parts = {"formats": ["%d.%m.%Y %H:%M:%S"]} if formatted else {}
    if formatted:
        texts = [f"{text[8:10]}.{text[5:7]}.{text[:4]}{text[10:]}" for text in texts]
    found = outcomes(texts, column("datetime", zone=place, **parts))
    assert found == [from_local(each, place) for each in local], texts


@drawn(100)
@given(st.data(), st.sampled_from(["1900", "1904"]), st.sampled_from([0, 3]))
def test_serial_dates(data: st.DataObject, system: str, scale: int) -> None:
    days = st.datetimes(EPOCHS[system] + timedelta(days=1), datetime(9999, 12, 31, 23, 59, 59))
    near = st.datetimes(EPOCHS[system] + timedelta(days=1), EPOCHS[system] + timedelta(days=70))
    texts, expected = [], []
    for moment in data.draw(st.lists(st.one_of(days, near), min_size=1, max_size=ROWS)):
        step = 1000 if scale else 10**6
        at = moment.replace(microsecond=moment.microsecond // step * step)
        at = data.draw(st.sampled_from([at, at.replace(hour=0, minute=0, second=0, microsecond=0)]))
        whole, share = serial_days(at, system)
        float_text = repr(float(whole + share)).removesuffix(".0")
        digits = data.draw(st.integers(9, 20))
        rounded = int(share * 10**digits + Fraction(1, 2))
        if len(float_text.partition(".")[2]) in range(1, 9) and share * 10**8 % 1:
            float_text = str(whole) if not share else f"{whole}.{rounded:0{digits}}"
        texts.append(data.draw(st.sampled_from([float_text, f"{whole}.{rounded:0{digits}}"])))
        expected.append(stored(at))
    found = outcomes(texts, column("datetime", scale=scale, serial=system))
    assert list(map(without_zeros, found)) == list(map(without_zeros, expected)), texts
    whole_days = [text.partition(".")[0] for text in texts]
    assert outcomes(whole_days, column("date", serial=system)) == [each[:10] for each in expected]


@drawn(100)
@given(st.lists(st.tuples(st.integers(0, 3_000_000), st.text("0123456789", max_size=16)), min_size=1, max_size=ROWS))
def test_a_serial_date_is_exact_or_refused(cases: list[tuple[int, str]]) -> None:
    texts = [f"{day}.{digits}" if digits else str(day) for day, digits in [(60, ""), (0, ""), *cases]]
    found = outcomes(texts, column("datetime", scale=3, serial="1900"))
    assert found[:2] == ["!impossible_date"] * 2
    for text, each in zip(texts, found, strict=True):
        if each and not each.startswith("!"):
            whole, share = serial_days(datetime.fromisoformat(each), "1900")
            written_share = Fraction(text) - whole
            digits = len(text.partition(".")[2])
            rounding = Fraction(1, 2 * 10**digits) + Fraction(1, 2**32) if digits >= 9 else 0
            assert abs(written_share - share) <= rounding, (text, each)


READABLE = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%d %b %Y", "%B %d, %Y", "%d.%m.%Y %H:%M:%S", "%Y%m%d %I:%M %p"]
odd = st.sampled_from([*"0123456789.:/-+ ,TZapm", "\u00a0", "ı", "ſ", "٣", "Jan", "AM", "00"])


@drawn(150)
@given(st.data(), st.sampled_from(READABLE), st.lists(near_moments, min_size=1, max_size=ROWS))
def test_what_is_nearly_a_date_is_refused_or_means_what_it_says(
    data: st.DataObject, format: str, times: list[datetime]
) -> None:
    """`strptime` reads more than we do, so it says what a text can mean at most."""
    texts = []
    for at in times:
        text = at.strftime(format)
        begin, end = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 2))
        texts.append(text[:begin] + data.draw(st.one_of(st.just(""), odd)) + text[begin + end :])
    for text, found in zip(texts, outcomes(texts, column("datetime", formats=[format])), strict=True):
        assert found is not None
        if not found.startswith("!") and not re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]", text):
            assert found == stored(datetime.strptime(text, format)), text
        assert found.startswith("!") or text.isascii() or "\u00a0" in text


@pytest.mark.parametrize("place", PLACES)
def test_clocks_change_where_these_tests_draw(place: str) -> None:
    assert bool(changes(place, 2026)) == (place != "Asia/Kolkata")
