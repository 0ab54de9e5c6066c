"""Idempotency keys: which import a client's key stands for."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.mysql import insert

from app.db.imports.transitions import NOW, seconds_from_now
from app.db.schema import idempotency_keys as keys, imports
from app.domain.states import NEVER_COMMIT, State


@dataclass(frozen=True)
class KeyHolder:
    """What a key stands for: an import with its content, or a request that is still in flight."""

    content: str | None
    import_id: str | None


def claim_key(connection: Connection, client: str, key: str, claim: str, seconds: float) -> KeyHolder | None:
    """Take a key for a request that begins; None when it is ours now, else what it stands for.

    An unanswered request keeps its key for `seconds`, and may renew it. An import that was stopped or failed gives its
    key back.
    """
    # The upsert locks the row, so of two requests at once one sees the other's claim.
    connection.execute(
        insert(keys)
        .values(client=client, key=key, claim=claim, claimed_until=seconds_from_now(seconds))
        .on_duplicate_key_update(client=client)
    )
    mine = keys.c.client == client, keys.c.key == key
    row = connection.execute(
        select(keys.c.claim, keys.c.content, keys.c.import_no, (keys.c.claimed_until > NOW).label("live"))
        .where(*mine)
        .with_for_update()
    ).one()
    if row.claim == claim:
        return None
    if row.import_no is None:
        if row.live:
            return KeyHolder(None, None)
    else:
        held = connection.execute(
            select(imports.c.id, imports.c.state).where(imports.c.number == row.import_no)
        ).first()
        if held is not None and State(held.state) not in NEVER_COMMIT:
            return KeyHolder(row.content, held.id)
    connection.execute(
        update(keys)
        .where(*mine)
        .values(claim=claim, claimed_until=seconds_from_now(seconds), content=None, import_no=None)
    )
    return None


def take_over_key(connection: Connection, client: str, key: str, claim: str, number: int, seconds: float) -> bool:
    """Take a key from the import of this number, which was reverted; False when another request was first."""
    taken = connection.execute(
        update(keys)
        .where(keys.c.client == client, keys.c.key == key, keys.c.import_no == number)
        .values(claim=claim, claimed_until=seconds_from_now(seconds), content=None, import_no=None)
    )
    return taken.rowcount == 1


def bind_key(connection: Connection, client: str, key: str, claim: str, content: str, number: int) -> bool:
    """Let the key stand for an import, in the transaction that accepts it; False when the claim ran out meanwhile and
    another request has the key."""
    bound = connection.execute(
        update(keys)
        .where(keys.c.client == client, keys.c.key == key, keys.c.claim == claim)
        .values(content=content, import_no=number)
    )
    return bound.rowcount == 1


def renew_key(connection: Connection, client: str, key: str, claim: str, seconds: float) -> None:
    """Keep a key for a request whose body is still arriving."""
    connection.execute(
        update(keys)
        .where(keys.c.client == client, keys.c.key == key, keys.c.claim == claim)
        .values(claimed_until=seconds_from_now(seconds))
    )


def release_key(connection: Connection, client: str, key: str, claim: str) -> None:
    """Give a key back that no import was accepted under."""
    connection.execute(
        delete(keys).where(
            keys.c.client == client, keys.c.key == key, keys.c.claim == claim, keys.c.import_no.is_(None)
        )
    )
