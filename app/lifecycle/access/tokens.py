"""Tokens: made once, shown once, and found again by their digest.

A token reads `bko_<id>_<secret>`: 8 letters and digits by which it is looked up, and 256 random bits. The ledger has
only the SHA-256 of the whole. Nothing slower is needed: no one can try 2^256 of them.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic

import structlog

from app.db.access import audit, tokens
from app.db.database import Database
from app.domain.caller import Scope, Token, parse_scopes
from app.domain.errors import DatabaseUnavailable, InvalidContent, TokenNotFound

PREFIX = "bko_"
DAYS = 90.0
MAX_DAYS = 3650.0
OVERLAP_HOURS = 24.0
NAME_LENGTH = 64
MAX_DATASETS = 100
CACHE_SECONDS = 0.5  # a token that another process revokes is refused here within a second
MAX_CACHED = 1000
_SHAPE = re.compile(f"{PREFIX}([a-z0-9]{{8}})_[A-Za-z0-9_-]{{43}}")
_LETTERS = string.ascii_lowercase + string.digits

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class NewToken:
    """A token that was just made, and its text, which can't be had again."""

    token: Token
    text: str


class Tokens:
    """The tokens of an installation. One process's view of them is at most half a second old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Token]] = {}

    def find(self, text: str) -> Token | None:
        """The token of this text; None for any other text, and for one that was revoked or has expired. Raises
        `DatabaseUnavailable`."""
        shape = _SHAPE.fullmatch(text)
        token = self.find_live(shape[1]) if shape else None
        return token if token is not None and hmac.compare_digest(token.digest, _digest(text)) else None

    def find_live(self, id: str) -> Token | None:
        """The token with this id, unless it was revoked or has expired."""
        read_at, token = self._known.get(id, (0.0, None))
        if token is None or monotonic() > read_at + CACHE_SECONDS:
            now = monotonic()  # before it is read: what is revoked meanwhile counts as old
            with self._database.begin() as connection:
                token = tokens.find_token(connection, id)
            self._remember(id, now, token)
        return token if token is not None and token.live else None

    def note_use(self, token: Token) -> None:
        """Record, once a minute, that a token is in use. Raises nothing: the request goes on without it."""
        if token.used_lately:
            return
        self.forget(token.id)
        try:
            with self._database.begin() as connection:
                tokens.note_use(connection, token.id)
        except DatabaseUnavailable as error:
            log.warning("use_not_noted", token=token.id, error=error.detail)

    def forget(self, id: str) -> None:
        """Read the token again when it is asked for next."""
        self._known.pop(id, None)

    def _remember(self, id: str, now: float, token: Token | None) -> None:
        if token is None:  # unknown ones are not kept: anyone can make them up
            self.forget(id)
            return
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[id] = now, token


def create_token(
    database: Database,
    name: str,
    scopes: Collection[str],
    *,
    created_by: str,
    datasets: Collection[str] | None = None,
    days: float = DAYS,
) -> NewToken:
    """Make a token for the client of this name. `scopes` may name roles. Raises `InvalidContent`, which names the
    field."""
    _require_name(name)
    try:
        allowed = parse_scopes(scopes)
    except ValueError as error:
        raise _refused("scopes", str(error)) from None
    if datasets is not None and Scope.ADMIN in allowed:
        raise _refused("datasets", "a token with the scope admin can't be bound to datasets: it can make other tokens")
    if datasets is not None and not 1 <= len(datasets) <= MAX_DATASETS:
        raise _refused("datasets", f"name 1 to {MAX_DATASETS} datasets, or leave it out for all of them")
    _require_days(days)
    made = _insert(database, name, allowed, datasets, days, created_by)
    log.info("token_created", token=made.token.id, name=name, scopes=sorted(allowed), by=created_by)
    return made


def rotate_token(
    database: Database, id: str, *, created_by: str, days: float = DAYS, overlap_hours: float = OVERLAP_HOURS
) -> NewToken:
    """Make a token that allows the same as this one, which stays valid for the overlap. Raises `TokenNotFound`, also
    for one that was revoked or has expired, and `InvalidContent`."""
    _require_days(days)
    if not 0 <= overlap_hours <= MAX_DAYS * 24:
        raise _refused("overlap_hours", f"overlap_hours must be from 0 to {MAX_DAYS * 24:,.0f}")
    old = find_token(database, id)
    if not old.live:
        raise TokenNotFound(f"the token {id} was revoked or has expired: create a new one")
    made = _insert(database, old.name, old.scopes, old.datasets, days, created_by, replaces=id)
    # a crash here leaves both valid: the client has not got the new one, and rotates again
    with database.begin() as connection:
        tokens.shorten(connection, id, overlap_hours * 3600)
    log.info("token_rotated", token=made.token.id, replaces=id, by=created_by)
    return made


def revoke_token(database: Database, id: str, *, revoked_by: str) -> Token:
    """End a token: within a second no process takes it any more, and the sessions of those who signed in with it are
    over. Doing it again changes nothing. Returns it; raises `TokenNotFound`."""
    with database.begin() as connection:
        done = tokens.revoke(connection, id, revoked_by)
        if done:
            audit.record(connection, id)
    if done:
        log.info("token_revoked", token=id, by=revoked_by)
    return find_token(database, id)


def find_token(database: Database, id: str) -> Token:
    """The token with this id; raises `TokenNotFound`."""
    with database.begin() as connection:
        token = tokens.find_token(connection, id)
    if token is None:
        raise TokenNotFound(f"there is no token {id[:40]!r}: its id is what stands between bko_ and the next _")
    return token


def list_tokens(database: Database) -> list[Token]:
    """The tokens, the newest first, also those that ended lately."""
    with database.begin() as connection:
        return tokens.list_tokens(connection)


def _insert(
    database: Database,
    name: str,
    scopes: Collection[Scope],
    datasets: Collection[str] | None,
    days: float,
    created_by: str,
    replaces: str | None = None,
) -> NewToken:
    while True:
        id = "".join(secrets.choice(_LETTERS) for _ in range(8))
        text = f"{PREFIX}{id}_{secrets.token_urlsafe(32)}"
        with database.begin() as connection:
            inserted = tokens.insert_token(
                connection,
                id=id,
                digest=_digest(text),
                name=name,
                scopes=scopes,
                datasets=datasets,
                seconds=days * 86400,
                created_by=created_by,
                replaces=replaces,
            )
            if inserted:
                audit.record(connection, id, f"for {name}: {' '.join(sorted(scopes))}")
        if inserted:
            return NewToken(find_token(database, id), text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _require_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable() or name != name.strip() or ":" in name:
        reason = f"name must have 1 to {NAME_LENGTH} printable characters, no colon, and no blanks around it"
        raise _refused("name", reason)


def _require_days(days: float) -> None:
    if not 0 < days <= MAX_DAYS:
        raise _refused("expires_days", f"expires_days must be more than 0 and at most {MAX_DAYS:,.0f}")


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
