"""Trusted proxies: whose word counts for where a request came from, and whether it came by https."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class TrustedProxies:
    """Puts the client's address and scheme in the place of the proxy's.

    Werkzeug's `ProxyFix` counts proxies, not asking which; here their addresses count, so that a client that reaches
    the server directly can't write who it is. `X-Forwarded-For` is read from its end, through the proxies that are
    trusted. `X-Forwarded-Proto` is what the nearest one says. A header of anyone else changes nothing.
    """

    def __init__(self, app: Wsgi, networks: Sequence[Network]) -> None:
        self._app, self._networks = app, networks

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        address = _parse(environ.get("REMOTE_ADDR", ""))
        if address is not None and self._trusts(address):
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            for text in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
                before = _parse(text)
                if before is None:
                    break
                address = before
                if not self._trusts(before):
                    break
            environ["REMOTE_ADDR"] = str(address)
        return self._app(environ, start_response)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
