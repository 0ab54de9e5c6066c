"""Browsers' sessions in the database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, insert, null, select, update

from app.db.access.tables import delete_ended, sessions
from app.db.ledger import NOW, seconds_from_now
from app.domain.caller import SignIn

MAX_LISTED = 1000
KEPT_SECONDS = 86400.0  # how long a session that is over stays in the list


def insert_session(
    connection: Connection,
    *,
    id: str,
    digest: str,
    client: str,
    token: str | None,
    key_proof: str | None,
    groups: Sequence[str] | None,
    address: str,
    seconds: float,
) -> None:
    """Record a session that lasts for so many seconds."""
    values = {"id": id, "digest": digest, "client": client, "token": token, "key_proof": key_proof, "address": address}
    named = null() if groups is None else list(groups)
    times = {"created_at": NOW, "expires_at": seconds_from_now(seconds)}
    connection.execute(insert(sessions).values(**times, groups=named, **values))


def find_session(connection: Connection, digest: str) -> SignIn | None:
    """The session whose secret has this digest, or None."""
    row = connection.execute(_select().where(sessions.c.digest == digest)).first()
    return None if row is None else _session(row)


def list_sessions(connection: Connection) -> list[SignIn]:
    """The sessions that are not forgotten yet, the newest first; at most `MAX_LISTED`."""
    query = _select().order_by(sessions.c.created_at.desc(), sessions.c.id).limit(MAX_LISTED)
    return [_session(row) for row in connection.execute(query)]


def end(connection: Connection, id: str, ended_by: str) -> bool:
    """End a session now; False where none that is not over has this id."""
    going_on = and_(sessions.c.id == id, sessions.c.ended_at.is_(None))
    return connection.execute(update(sessions).where(going_on).values(ended_at=NOW, ended_by=ended_by)).rowcount == 1


def delete_old(connection: Connection) -> bool:
    """Forget some of the sessions that have been over for a day; returns whether there may be more."""
    return delete_ended(connection, sessions, ("expires_at", "ended_at"), KEPT_SECONDS)


def _select() -> Select[Any]:
    live = and_(sessions.c.ended_at.is_(None), sessions.c.expires_at > NOW)
    return select(*sessions.c, case((live, 1), else_=0).label("live"))


def _session(row: Row[Any]) -> SignIn:
    return SignIn(
        id=row.id,
        client=row.client,
        token=row.token,
        key_proof=row.key_proof,
        groups=None if row.groups is None else tuple(row.groups),
        address=row.address,
        created_at=row.created_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        live=bool(row.live),
    )
