"""Sessions: a browser keeps a random text, the ledger its SHA-256 and what it stands for."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from time import monotonic

import structlog

from app.db.access import audit, people, sessions
from app.db.database import Database
from app.domain.caller import SignIn
from app.domain.errors import SessionNotFound
from app.lifecycle.access.tokens import CACHE_SECONDS, MAX_CACHED

SESSION_SECONDS = 12 * 3600.0
SECRET_LENGTH = 43  # 256 bits

log = structlog.get_logger(__name__)


class Sessions:
    """The sessions of an installation. One process's view of them is at most half a second old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, SignIn]] = {}

    def find(self, secret: str) -> SignIn | None:
        """The session of this text, unless it is over; None for any other text. Raises `DatabaseUnavailable`. Whether
        what it stands for is still valid is for the caller to ask."""
        if len(secret) != SECRET_LENGTH or not secret.isascii():
            return None
        digest = _digest(secret)
        read_at, found = self._known.get(digest, (0.0, None))
        if found is None or monotonic() > read_at + CACHE_SECONDS:
            now = monotonic()
            with self._database.begin() as connection:
                found = sessions.find_session(connection, digest)
            if found is not None:
                if len(self._known) >= MAX_CACHED:
                    self._known.clear()
                self._known[digest] = now, found
        return found if found is not None and found.live else None

    def forget(self) -> None:
        """Read every session again when it is asked for next."""
        self._known.clear()


def begin_session(
    database: Database,
    client: str,
    *,
    address: str,
    token: str | None = None,
    key: str | None = None,
    groups: Sequence[str] | None = None,
) -> str:
    """Record a session that stands for a token, for a key, or for a person in these groups of the OpenID provider;
    returns the text that the browser keeps."""
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    with database.begin() as connection:
        sessions.insert_session(
            connection,
            id=id,
            digest=_digest(secret),
            client=client,
            token=token,
            key_proof=None if key is None else prove(key, secret),
            groups=groups,
            address=address[:64],
            seconds=SESSION_SECONDS,
        )
        audit.record(connection, id)
    log.info("signed_in", client=client, token=token, address=address)
    return secret


def name_person(database: Database, issuer: str, subject: str, name: str) -> str:
    """The client's name of a person who has signed in at the OpenID provider: the same for good."""
    with database.begin() as connection:
        return people.name_person(connection, issuer, subject, name)


def prove(key: str, secret: str) -> str:
    """What shows that a session stands for this key of the file. Without the browser's secret no one can try keys
    against it."""
    return hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()


def end_session(database: Database, id: str, *, ended_by: str) -> None:
    """End a session; raises `SessionNotFound`, also for one that is over."""
    with database.begin() as connection:
        ended = sessions.end(connection, id, ended_by)
        if ended:
            audit.record(connection, id)
    if not ended:
        raise SessionNotFound(f"there is no session {id[:40]!r} that could be ended")
    log.info("session_ended", session=id, by=ended_by)


def list_sessions(database: Database) -> list[SignIn]:
    """The sessions, the newest first, also those that ended within a day."""
    with database.begin() as connection:
        return sessions.list_sessions(connection)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
