"""What is shipped to be run (the collection, demos, examples, benchmarks) deletes only what it has made itself."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
COLLECTION = ROOT / "docs" / "backout.postman_collection.json"
PROGRAMS = [
    ROOT / "Makefile",
    *(ROOT / "app" / "cli").glob("demo*.py"),
    *(path for folder in ("scripts", "docker") for path in (ROOT / folder).iterdir() if path.is_file()),
    *(ROOT / "benchmarks").glob("*.py"),
]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
# how rows, or a table of them, are deleted over HTTP, by the command line and by the client
_DELETES = re.compile(
    r"/delete_all|DELETE[\"', ]*.{0,80}/(?:rows|datasets)|backout (?:delete|datasets drop)\b[^\n]*|delete_rows\([^\n]*"
)
_ONLY_ONE = re.compile(r"[?&]import=[^&\s]+|--import[ =]\S+|import_id=[^,)\s]+")
_BY_HAND = re.compile(r"\b(?:DELETE FROM|TRUNCATE|DROP (?:TABLE|DATABASE))\b", re.IGNORECASE)


def requests_of(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        if "request" in item:
            yield item
        yield from requests_of(item.get("item", []))


def scripts_of(item: dict[str, Any]) -> str:
    return "\n".join(line for event in item.get("event", []) for line in event["script"]["exec"])


def test_the_collection_deletes_only_rows_of_imports_that_it_has_made() -> None:
    items = list(requests_of(json.loads(COLLECTION.read_text(encoding="utf-8"))["item"]))
    made: set[str] = set()
    deletes = 0
    for item in items:
        request = item["request"]
        url = request["url"]["raw"]
        assert "/delete_all" not in url and "/delete_all" not in scripts_of(item), item["name"]
        if request["method"] == "POST" and url.partition("?")[0] == "{{url}}/v1/imports":
            made |= set(re.findall(r'set\("(\w+)", pm\.response\.json\(\)\.id\)', scripts_of(item)))
        if request["method"] == "DELETE":
            deletes += 1
            only = re.fullmatch(r"\{\{url\}\}/v1/datasets/orders/rows\?import=\{\{(\w+)\}\}", url)
            assert only is not None and only[1] in made, f"{item['name']}: {url}"
        else:
            assert request["method"] in ("GET", "POST"), item["name"]
    assert deletes == len(made) == 3  # and all of them


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_no_program_asks_to_delete_what_it_has_not_made(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert list_too_much(text) == []
    if path.parent.name != "benchmarks":  # which have servers of their own, see below
        assert not _BY_HAND.search(text)


def test_benchmarks_run_on_servers_of_their_own() -> None:
    for path in (ROOT / "benchmarks").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "DATABASE_URL" not in text and "database_url" not in text.replace("read_settings().database", ""), path


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_example_asks_to_delete_everything(path: Path) -> None:
    """In what can be copied and run; prose may name it."""
    for block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        assert list_too_much(block) == []


def list_too_much(text: str) -> list[str]:
    found = (line for line in text.splitlines() if _DELETES.search(line))
    return [line for line in found if not _ONLY_ONE.search(line)]


@pytest.mark.parametrize(
    ("line", "is_too_much"),
    [
        ("curl -X DELETE http://127.0.0.1:8000/delete_all", True),
        ("curl http://127.0.0.1:8000/delete_all", True),
        ("curl -X DELETE http://127.0.0.1:8000/v1/datasets/orders/rows?confirm=orders", True),
        ("web.ask('DELETE', '/v1/datasets/orders/rows')", True),
        ("backout delete orders --all --yes", True),
        ("curl -X DELETE 'http://127.0.0.1:8000/v1/datasets/orders/rows?import=7'", False),
        ("backout delete orders --import 7 --yes", False),
        ("curl http://127.0.0.1:8000/v1/imports", False),
    ],
)
def test_what_is_too_much_is_found(line: str, is_too_much: bool) -> None:
    assert bool(list_too_much(line)) is is_too_much
