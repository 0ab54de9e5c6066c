"""The options that would let a refused number in."""

from dataclasses import replace

import pytest

from app.domain.column_options import ColumnOptions
from app.domain.dataset import Column, Dataset
from app.domain.file_format import FileFormat
from app.domain.spelling import NumberFormat
from app.formats.advice.numbers import number_advice
from app.formats.validate.columns import BadValue, validator_for
from app.formats.validate.typed_numbers import TypedNumber
from tests.unit.formats.validate.spelled import MONEY, WHOLE

GROUPED = NumberFormat(",", ".")
CSV = FileFormat("csv")


def advice(column: Column, text: str, file_format: FileFormat = CSV, *others: Column) -> str:
    with pytest.raises(BadValue):
        validator_for(column)(text)
    return number_advice(text, column, Dataset("d", (column, *others), ()), file_format)


@pytest.mark.parametrize(
    ("column", "text", "told"),
    [
        (MONEY, "12,50", "set decimal_mark=, if it means 12.5"),
        (MONEY, "1,234", "set decimal_mark=, if it means 1.234, or grouping_mark=, if it means 1234"),
        (WHOLE, "1,234", "set grouping_mark=, if it means 1234"),
        (MONEY, "1.234,56", "set decimal_mark=, and grouping_mark=. if it means 1234.56"),
        (MONEY, "1 234,50", "set decimal_mark=, and grouping_mark=space if it means 1234.5"),
        (MONEY, "$5", "set currency=$ if it means 5"),
        (MONEY, "5%", "set percent=true if it means 5, or percent=fraction if it means 0.05"),
        (MONEY, "5-", "set negative=trailing_minus if it means -5"),
        (MONEY, "($5)", "set currency=$ and negative=parentheses if it means -5"),
        (replace(MONEY, numbers=GROUPED), "1.5", "set decimal_mark=. and grouping_mark=none if it means 1.5"),
        (replace(MONEY, scale=2), "1.234", "set decimal_mark=, and grouping_mark=. if it means 1234"),
    ],
)
def test_a_refusal_names_the_option(column: Column, text: str, told: str) -> None:
    assert advice(column, text) == f"; {told}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("US$12.50", "set currency=US$ if it means 12.5"),
        ("5,00 kr", "set decimal_mark=, and currency=kr if it means 5"),
        ("R$ 5,00", "set decimal_mark=, and currency=R$ if it means 5"),
        ("EUR 5", "set currency=EUR if it means 5"),
        ("€249.00", "set currency=€ if it means 249"),
    ],
)
def test_a_currency_is_named_with_its_sign(text: str, told: str) -> None:
    assert advice(MONEY, text) == f"; {told}"


def test_another_currency_in_the_column_is_no_option() -> None:
    assert advice(replace(MONEY, numbers=NumberFormat(currency="$")), "€249.00") == ""
    assert advice(WHOLE, "12A") == ""


def test_marks_are_named_for_the_column_where_other_numbers_have_their_own() -> None:
    other = replace(MONEY, name="price")
    assert advice(WHOLE, "2,0", CSV, other) == '; set columns={"c": {"decimal_mark": ","}} if it means 2'
    said = FileFormat("csv", all_columns=ColumnOptions(decimal_mark=","))
    column = replace(MONEY, numbers=NumberFormat(","), marks_given=True)
    assert advice(column, "19.90", said) == '; set columns={"c": {"decimal_mark": "."}} if it means 19.9'
    own = FileFormat("csv", column_options={"c": ColumnOptions(percent=True)})
    assert '{"c": {"decimal_mark": ",", "percent": true}}' in advice(MONEY, "2,5", own)


@pytest.mark.parametrize("mark", [".", ","])
def test_a_number_of_the_file_has_one_meaning(mark: str) -> None:
    column = replace(MONEY, scale=2, numbers=NumberFormat(mark))
    assert advice(column, TypedNumber("1.005", mark)) == ""
    assert advice(column, "1,005" if mark == "," else "1.005") != ""


@pytest.mark.parametrize("text", ["1.000", "-12.000", "999.000", "$1.000"])
def test_a_whole_number_with_three_zeros_is_ambiguous(text: str) -> None:
    column = replace(WHOLE, numbers=NumberFormat(currency="$" in text))
    with pytest.raises(BadValue) as refused:
        validator_for(column)(text)
    assert refused.value.code == "ambiguous_number"
    one, thousand = (text.strip("$").removesuffix("000").rstrip("."), text.strip("$").replace(".", ""))
    told = f"; set decimal_mark=. if it means {one}, or decimal_mark=, and grouping_mark=. if it means {thousand}"
    assert advice(column, text) == told
    assert validator_for(replace(column, marks_given=True))(text) == one
    assert validator_for(column)(TypedNumber(text)) == one


@pytest.mark.parametrize("text", ["1.0", "1.00", "2.0000", "0.000", "1234.000", "1.000E+00", "01.5"[1:]])
def test_other_zeros_have_one_meaning(text: str) -> None:
    assert validator_for(replace(MONEY, scale=2))(text) is not None


def test_a_decimal_with_three_digits_is_ambiguous_where_it_has_fewer() -> None:
    for scale, is_refused in ((0, True), (2, True), (3, False), (4, False)):
        column, text = replace(MONEY, scale=scale), "1.230" if scale else "1.000"
        if is_refused:
            with pytest.raises(BadValue, match="could be a number with zeros") as refused:
                validator_for(column)(text)
            assert refused.value.code == "ambiguous_number"
        else:
            assert validator_for(column)(text) == text


def test_a_default_has_a_point_and_is_never_ambiguous() -> None:
    for column in (WHOLE, replace(MONEY, scale=2, numbers=GROUPED)):
        assert validator_for(replace(column, default="1.000"))(None) == "1"
