"""What JSON says of a value is what is loaded: digits as they are written, and what the options make of them."""

import json
import re
from fractions import Fraction
from typing import Any

from hypothesis import given, strategies as st

from tests.unit.formats.every_way import Outcome, csv_of, dataset_of, drawn, read_fast_and_slowly

ROWS = 12
TEXT = {"name": "c", "type": "text", "length": 200}
numerals = st.from_regex(r"\A-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?\Z")
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), min_size=1, max_size=8)
clean = words.filter(lambda text: "\ufeff" not in text)


def both(objects: list[str], *columns: dict[str, Any], **said: str) -> list[tuple[Outcome, ...]]:
    """What is read of these objects line by line, and of the array of them: the same."""
    dataset = dataset_of(*columns)
    lines = read_fast_and_slowly("\n".join(objects).encode(), dataset, **said)
    assert read_fast_and_slowly(f"[{', '.join(objects)}]".encode(), dataset, **said) == lines
    return lines


@drawn(100)
@given(st.lists(numerals, min_size=1, max_size=ROWS))
def test_a_text_keeps_a_number_as_it_is_written(texts: list[str]) -> None:
    found = both([f'{{"row": {at}, "c": {text}}}' for at, text in enumerate(texts)], TEXT)
    assert found == [(text,) for text in texts]


@drawn(100)
@given(st.lists(numerals, min_size=1, max_size=ROWS), st.sampled_from([".", ","]), st.booleans())
def test_a_decimal_is_exactly_the_number_or_refused(texts: list[str], mark: str, grouped: bool) -> None:
    said = {"decimal_mark": mark} | ({"grouping_mark": "." if mark == "," else ","} if grouped else {})
    column = {"name": "c", "type": "decimal", "precision": 65, "scale": 30, "signed": True}
    found = both([f'{{"row": {at}, "c": {text}}}' for at, text in enumerate(texts)], column, **said)
    for text, (value,) in zip(texts, found, strict=True):
        digits, _, exponent = text.lower().partition("e")
        exact = Fraction(digits) * Fraction(10) ** int(exponent or 0)
        fits = abs(exact) < 10**35 and (exact * 10**30).denominator == 1
        is_short = re.search(r"E\+[0-9]{2,}$", text) and exact and int(exponent) > len(digits.partition(".")[2])
        assert value is not None
        if fits and not is_short:
            assert not value.startswith("!") and Fraction(value) == exact, text
        else:
            assert value.startswith("!"), text


@drawn(100)
@given(st.lists(clean, min_size=1, max_size=ROWS), st.dictionaries(clean, st.none() | clean, max_size=4), st.data())
def test_mapped_values_are_replaced_and_others_stay(
    texts: list[str], values: dict[str, str | None], data: st.DataObject
) -> None:
    texts += [text for text in values if data.draw(st.booleans())]
    column = TEXT | {"nullable": True}
    said = {"columns": json.dumps({"c": {"values": values}})} if values else {}
    expected = [(values.get(text, text),) for text in texts]
    assert both([json.dumps({"row": at, "c": text}) for at, text in enumerate(texts)], column, **said) == expected
    rows = [["row", "c"], *([str(at), text] for at, text in enumerate(texts))]
    assert read_fast_and_slowly(csv_of(rows), dataset_of(column), **said, header="true", delimiter=";") == expected


@drawn(100)
@given(
    st.lists(st.sampled_from(["1.5", "2", "-0.25", "1e1", "3.50"]), min_size=1, max_size=ROWS),
    st.sampled_from([".", ","]),
)
def test_mapped_numbers_are_named_as_the_file_has_them(texts: list[str], mark: str) -> None:
    column = {"name": "c", "type": "decimal", "precision": 9, "scale": 2, "signed": True}
    values = {"1.5": "7.25", "1e1": "8"}
    objects = [f'{{"row": {at}, "c": {text}}}' for at, text in enumerate(texts)]
    found = both(objects, column, columns=json.dumps({"c": {"values": values, "decimal_mark": mark}}))
    plain = {"1.5": "7.25", "1e1": "8", "-0.25": "-0.25", "2": "2", "3.50": "3.5"}
    assert [Fraction(value or "") for (value,) in found] == [Fraction(plain[text]) for text in texts]


optional = st.lists(st.sampled_from(["absent", None]) | clean, min_size=1, max_size=ROWS)


@drawn(100)
@given(optional, clean, clean)
def test_constants_and_defaults(values: list[str | None], default: str, constant: str) -> None:
    columns = (TEXT, TEXT | {"name": "shop"})
    said = {"columns": json.dumps({"c": {"default": default}, "shop": {"value": constant}})}
    objects = [{"row": at} | ({} if value == "absent" else {"c": value}) for at, value in enumerate(values)]
    expected = [(default if value in ("absent", None) else value, constant) for value in values]
    assert both([json.dumps(each) for each in objects], *columns, **said) == expected
    rows = [["row", "c"], *([str(at), "" if value in ("absent", None) else value] for at, value in enumerate(values))]
    assert read_fast_and_slowly(csv_of(rows), dataset_of(*columns), **said, delimiter=";") == expected
