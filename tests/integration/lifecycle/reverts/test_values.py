"""What comes back is to the letter what was there, whatever the columns are called and of every type."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app.domain.states import State
from app.lifecycle.datasets import create
from tests.integration.lifecycle.parts import ODD_NAMES, table_of
from tests.integration.lifecycle.reverts.nights import Nights
from tests.invariants import converge, find
from tests.servers import DatabaseServer
from tests.uploads import accept_file

TYPES = {
    "note": {"type": "text", "length": 200, "nullable": True, "empty": True, "controls": "any"},
    "long": {"type": "text", "length": 100_000, "nullable": True},
    "whole": {"type": "integer", "minimum": 0, "maximum": 2**64 - 1, "nullable": True},
    "exact": {"type": "decimal", "precision": 65, "scale": 30, "nullable": True},
    "yes": {"type": "boolean", "nullable": True},
    "day": {"type": "date", "nullable": True},
    "instant": {"type": "datetime", "scale": 6, "nullable": True},
}
TEXTS = [
    "",
    "null",
    "NULL",
    "\\N",
    "0",
    " both ends ",
    "tab\tand\nline\\n",
    'O\'Neil "%s" 100% `',
    "😀 größe 数",
    "\x01\u0085",
]
ROWS_OF_TEXT = 800  # of 90 KB each: 70 MB, more than `max_allowed_packet` of either server
ROWS = [
    {"note": text, "long": "x" * 99_999 + "ß", "whole": 2**64 - 1, "exact": "0." + "0" * 29 + "1", "yes": False}
    | {"day": "1000-01-01", "instant": "9999-12-31T23:59:59.999999Z"}
    for text in TEXTS
] + [dict.fromkeys(TYPES)]


@pytest.fixture
def mode(request: pytest.FixtureRequest, database: DatabaseServer) -> Iterator[None]:
    """The server reads literals in another way, for every connection from now on."""
    with database.root() as cursor:
        cursor.execute("SELECT @@GLOBAL.sql_mode")
        before = cursor.fetchall()[0]
        cursor.execute("SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, %s)", (request.param,))
    yield
    with database.root() as cursor:
        cursor.execute("SET GLOBAL sql_mode = %s", before)


@pytest.mark.parametrize("mode", ["", ",NO_BACKSLASH_ESCAPES,ANSI_QUOTES"], indirect=True)
@pytest.mark.usefixtures("mode")
def test_values_of_every_type_come_back(nights: Nights) -> None:
    columns = [{"name": "key", "type": "text", "length": 40}, *({"name": name, **kind} for name, kind in TYPES.items())]
    columns += [{"name": name, "type": "text", "length": 40} for name in ODD_NAMES]
    made = {"name": "odd-$", "columns": columns, "key": ["key"]}
    dataset = create.create_dataset(nights.services, made).dataset
    odd = dict.fromkeys(ODD_NAMES, "o")

    def load(rows: list[dict[str, object]]) -> int:
        lines = "".join(json.dumps({"key": f"k{at}", **row}) + "\n" for at, row in enumerate(rows))
        number = accept_file(nights.services, dataset, lines.encode(), on_conflict="update").row.number
        done = converge(nights.services, number)
        assert done.state is State.COMMITTED, done.error
        return number

    load([{**row, **odd} for row in ROWS])
    before = table_of(nights.services, "odd-$")
    second = load([{**dict.fromkeys(TYPES), **dict.fromkeys(ODD_NAMES, "p"), "note": "other"} for _ in ROWS])
    assert find(nights.services, second).rows_updated == len(ROWS)
    done = nights.revert(find(nights.services, second))
    assert (done.state, done.rows_updated) == (State.COMMITTED, len(ROWS)), done.error
    assert table_of(nights.services, "odd-$") == before


def test_a_reason_may_be_any_text(web: FlaskClient, nights: Nights) -> None:
    for at, reason in enumerate(["\x00", "a\nb", "😀" * 500, "%s' \\ \u202e"]):
        answer = web.post(f"/v1/imports/{nights.load(at).id}/revert", json={"reason": reason})
        assert answer.status_code == 202 and answer.json["source"]["reason"] == reason  # type: ignore[index]
        assert converge(nights.services, answer.json["number"]).state is State.COMMITTED  # type: ignore[index]
    assert web.post("/v1/imports/\x00/revert").status_code == 404


@pytest.mark.long
def test_more_text_than_a_server_takes_at_once_comes_back(nights: Nights) -> None:
    columns = [{"name": "key", "type": "text", "length": 40}, {"name": "long", "type": "text", "length": 100_000}]
    made = {"name": "wide", "columns": columns, "key": ["key"]}
    dataset = create.create_dataset(nights.services, made).dataset

    def load(letter: str) -> int:
        lines = "".join(json.dumps({"key": f"k{at}", "long": letter * 90_000}) + "\n" for at in range(ROWS_OF_TEXT))
        number = accept_file(
            nights.services, dataset, lines.encode(), **{"format": "ndjson", "on_conflict": "update"}
        ).row.number
        return converge(nights.services, number).number

    load("a")
    second = find(nights.services, load("b"))
    assert second.rows_updated == ROWS_OF_TEXT
    done = nights.revert(second, keep_images=True)
    assert (done.state, done.rows_updated) == (State.COMMITTED, ROWS_OF_TEXT), done.error
    assert nights.ask("SELECT DISTINCT LEFT(`long`, 1), CHAR_LENGTH(`long`) FROM wide") == [("a", 90_000)]
