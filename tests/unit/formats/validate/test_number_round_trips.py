"""A number comes back exactly as it was before somebody wrote it, in whichever spelling, or it is refused."""

import json
import re
from fractions import Fraction
from typing import Any

from hypothesis import given, strategies as st

from tests.unit.formats.every_way import Outcome, drawn, outcomes
from tests.unit.formats.validate.number_spellings import BLANKS, formats, meaning, spelled

PLAIN = re.compile(r"(?!-0(?:\.0*)?$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
SIZES = [(65, 30), (12, 2), (20, 4), (9, 0), (5, 5), (3, 1)]
ROWS = 12


def number_of(found: Outcome) -> Fraction | None:
    """The number that is sent; None for a refusal."""
    assert found is not None
    if found.startswith("!"):
        return None
    assert PLAIN.fullmatch(found), found
    return Fraction(found)


def decimal(precision: int, scale: int, **parts: Any) -> dict[str, Any]:
    return {"name": "c", "type": "decimal", "precision": precision, "scale": scale, "signed": True, **parts}


def whole_numbers(least: int, most: int, **parts: Any) -> dict[str, Any]:
    return {"name": "c", "type": "integer", "minimum": least, "maximum": most, **parts}


def read_numbers(texts: list[str], column: dict[str, Any], said: dict[str, Any], way: str) -> list[Outcome]:
    """The values in a format that the dataset has, or the import for this column or for all."""
    parts = {name: part for name, part in said.items() if part}
    if way == "dataset":
        return outcomes(texts, column | parts)
    if way == "column":
        return outcomes(texts, column, columns=json.dumps({"c": parts}))
    flat = {name: json.dumps(part) if isinstance(part, list) else str(part) for name, part in parts.items()}
    return outcomes(texts, column, **flat | {name: "true" for name, part in parts.items() if part is True})


ways = st.sampled_from(["dataset", "column", "all"])


@st.composite
def written(draw: st.DrawFn) -> tuple[list[int], int, dict[str, Any], dict[str, Any], list[str]]:
    """Numbers counted in units, the digits of a unit, a column that takes them, a format and their spellings."""
    said = draw(formats())
    if draw(st.integers(0, 3)):
        precision, scale = draw(st.sampled_from(SIZES))
        numbers = st.integers(-(10**precision) + 1, 10**precision - 1)
        column = decimal(precision, scale)
    else:
        scale, most = 0, draw(st.sampled_from([9, 1234, 2**63 - 1]))
        numbers, column = st.integers(-most, most), whole_numbers(-most, most)
    units = draw(st.lists(numbers, min_size=1, max_size=ROWS))
    return units, scale, column, said, [draw(spelled(each, scale, said)) for each in units]


@drawn(100)
@given(written(), ways)
def test_every_spelling_is_read_as_the_number_that_was_written(case: Any, way: str) -> None:
    units, scale, column, said, texts = case
    found = read_numbers(texts, column, said, way)
    for text, each, value in zip(texts, units, found, strict=True):
        assert number_of(value) == Fraction(each, 10**scale), (text, value)
        assert meaning(text, said) == Fraction(each, 10**scale), text


odd = st.sampled_from([*"0123456789.,'’_-−+()%eE$€", *BLANKS, "kr", "EUR", "\t", "٣", "3", "\u200b", "00"])


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """The text with something inserted, left out, doubled, moved or replaced."""
    for _ in range(draw(st.integers(1, 2))):
        at, to = draw(st.integers(0, len(text) - 1)), draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["insert", "leave out", "double", "move", "replace"]))
        without = text[:at] + text[at + 1 :]
        if kind == "insert":
            text = text[:to] + draw(odd) + text[to:]
        elif kind == "leave out":
            text = without or text
        elif kind == "double":
            text = text[:at] + text[at] + text[at:]
        elif kind == "move":
            text = without[:to] + text[at] + without[to:]
        else:
            text = text[:at] + draw(odd) + text[at + 1 :]
    return text


@st.composite
def nearly_written(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    _, _, column, said, texts = draw(written())
    return column, said, [draw(changed(text)) for text in texts]


@drawn(100)
@given(nearly_written(), ways)
def test_what_is_nearly_a_spelling_is_refused_or_means_what_it_says(case: Any, way: str) -> None:
    column, said, texts = case
    for text, value in zip(texts, read_numbers(texts, column, said, way), strict=True):
        if (number := number_of(value)) is not None:
            assert number == meaning(text, said), (text, value)


groups = st.lists(st.sampled_from(["1", "22", "333", "333", "333", "4444"]), min_size=1, max_size=4)
plain_or_not = st.sampled_from(["{}", "{}", "{}", "-{}", "{} kr", "kr {}", "kr {} kr", "kr{}kr", "{}kr kr", "kr kr{}"])


@drawn(100)
@given(st.lists(st.tuples(groups, plain_or_not, st.sampled_from(["", "5"])), min_size=1, max_size=ROWS), formats())
def test_groups_of_any_size_are_refused_or_mean_what_they_say(cases: list[Any], said: dict[str, Any]) -> None:
    said = said | {"grouping_mark": "'" if said["grouping_mark"] == "none" else said["grouping_mark"], "currency": "kr"}
    texts = []
    for sizes, form, fraction in cases:
        number = said["grouping_mark"].join(sizes) + (said["decimal_mark"] + fraction if fraction else "")
        texts.append(form.format(number))
    for text, value in zip(texts, read_numbers(texts, decimal(30, 4), said, "dataset"), strict=True):
        assert number_of(value) == meaning(text, said), text


@drawn(60)
@given(st.data(), formats(), st.sampled_from(SIZES), st.integers(1, 5))
def test_digits_beyond_the_scale_are_zeros_or_refused(data: st.DataObject, said: Any, size: Any, more: int) -> None:
    precision, scale = size
    units = data.draw(st.lists(st.integers(0, 10 ** (precision + more) - 1), min_size=1, max_size=ROWS))
    units += [each // 10**more * 10**more for each in units]
    texts = [data.draw(spelled(each, scale + more, said)) for each in units]
    for text, each, found in zip(texts, units, read_numbers(texts, decimal(*size), said, "dataset"), strict=True):
        exact = Fraction(each, 10 ** (scale + more))
        assert found == "!too_many_decimals" if each % 10**more else number_of(found) == exact, text


@drawn(60)
@given(st.data(), formats(), st.sampled_from(SIZES), st.integers(1, 3))
def test_digits_before_the_point_fit_or_are_refused(data: st.DataObject, said: Any, size: Any, more: int) -> None:
    precision, scale = size
    most = 10 ** (precision + more) - 1
    units = data.draw(st.lists(st.integers(-most, most), min_size=1, max_size=ROWS))
    texts = [data.draw(spelled(each, scale, said)) for each in units]
    for text, each, found in zip(texts, units, read_numbers(texts, decimal(*size), said, "dataset"), strict=True):
        fits = abs(each) < 10**precision
        assert number_of(found) == Fraction(each, 10**scale) if fits else found == "!too_many_digits", text


@drawn(60)
@given(st.data(), formats(), st.integers(-(10**6), 10**6), st.integers(0, 10**4))
def test_whole_numbers_are_within_their_borders_and_have_no_fraction(
    data: st.DataObject, said: Any, least: int, size: int
) -> None:
    most = least + size
    near = st.sampled_from([least, most]).flatmap(lambda border: st.integers(border - 2, border + 2))
    tenths = data.draw(st.lists(st.one_of(near.map(lambda each: each * 10), st.integers(-(10**8), 10**8)), min_size=1))
    texts = [data.draw(spelled(each, 1, said)) for each in tenths]
    for text, each, found in zip(
        texts, tenths, read_numbers(texts, whole_numbers(least, most), said, "all"), strict=True
    ):
        if each % 10:
            assert found == "!not_an_integer", text
        else:
            assert found == (str(each // 10) if least <= each // 10 <= most else "!out_of_range"), text
