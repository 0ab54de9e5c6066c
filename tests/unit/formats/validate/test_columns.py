"""The authority on values: what a column of each type accepts, and which declarations can be used."""

from decimal import Decimal
from typing import Any

import pytest

from app.domain.dataset import Column, ColumnType, Controls
from app.formats.validate.columns import BadValue, validator_for


def column(type: ColumnType, **parts: Any) -> Column:
    return Column("c", type, **parts)


def verdict(column: Column, text: str | None) -> str | None:
    try:
        return validator_for(column)(text)
    except BadValue as bad:
        return f"!{bad.code}"


FORMATS = {"formats": ("%d.%m.%Y", "%m/%d/%y")}


@pytest.mark.parametrize(
    ("declared", "text", "found"),
    [
        (column(ColumnType.DATE), "2026-11-22", "2026-11-22"),
        (column(ColumnType.DATE), "2026-11-31", "!impossible_date"),
        (column(ColumnType.DATE), "22.11.2026", "!bad_date"),
        (column(ColumnType.DATE), "2026-11-22 00:00:00", "2026-11-22"),
        (column(ColumnType.DATE), "2026-11-22 00:00:01", "!bad_date"),
        (column(ColumnType.DATE), "0999-01-01", "!out_of_range"),
        (column(ColumnType.DATE, **FORMATS), "22.11.2026", "2026-11-22"),
        (column(ColumnType.DATE, **FORMATS), "11/22/26", "2026-11-22"),
        (column(ColumnType.DATE, **FORMATS), "2026-11-22", "2026-11-22"),
        (column(ColumnType.DATE, **FORMATS), "31.11.2026", "!bad_date"),
        (column(ColumnType.DATE, **FORMATS), "٢٢.11.2026", "!bad_date"),
        (column(ColumnType.DATE, formats=("%d/%m/%Y", "%m/%d/%Y")), "03/04/2026", "!ambiguous_date"),
        (column(ColumnType.DATE, formats=("%d/%m/%Y", "%m/%d/%Y")), "04/04/2026", "2026-04-04"),
        (column(ColumnType.DATE, formats=("%d/%m/%Y", "%m/%d/%Y")), "13/04/2026", "2026-04-13"),
        (column(ColumnType.DATE, formats=("%Y年%m月%d日",)), "2026年11月22日", "2026-11-22"),
        (column(ColumnType.DATETIME, formats=("%d.%m.%Y %H:%M",)), "22.11.2026 08:30", "2026-11-22 08:30:00"),
        (column(ColumnType.DATETIME, formats=("%d.%m.%Y %I:%M %p",)), "22.11.2026 08:30 pm", "2026-11-22 20:30:00"),
        (column(ColumnType.DATETIME, formats=("%d.%m.%Y %H:%M %z",)), "22.11.2026 08:30 +0100", "2026-11-22 07:30:00"),
        (column(ColumnType.DATETIME, formats=("%Y-%m-%d %H:%M:%S.%f",), scale=2),
         "2026-01-02 03:04:05.50", "2026-01-02 03:04:05.5"),
        (column(ColumnType.DATETIME, formats=("%Y-%m-%d %H:%M:%S.%f",), scale=2),
         "2026-01-02 03:04:05.505", "!too_many_decimals"),
        (column(ColumnType.DATETIME, formats=("%Y-%d-%m %H:%M:%S",)), "2026-25-12 03:04:05", "2026-12-25 03:04:05"),
        (column(ColumnType.DATETIME, formats=("%Y-%d-%m %H:%M:%S",)), "2026-05-12 03:04:05", "!ambiguous_date"),
        (column(ColumnType.DATETIME, zone="Asia/Kolkata"), "2026-01-02 03:04:05", "2026-01-01 21:34:05"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-03-29 02:30:00", "!nonexistent_time"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-10-25 02:30:00", "!ambiguous_time"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-10-25 02:30:00+02:00", "2026-10-25 00:30:00"),
        (column(ColumnType.DATETIME, zone="Europe/Berlin"), "2026-10-25 02:30:00Z", "2026-10-25 02:30:00"),
        (column(ColumnType.DATETIME), "2026-10-25T02:30:00+02:00", "2026-10-25 00:30:00"),
        (column(ColumnType.DATETIME, offsets=False), "2026-10-25T02:30:00+02:00", "!bad_datetime"),
        (column(ColumnType.DATETIME), "2026-10-25T02:30:00.5", "!too_many_decimals"),
        (column(ColumnType.DATETIME, scale=3), "2026-10-25T02:30:00.1234", "!too_many_decimals"),
        (column(ColumnType.DATETIME), "9999-12-31 23:59:59-01:00", "!out_of_range"),
        (column(ColumnType.DATETIME), "1000-01-01 00:00:00+01:00", "!out_of_range"),
        (column(ColumnType.DATETIME), "2026-10-25T24:00:00", "!impossible_date"),
        (column(ColumnType.BOOLEAN), "YES", "1"),
        (column(ColumnType.BOOLEAN), "False", "0"),
        (column(ColumnType.BOOLEAN), "y", "!not_a_boolean"),
        (column(ColumnType.DECIMAL, precision=4, scale=2, signed=True), "-12.34", "-12.34"),
        (column(ColumnType.DECIMAL, precision=4, scale=2, signed=True), "-123", "!too_many_digits"),
        (column(ColumnType.DECIMAL, precision=4, scale=2, signed=True), "1.234", "!too_many_decimals"),
        (column(ColumnType.DECIMAL, precision=4, scale=2), "-12.34", "!not_a_decimal"),
        (column(ColumnType.TEXT, length=3), "", "!empty"),
        (column(ColumnType.TEXT, length=3, empty=True), "", ""),
        (column(ColumnType.TEXT, length=3, empty=True), None, "!empty"),
        (column(ColumnType.TEXT, length=3, nullable=True), "", "!empty"),
        (column(ColumnType.TEXT, length=3, nullable=True), None, None),
        (column(ColumnType.TEXT, length=3, nullable=True, default="x"), None, "x"),
        (column(ColumnType.BOOLEAN, default="yes"), None, "1"),
        (column(ColumnType.INTEGER, maximum=9, nullable=True), "", "!empty"),
        (column(ColumnType.TEXT, length=3), "😀😀😀", "😀😀😀"),
        (column(ColumnType.TEXT, length=3), "a\tb", "!control_character"),
        (column(ColumnType.TEXT, length=3, controls=Controls.LINES), "a\tb", "a\tb"),
        (column(ColumnType.TEXT, length=3, controls=Controls.LINES), "a\0b", "!nul_byte"),
        (column(ColumnType.TEXT, length=3, controls=Controls.LINES), "a\x7fb", "!control_character"),
        (column(ColumnType.TEXT, length=3, controls=Controls.ANY), "\0\x7f\x1a", "\0\x7f\x1a"),
        (column(ColumnType.TEXT, length=3, controls=Controls.ANY), "\udc80", "!not_utf8"),
    ],
)  # fmt: skip
def test_verdicts(declared: Column, text: str | None, found: str | None) -> None:
    assert verdict(declared, text) == found


@pytest.mark.parametrize(
    "declared",
    [
        column(ColumnType.INTEGER, maximum=9, default="10"),
        column(ColumnType.DATETIME, zone="Europe/Atlantis"),
        column(ColumnType.DATETIME, zone="../../etc/passwd"),
        column(ColumnType.DATE, formats=("%d.%m",)),
        column(ColumnType.DATE, formats=("%d.%m.%Y %H",)),
        column(ColumnType.DATE, formats=("%d.%d.%Y",)),
        column(ColumnType.DATE, formats=("%a %A %d.%m.%Y",)),
        column(ColumnType.DATE, formats=("%d.%m.%Y %",)),
        column(ColumnType.DATETIME, formats=("%d.%m.%Y %I",)),
        column(ColumnType.DATETIME, formats=("%d.%m.%Y %H %Z",)),
        column(ColumnType.DATETIME, formats=("%H:%M",)),
    ],
)
def test_a_declaration_that_cannot_be_used(declared: Column) -> None:
    with pytest.raises(ValueError, match=r"^(the format|the default of|c: there is no time zone) "):
        validator_for(declared)


def test_numbers_keep_their_digits() -> None:
    assert (
        verdict(Column("c", ColumnType.DECIMAL, precision=30, scale=10), str(Decimal("0.1234567891"))) == "0.1234567891"
    )
