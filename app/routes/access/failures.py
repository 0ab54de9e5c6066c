"""Failures: wrong keys and tokens, counted by the address that they came from.

In memory: there is one web process, and a restart forgives. An attacker who has many addresses meets the size of the
keys.
"""

import hashlib
import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from threading import Lock
from time import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

LIMIT = RateLimitItemPerMinute(60)
MAX_KNOWN = 10_000


class Failures:
    """The failures of the last minute, and which keys were right at which address."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def seconds_left(self, address: str) -> int:
        """How long no further wrong key is looked at; 0 while there may be one."""
        place = place_of(address)
        if self._limiter.test(LIMIT, place):
            return 0
        return max(1, math.ceil(self._limiter.get_window_stats(LIMIT, place).reset_time - time()))

    def add(self, address: str) -> None:
        """Count a wrong key."""
        self._limiter.hit(LIMIT, place_of(address))

    def remember(self, address: str, key: str) -> None:
        """Keep that a key was right at this address."""
        mark = _mark(address, key)
        with self._lock:
            self._known[mark] = None
            self._known.move_to_end(mark)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def knows(self, address: str, key: str) -> bool:
        """Whether a key was right at this address."""
        with self._lock:
            return _mark(address, key) in self._known


def place_of(address: str) -> str:
    """What counts as one address: of IPv6 a whole network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    # one machine has all addresses of such a network
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address


def _mark(address: str, key: str) -> bytes:
    return hashlib.sha256(f"{place_of(address)}\0{key}".encode()).digest()
