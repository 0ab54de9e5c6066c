"""Cursors: what a watcher of all imports was told, as text and back."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from app.domain.feed_cursor import MAX_SEEN, OVERLAP, Cursor, RowVersion, cursor_at, parse_cursor

NOW = datetime(2026, 11, 25, 12, 0, 0, 123456)
numbers = st.integers(min_value=1, max_value=2**32 - 1)


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2200, 1, 1)),
    st.dictionaries(numbers, numbers, max_size=MAX_SEEN),
)
def test_text_and_back(since: datetime, seen: dict[int, int]) -> None:
    cursor = Cursor(since, seen)
    assert parse_cursor(str(cursor)) == cursor


def test_one_that_is_too_long_says_that_it_is_not_exact() -> None:
    cursor = Cursor(NOW, dict.fromkeys(range(MAX_SEEN + 1), 1))
    again = parse_cursor(str(cursor))
    assert again is not None and not again.is_exact and again.since == NOW
    longest = Cursor(NOW, {2**32 - number: 2**32 for number in range(1, MAX_SEEN + 1)})
    assert len(str(longest)) < 8190 + MAX_SEEN * 4  # sequences have a few digits


@pytest.mark.parametrize(
    "text", ["", "1", "~", "1~x", "1~1", "1~1.", "1~1.1_", "1~1.1 ", "-1~", "١~", "9" * 18 + "~", "1~*_1.1"]
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_cursor(text) is None


def test_what_is_new() -> None:
    here = cursor_at(NOW, [RowVersion(1, 5, NOW), RowVersion(2, 7, NOW - OVERLAP - timedelta(seconds=1))])
    assert here.since == NOW - OVERLAP
    assert here.seen == {1: 5}  # the other one lies before
    assert here.is_new(1, 6) and here.is_new(3, 1) and not here.is_new(1, 5)
