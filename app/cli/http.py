"""Requests to the stack's own web server, with the standard library and without proxies."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # nosec B104


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """The server's message."""
        return str(self.body.get("detail") or self.body.get("message") or self.body.get("error") or self.body)


class Web:
    def __init__(self, host: str, port: int, timeout: float = 30) -> None:
        self.host, self.port, self.timeout = ANYWHERE.get(host, host), port, timeout

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def status_of(self, path: str) -> int:
        """The status of a GET; 0 if no answer comes within seconds."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def fetch(self, path: str) -> bytes:
        """The bytes of a document; empty if there is none."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            document = response.read()
            return document if response.status == 200 else b""
        finally:
            connection.close()

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Path | None = None) -> Answer:
        """Send a request, with a file as its body; returns the JSON answer."""
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
