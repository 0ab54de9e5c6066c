"""Other spellings of numbers: each loads as exactly the number that it says, or is refused."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from app.domain.dataset import Column
from app.domain.spelling import NEGATIVES, NumberFormat
from tests.unit.formats.validate.spelled import MONEY, PROPERTY, WHOLE, loads_as, vectorized, verdict

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
@given(st.integers(-(10**15), 10**15), st.integers(0, 20), st.sampled_from(["", ".", ".0", ".0000"]))
def test_whole_numbers_in_other_spellings(number: int, shift: int, ending: str) -> None:
    assert loads_as(WHOLE, f"{number}{ending}") == number
    if number:  # else it has leading zeros
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
        (replace(MONEY, numbers=NumberFormat(currency=True)), "4.00638E+12 €", "!not_a_decimal"),  # digits left out
        (replace(MONEY, numbers=NumberFormat(negative=NEGATIVES)), "(4.00638E+12)", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(negative=NEGATIVES)), "4.00638E+12-", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(negative=NEGATIVES)), "-(5)", "!not_a_decimal"),
        (replace(MONEY, numbers=NumberFormat(",", negative=NEGATIVES)), "5,-", "!not_a_decimal"),  # means 5
        (replace(MONEY, numbers=NumberFormat(",", negative=NEGATIVES)), "5,0-", "-5"),
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
