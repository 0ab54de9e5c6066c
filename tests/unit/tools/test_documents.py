"""The reading of documents: what would go unnoticed if it were too kind."""

from pathlib import Path
from typing import Any

import pytest

from tests.documents import Ids, Shown, find_difference, find_header_difference, read_answer, read_commands

ID = "97731469-8f0e-4d1b-9c56-0d6b8fd7a3a1"
REAL = {"id": ID, "state": "queued", "rows": 2, "error": None, "list": [{"a": 1}, {"a": 2}], "ok": True}


@pytest.mark.parametrize(
    "shown",
    [
        '{"id":"97731469-…", …}',
        '{"id":"97731469-…", … "state":"queued", … "ok":true}',
        '{"id":"97731469-…","state":"queued","rows":7,"error":null,"list":[{"a":5}],"ok":true}',
        '{"state":"que…", … "list":[{"a":5}, …], …}',
        '{… "state":"queued"\n , …}',
        '{"state":"queued","id":"97731469-…", …}',  # MySQL keeps an error's parts in an order of its own
    ],
)
def test_a_shortened_answer_is_as_the_whole(shown: str) -> None:
    assert find_difference(read_answer(shown), REAL, Ids()) is None


@pytest.mark.parametrize(
    "shown",
    [
        '{"id":"97731469-…"}',
        '{"state":"running", …}',
        '{"other":1, …}',
        '{"rows":"2", …}',
        '{"rows":null, …}',
        '{"error":1, …}',
        '{"ok":false, …}',
        '{"list":[], …}',
        '{"list":[{"a":1},{"a":2},{"a":3}], …}',
        '{"list":[{"b":1}, …], …}',
        '{"id":"no-…", …}',
        "[…]",
    ],
)
def test_another_answer_is_noticed(shown: str) -> None:
    assert find_difference(read_answer(shown), REAL, Ids()) is not None


def test_an_id_is_learned_once() -> None:
    ids = Ids()
    assert ids.agree("import 97731469-… has it", f"import {ID} has it")
    assert ids.fill("curl $U/v1/imports/97731469-…/stop") == f"curl $U/v1/imports/{ID}/stop"
    assert not ids.agree("97731469-…", ID.replace("9", "8"))
    assert not ids.agree("97731469-… and", ID)


def test_heads_are_compared_line_by_line() -> None:
    real = f"HTTP/1.1 202 ACCEPTED\r\nServer: x\r\nLocation: /v1/imports/{ID}\r\n"
    assert find_header_difference("HTTP/1.1 202 ACCEPTED\nLocation: /v1/imports/97731469-…\n…", real, Ids()) is None
    assert find_header_difference("HTTP/1.1 200 OK\n…", real, Ids()) is not None
    assert find_header_difference("Retry-After: 1", real, Ids()) is not None


def test_what_is_no_answer_is_said() -> None:
    for text in ('{"a": nonsense}', "Hello", '{"a" 1}'):
        with pytest.raises((ValueError, IndexError)):
            read_answer(text)


def test_commands_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\nU=x\ncat > a <<'E'\nb\nE\n```\n```sh\nmake up\ncurl $U/a \\\n  -d 1\n```\n"
        '```\n$ curl $U/b\n{"c":1}\n\n$ curl $U/d\n{…}\n```\n```\nnothing\n```\n'
    )
    found: list[Any] = list(read_commands(page))
    assert found == [
        Shown("U=x\ncat > a <<'E'\nb\nE\n", None),
        Shown("curl $U/a    -d 1", None),
        Shown("curl $U/b", '{"c":1}'),
        Shown("curl $U/d", "{…}"),
    ]
