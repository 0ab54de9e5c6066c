"""The key file: API keys that an operator writes, read again when the file changes."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from time import monotonic

import structlog

CLIENT_LENGTH = 64
KEY_LENGTH = 16  # at least
LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


def read_keys(path: Path) -> dict[str, str]:
    """Client names by API key: a line is `name:key` or `key`; blank lines and `#` lines are passed over.

    A name may have several keys, so that one can be replaced without a gap. A key without a name is called after its
    digest, which no other line of the file changes. Raises OSError, and ValueError, with a sentence, for a file
    without keys, a key of under 16 characters or under two names, or a name of over 64.
    """
    keys: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, _, key = (part.strip() for part in entry.rpartition(":"))
        if len(key) < KEY_LENGTH or not key.isascii():
            raise ValueError(f"{path.name}, line {number}: a key has at least {KEY_LENGTH} ASCII characters")
        if len(name) > CLIENT_LENGTH:
            raise ValueError(f"{path.name}, line {number}: a name has at most {CLIENT_LENGTH} characters")
        name = name or f"key-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
        if keys.setdefault(key, name) != name:
            raise ValueError(f"{path.name}, line {number}: {keys[key]} has the same key as {name}; each needs its own")
    if not keys:
        raise ValueError(f"{path.name} has no key: write one a line")
    return keys


class KeyFile:
    """The keys of a file as it is now: looked at again at most once a second, when somebody asks.

    A file that can't be read, or has a mistake, keeps the last good keys in use, and the log says so once.
    """

    def __init__(self, path: Path) -> None:
        """Raises what `read_keys` raises."""
        self._path = path
        self._keys: Mapping[str, str] = read_keys(path)
        self._lock = Lock()
        self._looked_at = monotonic()
        self._failed = ""

    def find_client(self, given: str) -> str | None:
        """The client whose key this is; None for an unknown key."""
        return self.find(lambda key: hmac.compare_digest(key.encode(), given.encode()))

    def find(self, is_wanted: Callable[[str], bool]) -> str | None:
        """The client of the first key for which this holds, or None."""
        return next((name for key, name in self._read().items() if is_wanted(key)), None)

    def _read(self) -> Mapping[str, str]:
        with self._lock:
            if monotonic() < self._looked_at + LOOK_SECONDS:
                return self._keys
            self._looked_at = monotonic()
            try:
                keys, failed = read_keys(self._path), ""
            except (OSError, ValueError) as error:
                keys, failed = dict(self._keys), str(error)
            if failed and failed != self._failed:
                log.error("keys_not_read", error=failed, kept=len(keys))
            if not failed and keys != self._keys:
                log.info("keys_read", keys=len(keys))
            self._keys, self._failed = keys, failed
            return self._keys
