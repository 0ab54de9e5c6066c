"""The fast way through NDJSON accepts only what the parser accepts."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import ORDERS
from tests.fuzz.examples import examples
from tests.unit.formats.validate.comparing import GOOD, agree_on_ndjson

pytestmark = pytest.mark.slow

OBJECT = json.dumps(dict(zip(ORDERS.column_names, GOOD, strict=True)) | {"quantity": 2})
pieces = st.sampled_from(
    [
        *'"{},: \t\r\n\\',
        "0",
        "2",
        "-",
        "1e3",
        "2.0",
        "02",
        "null",
        '\\"',
        "\\u00e9",
        '"x":',
        '", "',
        ', "sku": "a"',
        "\x7f",
        "}\n{",
    ]
)


@settings(deadline=None, max_examples=examples(500))
@given(st.integers(0, len(OBJECT)), st.integers(0, 12), st.lists(pieces, max_size=3), st.booleans())
def test_any_change_of_an_object_fares_alike(at: int, gone: int, instead: list[str], first: bool) -> None:
    changed = OBJECT[:at] + "".join(instead) + OBJECT[at + gone :]
    agree_on_ndjson("\n".join([changed, OBJECT, OBJECT] if first else [OBJECT, changed, OBJECT]).encode())


@pytest.mark.parametrize(
    ("changed", "fast"),
    [
        (OBJECT, True),
        (OBJECT.replace(": ", ":").replace(", ", ","), True),
        (" {\t" + OBJECT[1:] + " \r", True),
        (OBJECT.replace(": 2,", ': "2",'), True),
        (OBJECT.replace("Jane", "J\\u00e4ne"), True),
        (OBJECT.replace(": 2,", ": 02,"), False),  # no JSON
        (OBJECT.replace(": 2,", ": -2,"), True),
        (OBJECT.replace("Jane", "J\tne"), False),
        (OBJECT.replace("Jane", "J\\ud800ne"), False),
        (OBJECT + OBJECT, False),
        (OBJECT[:-1] + ', "sku": "AB-1"}', False),
        (OBJECT.replace('"sku"', '"status"'), False),
        ("", False),
    ],
)
def test_objects_that_differ_from_the_first(changed: str, fast: bool) -> None:
    assert (agree_on_ndjson(f"{OBJECT}\n{changed}\n{OBJECT}\n".encode()) is not None) == fast
    assert (agree_on_ndjson(f"{changed}\n{OBJECT}".encode()) is not None) == fast
    assert (agree_on_ndjson(changed.encode()) is not None) == fast
