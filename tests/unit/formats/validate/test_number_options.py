"""The options that would let a refused number in."""

from dataclasses import replace

import pytest

from app.domain.dataset import Column
from app.domain.spelling import NumberFormat
from app.formats.validate.columns import BadValue, validator_for
from tests.unit.formats.validate.spelled import MONEY, WHOLE

GROUPED = NumberFormat(",", ".")


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
    ],
)
def test_a_refusal_names_the_option(column: Column, text: str, told: str) -> None:
    with pytest.raises(BadValue) as refused:
        validator_for(column)(text)
    assert told in refused.value.reason
