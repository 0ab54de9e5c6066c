"""Errors of the database: what another try may bring about, what the asker has to change, and what is not known."""

import json

import pytest
from pymysql.err import InterfaceError, OperationalError

from app.db.failures import translate, write_json
from app.domain.errors import DatabaseUnavailable, InvalidContent, Refused


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (OperationalError(2003, "Can't connect"), DatabaseUnavailable),
        (OperationalError(2013, "Lost connection"), DatabaseUnavailable),
        (OperationalError(1040, "Too many connections"), DatabaseUnavailable),
        (OperationalError(1045, "Access denied"), DatabaseUnavailable),
        (OperationalError(1205, "Lock wait timeout exceeded"), DatabaseUnavailable),
        (OperationalError(1290, "running with --read-only"), DatabaseUnavailable),
        (OperationalError("unexpected packet during authentication"), DatabaseUnavailable),
        (InterfaceError(0, ""), DatabaseUnavailable),
        (OperationalError(1267, "Illegal mix of collations"), InvalidContent),
        (OperationalError(3988, "Conversion is impossible"), InvalidContent),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), InvalidContent),
        (OperationalError(3140, "Invalid JSON text"), None),
        (OperationalError(1153, "Got a packet bigger than 'max_allowed_packet' bytes"), None),
        (OperationalError(1139, "Got error from regexp"), None),
    ],
)
def test_only_what_another_try_may_change_is_unavailable(error: Exception, meaning: type[Refused] | None) -> None:
    found = translate(error)
    assert (None if found is None else type(found)) == meaning


def test_json_for_a_column_has_no_half_characters() -> None:
    plain = {"a": "é💶\\ud800", "b": [1, None]}
    assert write_json(plain) == json.dumps(plain)
    assert json.loads(write_json({"a\udce9": ["x\ud83d", "💶"]})) == {"a\ufffd": ["x\ufffd", "💶"]}
