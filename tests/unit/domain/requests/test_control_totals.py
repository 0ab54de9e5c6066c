"""Control totals: what they are compared with is exact, and a wrong one is refused by name."""

from decimal import Decimal

import pytest

from app.domain.dataset import ORDERS
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.requests.control_totals import (
    ControlTotals,
    add_exactly,
    control_totals_from_json,
    parse_control_totals,
)
from app.domain.requests.policy import parse_policy, policy_from_json


def refusal(**given: str) -> str:
    with pytest.raises(InvalidContent) as refused:
        parse_control_totals(given).check_columns(ORDERS)
    return str(refused.value)


def test_totals_come_back_from_the_ledger() -> None:
    totals = '{"rows": 3, "sum(quantity)": "12", "sum(unit_price)": 12345678901234567.10}'
    given = {"control_totals": totals, "min_rows": "1", "max_rows": "9", "like_last": "12.5%"}
    policy = parse_policy(given)
    assert policy.control == ControlTotals(
        (("rows", "3"), ("sum(quantity)", "12"), ("sum(unit_price)", "12345678901234567.10")), 1, 9, "12.5%"
    )
    assert policy_from_json(policy.as_json()) == policy
    assert control_totals_from_json({}) == ControlTotals()


@pytest.mark.parametrize(
    "text",
    [
        "", "rows", "[]", "{}", "7", "null", '"rows"', "{rows: 1}", '{"rows": {"rows": 1}}', '[{"rows": 1}]',
        "[" * 3000,
        '{"rows": 1' + " " * 4000 + "}",
    ],
)  # fmt: skip
def test_other_json_is_refused(text: str) -> None:
    assert "JSON object such as" in refusal(control_totals=text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"rows": 1.5}', "rows must be a whole number"),
        ('{"rows": -1}', "rows must be a whole number"),
        ('{"sum(a{b[c)": 1}', "no column of numbers 'a{b[c'"),
        ('{"rows": true}', "rows must be a number"),
        ('{"rows": NaN}', "rows must be a number"),
        ('{"rows": null}', "rows must be a number"),
        ('{"sum(quantity)": "1e3"}', "sum(quantity) must be a number"),
        ('{"sum(quantity)": "1,000"}', "sum(quantity) must be a number"),
        ('{"sum(quantity)": ""}', "sum(quantity) must be a number"),
        ('{"sum(quantity)": 1' + "0" * 90 + "}", "sum(quantity) must be a number"),
        ('{"quantity": 1}', "has 'quantity'; it may have rows"),
        ('{"rows": 1, "rows": 2}', "names a total twice"),
        ('{"sum(sku)": 1}', "no column of numbers 'sku'; there is quantity, unit_price"),
        ('{"sum(nothing)": 1}', "no column of numbers 'nothing'"),
    ],
)
def test_a_wrong_total_is_named(text: str, named: str) -> None:
    assert named in refusal(control_totals=text)


@pytest.mark.parametrize(
    "given", ["min_rows=-1", "max_rows=1.0", "max_rows=³", "like_last=30", "like_last=-3%", "like_last=%"]
)
def test_a_wrong_limit_is_named(given: str) -> None:
    name, _, value = given.partition("=")
    assert name in refusal(**{name: value})


def test_limits_that_no_file_can_keep_are_refused() -> None:
    assert "max_rows=2 is less than min_rows=3" in refusal(min_rows="3", max_rows="2")


def check(control: ControlTotals, rows: int = 10, total: str = "0", last: tuple[int, ...] = ()) -> str:
    """What the failure says; empty if the totals are right."""
    try:
        control.check(rows, {"amount": Decimal(total)}, last)
    except ImportFailed as failed:
        return f"{failed.code}: {failed.reason.partition(': is it')[0]}"
    return ""


def test_a_difference_names_both_figures() -> None:
    control = ControlTotals((("rows", "11"), ("sum(amount)", "1.10")))
    assert check(control, 11, "1.1") == check(control, 11, "1.1000") == ""
    assert check(control, 11, "1.11") == "control_totals: sum(amount) is 1.11, not 1.10"
    assert check(control, 10, "-0.1") == "control_totals: rows is 10, not 11; sum(amount) is -0.1, not 1.10"
    large = ControlTotals((("sum(amount)", "1" + "0" * 60 + ".01"),))
    assert check(large, 1, "1" + "0" * 60 + ".02").endswith(f"is 1{'0' * 60}.02, not 1{'0' * 60}.01")


def test_limits_hold_at_their_ends() -> None:
    control = ControlTotals(min_rows=2, max_rows=3)
    assert [check(control, rows)[:8] for rows in (1, 2, 3, 4)] == ["min_rows", "", "", "max_rows"]


def test_rows_are_compared_with_the_median_of_the_last_imports() -> None:
    control = ControlTotals(like_last="30%")
    assert check(control, 1) == "", "there is nothing to compare with"
    last = (100, 90, 110, 5000)  # their median is 105
    assert [bool(check(control, rows, last=last)) for rows in (73, 74, 136, 137)] == [True, False, False, True]
    assert check(control, 5, last=(100,)) == (
        "like_last: rows is 5, but the last import had 100: that is beyond like_last=30%"
    )
    assert "the last 2 imports had 1234567.5:" in check(control, 5, last=(1234567, 1234568))
    exact = ControlTotals(like_last="0%")
    assert check(exact, 100, last=(100,)) == "" != check(exact, 101, last=(100,))


def test_sums_lose_no_digit() -> None:
    assert add_exactly(["9" * 65, "0." + "0" * 29 + "1"], Decimal("-1")) == Decimal("9" * 64 + "8." + "0" * 29 + "1")
