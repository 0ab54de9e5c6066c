"""Tokens in the database: their digests, what they allow, until when."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.db.access.tables import delete_ended, tokens
from app.db.ledger import NOW, seconds_from_now
from app.domain.caller import EVERYTHING, Scope, Token

MAX_LISTED = 1000
USED_SECONDS = 60  # how old the time of the last use may be before it is written again


def insert_token(
    connection: Connection,
    *,
    id: str,
    digest: str,
    name: str,
    scopes: Iterable[Scope],
    datasets: Iterable[str] | None,
    seconds: float,
    created_by: str,
    replaces: str | None = None,
) -> bool:
    """Record a token that is valid for so many seconds; False where another one has this id."""
    values = {
        "id": id,
        "digest": digest,
        "name": name,
        "scopes": sorted(scopes),
        "datasets": None if datasets is None else sorted(datasets),
        "created_by": created_by,
        "replaces": replaces,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(tokens).values(created_at=NOW, expires_at=seconds_from_now(seconds), **values))
    except IntegrityError:
        return False
    return True


def find_token(connection: Connection, id: str) -> Token | None:
    """The token with this id, or None."""
    row = connection.execute(_select().where(tokens.c.id == id)).first()
    return None if row is None else _token(row)


def list_tokens(connection: Connection) -> list[Token]:
    """All tokens that are not forgotten yet, the newest first; at most `MAX_LISTED`."""
    query = _select().order_by(tokens.c.created_at.desc(), tokens.c.id).limit(MAX_LISTED)
    return [_token(row) for row in connection.execute(query)]


def revoke(connection: Connection, id: str, revoked_by: str) -> bool:
    """End a token now; False where it was revoked before."""
    unrevoked = and_(tokens.c.id == id, tokens.c.revoked_at.is_(None))
    done = connection.execute(update(tokens).where(unrevoked).values(revoked_at=NOW, revoked_by=revoked_by))
    return done.rowcount == 1


def shorten(connection: Connection, id: str, seconds: float) -> None:
    """Let a token expire in so many seconds, unless it expires before."""
    sooner = func.least(tokens.c.expires_at, seconds_from_now(seconds))
    connection.execute(update(tokens).where(tokens.c.id == id).values(expires_at=sooner))


def note_use(connection: Connection, id: str) -> None:
    """Record that the token is in use."""
    connection.execute(update(tokens).where(tokens.c.id == id).values(last_used_at=NOW))


def delete_old(connection: Connection, days: float) -> bool:
    """Forget some of the tokens that were revoked or expired longer ago than that; returns whether there may be
    more."""
    return delete_ended(connection, tokens, ("expires_at", "revoked_at"), days * 86400)


def _select() -> Select[Any]:
    live = and_(tokens.c.revoked_at.is_(None), tokens.c.expires_at > NOW)
    lately = tokens.c.last_used_at > seconds_from_now(-USED_SECONDS)
    return select(*tokens.c, case((live, 1), else_=0).label("live"), case((lately, 1), else_=0).label("lately"))


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        digest=row.digest,
        scopes=EVERYTHING & {*row.scopes},
        datasets=None if row.datasets is None else frozenset(row.datasets),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        live=bool(row.live),
        used_lately=bool(row.lately),
        replaces=row.replaces,
    )
