"""Brokers: the addresses of a cluster's nodes, as a setting has them."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError


def parse_brokers(text: str) -> list[URL]:
    """The addresses between `;`, one for each node of a cluster. Raises ValueError, which shows no password."""
    parts = [part for part in map(str.strip, text.split(";")) if part] or [""]
    urls: list[URL] = []
    for place, part in enumerate(parts, 1):
        named = f"address {place} of {len(parts)}" if parts[1:] else "it"
        try:
            url = make_url(part)
        except (ArgumentError, ValueError):
            url = None
        if url is None or url.drivername not in ("amqp", "amqps") or not url.host:
            hint = "; in a password %3B is a ;" if parts[1:] else ""
            raise ValueError(f"{named} must read amqp://user:password@host:port//, or amqps:// for TLS{hint}")
        ca = url.query.get("ssl_ca")
        if ca is not None and url.drivername != "amqps":
            raise ValueError(f"ssl_ca verifies a broker over TLS: {named} must begin with amqps://")
        if ca is not None and not (isinstance(ca, str) and Path(ca).is_file()):
            raise ValueError(f"ssl_ca must name one file that is there, with the authority's certificate; see {named}")
        if urls and _in_common(url) != _in_common(urls[0]):
            raise ValueError(f"{named} has another scheme, virtual host or ssl_ca than the first: nodes share them")
        if _node(url) in map(_node, urls):
            raise ValueError(f"{named} is of a node that was named before")
        urls.append(url)
    return urls


def _node(broker: URL) -> tuple[str, int]:
    return str(broker.host).lower(), broker.port or (5671 if broker.drivername == "amqps" else 5672)


def _in_common(broker: URL) -> tuple[object, ...]:
    return broker.drivername, broker.database, broker.query.get("ssl_ca")
