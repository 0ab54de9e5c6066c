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
    named = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text)
    assert len(named) >= 5 and all(re.match("/[^/]", address) for address in named), named
    for address in named:
        answer = stack.get(address)
        assert answer.status_code == 200 and answer.content, address
    assert "<script>" not in page.text and "style=" not in page.text and "onclick" not in page.text
    assert "validatorUrl: null" in stack.get("/static/docs.js").text
