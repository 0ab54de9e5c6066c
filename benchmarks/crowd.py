"""A crowd: many clients at a time on connections that stay, in one thread, so that it measures the server."""

import asyncio
import json
from collections.abc import Iterator
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit


def ask_all(url: str, paths: list[str], clients: int) -> tuple[list[float], list[dict[str, Any]]]:
    """POST each path once, so many at a time; the seconds that each answer took, and the answers."""
    return asyncio.run(_ask_all(url, paths, clients))


def percentile(taken: list[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(taken)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def _ask_all(url: str, paths: list[str], clients: int) -> tuple[list[float], list[dict[str, Any]]]:
    left = iter(paths)
    taken: list[float] = []
    answers: list[dict[str, Any]] = []
    await asyncio.gather(*(_client(url, left, taken, answers) for _ in range(min(clients, len(paths)))))
    return taken, answers


async def _client(url: str, paths: Iterator[str], taken: list[float], answers: list[dict[str, Any]]) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for path in paths:
        begun = perf_counter()
        writer.write(f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
        taken.append(perf_counter() - begun)
        if not head.startswith("http/1.1 2"):
            raise SystemExit(f"{path}: {head.splitlines()[0]} {body.decode()}")
        answers.append(json.loads(body))
        if "connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.close()
