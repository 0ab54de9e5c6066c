"""A client of server-sent events, as the standard has it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests

from tests.waiting import patience


@dataclass(frozen=True)
class Sent:
    """One block of a stream. `event` is "" for one that only moves the id, or is a comment."""

    event: str
    id: str | None
    data: Any


def listen(url: str, last: str | None = None, **headers: str) -> Iterator[Sent]:
    """What a stream sends, until it ends; `last` is the Last-Event-ID."""
    sent = {**headers, **({} if last is None else {"Last-Event-ID": last})}
    with requests.get(url, headers=sent, stream=True, timeout=patience()) as response:
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"].startswith("text/event-stream")
        block: dict[str, str] = {}
        for line in response.iter_lines(chunk_size=1, decode_unicode=True):
            if line:
                name, _, value = line.partition(": ")
                block[name] = value
                continue
            if "retry" not in block or len(block) > 1:
                data = json.loads(block["data"]) if "data" in block else None
                yield Sent(block.get("event", ""), block.get("id"), data)
            block = {}
