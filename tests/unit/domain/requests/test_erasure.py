"""Traces: where a person's values are found in texts, and where they surely are not."""

from dataclasses import replace

import pytest

from app.domain.dataset import ORDERS, Column, ColumnType
from app.domain.requests.erasure import ERASED, Traces, parse_person

NUMBERED = replace(ORDERS, columns=(*ORDERS.columns, Column("customer_no", ColumnType.INTEGER, maximum=10**9)))


def traces(**where: object) -> Traces:
    return Traces(parse_person(NUMBERED, where))


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({"email": "anna.b@x.de"}, "orders of ANNA.B@X.DE.csv"),
        ({"email": "anna.of.the.long.address@example.org"}, "'anna.of.the.long.address@exam' is cut"),
        ({"customer": 'Anna "Ann" Blum'}, '"Anna ""Ann"" Blum",x'),
        ({"customer": "Jürgen Groß"}, "JÃ¼rgen GroÃŸ"),
        ({"customer": "Li"}, "the name Li is"),
        ({"customer": "Анна"}, "имя АННА"),
        ({"customer_no": 4711}, "customer 4711 is unknown"),
        ({"marketplace": "nowhere", "email": "anna.b@x.de"}, "anna.b@x.de"),
    ],
)
def test_a_message_that_has_a_value_is_found(where: dict[str, object], text: str) -> None:
    assert traces(**where).are_in(text)
    assert traces(**where).cover({"a": [1, text], "b": "kept"}) == {"a": [1, ERASED], "b": "kept"}


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({"email": "anna.b@x.de"}, "anna.c@x.de"),
        ({"customer": "Li"}, "a line is invalid"),
        ({"customer_no": 4711}, "104711 rows"),
        ({"status": "paid", "currency": "EUR"}, "it was paid in EUR"),
    ],
)
def test_another_message_stays(where: dict[str, object], text: str) -> None:
    assert not traces(**where).are_in(text)
    document = {"a": [1, text]}
    assert traces(**where).cover(document) is document


@pytest.mark.parametrize(
    ("where", "text", "may_be"),
    [
        ({"email": "anna.b@x.de"}, "1,Anna,Anna.B@x.de", True),
        ({"email": "anna.b@x.de"}, "1,Anna,anna.c@x.de", False),
        ({"email": "anna.b@x.de", "customer": "Anna Blum"}, "Carl,anna.b@x.de", False),
        ({"customer": "Jürgen Groß"}, "JÃ¼rgen GroÃŸ", True),  # read in a wrong encoding
        ({"customer": "Li"}, "anything", True),
        ({"customer_no": 4711}, "anything", True),  # it may be written as 4,711
    ],
)
def test_an_invalid_row_is_kept_only_if_a_value_is_surely_not_in_it(
    where: dict[str, object], text: str, may_be: bool
) -> None:
    assert traces(**where).may_be_of(text) == may_be
