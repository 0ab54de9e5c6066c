"""The interface as the running server describes it, in JSON and as a page."""

import re

import pytest

from tests.contract import described_app
from tests.stack import Stack

pytestmark = pytest.mark.in_turn


def test_the_server_describes_itself(stack: Stack) -> None:
    document = stack.get("/openapi.json").json()
    assert document == described_app(handling=False)[1]


def test_the_page_asks_no_other_server(stack: Stack) -> None:
    page = stack.get("/docs")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    named = set(re.findall(r'(?:src|href)="([^"#]+)"', page.text))
    assert len(named) >= 5 and all(re.match("/([^/]|$)", address) for address in named), named
    for address in named - {"/", "/rows"}:
        answer = stack.get(address)
        assert answer.status_code == 200 and answer.content, address
    assert "<script>" not in page.text and "style=" not in page.text and "onclick" not in page.text


def test_the_page_has_all_that_the_document_has(stack: Stack) -> None:
    page = stack.get("/docs").text
    document = stack.get("/openapi.json").json()
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    shapes = {f"shape-{name}" for name in document["components"]["schemas"]}
    there = re.findall(r' id="([^"]+)"', page)
    assert len(there) == len(set(there)) and operations | shapes <= set(there)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(there), "each link leads somewhere"
    parameters = [
        each["name"] for path in document["paths"].values() for one in path.values() for each in one["parameters"]
    ]
    assert page.count("<dt><code>") >= len(parameters) and all(
        f"<dt><code>{name}</code>" in page for name in parameters
    )
    assert page.count("application/problem+json") >= len(operations)
