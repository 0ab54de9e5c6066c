"""Whose word counts for where a request came from."""

from ipaddress import ip_network
from typing import Any

import pytest

from app.routes.access.proxies import TrustedProxies

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("2001:db8::/32")]


def seen(peer: str, **headers: str) -> tuple[str, str]:
    found: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    found |= {f"HTTP_X_FORWARDED_{name.upper()}": text for name, text in headers.items()}
    TrustedProxies(lambda environ, start: [], TRUSTED)(found, None)
    return found["REMOTE_ADDR"], found["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),  # what the client wrote before it
        ("10.0.0.1", "198.51.100.9, 10.0.0.2,127.0.0.1", "198.51.100.9"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("10.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
        ("10.0.0.1", "[2001:db9::1]:4711", "2001:db9::1"),
        ("10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("2001:db8::1", "198.51.100.9", "198.51.100.9"),
        ("198.51.100.1", "203.0.113.5", "198.51.100.1"),
        ("11.0.0.1", "127.0.0.1", "11.0.0.1"),
        ("", "198.51.100.9", ""),
    ],
)
def test_the_address_is_the_last_one_that_no_trusted_proxy_has(peer: str, said: str, address: str) -> None:
    assert seen(peer, **{"for": said})[0] == address


def test_the_scheme_is_what_the_nearest_trusted_proxy_says() -> None:
    assert seen("10.0.0.1", proto="https")[1] == "https"
    assert seen("10.0.0.1", proto="http, https")[1] == "https"
    assert seen("10.0.0.1", proto="https, http")[1] == "http"
    assert seen("10.0.0.1", proto="gopher")[1] == "http"
    assert seen("198.51.100.1", proto="https")[1] == "http"
