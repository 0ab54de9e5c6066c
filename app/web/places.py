"""Places: how much of what holds a thread all clients, and each alone, may have at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

UPLOADS, DOWNLOADS = 40, 16  # each holds a thread, a download also a connection to the database
OTHERS = 16  # threads that are left for all other requests


class NoPlace(Exception):
    """All places are taken: `most` by the client alone if `is_own`, else by all."""

    def __init__(self, most: int, is_own: bool) -> None:
        super().__init__(most, is_own)
        self.most, self.is_own = most, is_own


class Places:
    """A number of places. One client has half of them at most; without a name it is the only one, and has all."""

    def __init__(self, most: int) -> None:
        self._most, self._share = most, max(1, most // 2)
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, client: str) -> None:
        """Take one until `give_back`. Raises `NoPlace`."""
        with self._lock:
            if client and self._taken[client] >= self._share:
                raise NoPlace(self._share, is_own=True)
            if self._taken.total() >= self._most:
                raise NoPlace(self._most, is_own=False)
            self._taken[client] += 1

    def give_back(self, client: str) -> None:
        """Let another have it."""
        with self._lock:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]


class Turns:
    """One thing at a time for each client; without a name it is the only one, and has no turns."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._busy: set[str] = set()
        self._freed = Condition()

    @contextmanager
    def take(self, client: str) -> Iterator[None]:
        """Wait for the client's other thing to end. Raises `NoPlace` where that takes too long."""
        if not client:
            yield
            return
        with self._freed:
            if not self._freed.wait_for(lambda: client not in self._busy, self._seconds):
                raise NoPlace(1, is_own=True)
            self._busy.add(client)
        try:
            yield
        finally:
            with self._freed:
                self._busy.discard(client)
                self._freed.notify_all()
