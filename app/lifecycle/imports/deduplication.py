"""Deduplication: a caller imports a file with the same bytes and options once at a time, unless an Idempotency-Key says
otherwise.

A dedup key is made of the caller's name and the content. The ledger has a unique key over those of imports that have
not ended.
"""

import hashlib

from app.db.database import Database
from app.db.imports import queries
from app.domain.errors import AlreadyRunning


def dedup_key_of(client: str, content: str) -> str:
    """The dedup key of a caller's content, which stands for the bytes and the options."""
    return hashlib.sha256(f"{client}\0{content}".encode()).hexdigest()


def resolve_duplicate(database: Database, key: str | None, dedup_key: str | None) -> str | None:
    """The ledger has this dedup key: which one to record instead. Raises `AlreadyRunning` where there is none."""
    if key is not None:
        return None  # its own key says that it is meant to be another
    assert dedup_key is not None
    refuse_again(database, dedup_key)
    return dedup_key  # the other one has ended meanwhile


def refuse_again(database: Database, dedup_key: str) -> None:
    """Raise `AlreadyRunning` if an import under this dedup key has not ended."""
    with database.begin() as connection:
        running = queries.find_by_dedup_key(connection, dedup_key)
    if running is not None:
        raise AlreadyRunning(
            f"the same file is being imported with the same options, as import {running.id}: wait for it or stop it; if"
            " it is meant twice, send it with an Idempotency-Key of its own",
            import_id=running.id,
            running=f"/v1/imports/{running.id}",
        )
