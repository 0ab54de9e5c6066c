"""Requests to the stack's own web server: the standard library's, past any proxy the environment names."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """In words, as the server has them."""
        return str(self.body.get("detail") or self.body.get("message") or self.body.get("error") or self.body)


class Web:
    def __init__(self, host: str, port: int, timeout: float = 30) -> None:
        self.host, self.port, self.timeout = ANYWHERE.get(host, host), port, timeout

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def status_of(self, path: str) -> int:
        """0 where nobody answers in a moment."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def fetch(self, path: str) -> bytes:
        """A document that is no JSON; empty where there is none."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            document = response.read()
            return document if response.status == 200 else b""
        finally:
            connection.close()

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Path | None = None) -> Answer:
        """A body is read from the disk as it is sent."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        sent = {"Accept": "application/json", **(headers or {})}
        try:
            if body is None:
                connection.request(method, path, headers=sent)
            else:
                with body.open("rb") as file:
                    sent["Content-Length"] = str(os.fstat(file.fileno()).st_size)
                    connection.request(method, path, body=file, headers=sent)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = {"detail": text.decode(errors="replace")[:200]}
        return Answer(response.status, parsed if isinstance(parsed, dict) else {"detail": parsed})
