"""Idempotency: the same request gives the same import, and the same file is imported once at a time.

A request holds its Idempotency-Key until it is answered. Without a key, the dedup key shows whether the caller sends
the same bytes with the same options: it is made of the caller's name and the content, and it is unique among the
imports that have not ended.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from uuid import uuid4

import structlog

from app.db import idempotency_keys
from app.db.database import Connection, Database
from app.db.imports import queries
from app.domain.caller import Caller
from app.domain.errors import AlreadyRunning, BadRequest, DatabaseUnavailable, KeyInFlight, KeyReused, Reverted
from app.domain.imports import Import
from app.lifecycle.services import Services

KEY_SECONDS = 60.0  # how long an unanswered request keeps its key; renewed while its body arrives
KEY_LENGTH = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Accepted:
    """The import that a request stands for; `replayed` when it had been accepted before under the same key."""

    row: Import
    replayed: bool = False


class IdempotencyClaim:
    """A key that one request holds, or what it stands for already."""

    def __init__(
        self, database: Database, caller: Caller, token: str, holder: idempotency_keys.KeyHolder | None
    ) -> None:
        self._database, self._caller, self._token, self._holder = database, caller, token, holder
        self._renewed_at = monotonic()
        self.bound = False
        self.owned = holder is None  # whether this request has to give the key back
        self.held = None if holder is None else self._find()

    def renew(self) -> None:
        """Keep the key while the body arrives."""
        if self._caller.key and self.held is None and monotonic() > self._renewed_at + KEY_SECONDS / 4:
            self._renewed_at = monotonic()
            with self._database.begin() as connection:
                idempotency_keys.renew_key(connection, self._caller.client, self._caller.key, self._token, KEY_SECONDS)

    def same(self, content: str) -> Accepted | None:
        """What the key stands for, if the content is the same. None if its import was reverted and the content is
        another: this request has the key now. Raises `KeyReused`, and `Reverted` for the content that was reverted: a
        job that repeats it every night must not load it again."""
        assert self.held is not None and self._holder is not None
        reverted = self.held.row.reverted_by
        if reverted is not None and self._holder.content == content:
            raise Reverted(
                f"import {self.held.row.id}, which this Idempotency-Key belongs to, was reverted: to load the same file"
                " again, send it with another key, or retry the import (POST /v1/imports/<id>/retry)",
                import_id=self.held.row.id,
                revert_id=reverted,
            )
        if reverted is not None:
            self._take_over(self.held.row.number)
            return None
        if self._holder.content != content:
            raise KeyReused(
                f"this Idempotency-Key belongs to import {self.held.row.id}, which has other content: take a new key",
                import_id=self.held.row.id,
            )
        return self.held

    def _take_over(self, number: int) -> None:
        assert self._caller.key is not None
        with self._database.begin() as connection:
            taken = idempotency_keys.take_over_key(
                connection, self._caller.client, self._caller.key, self._token, number, KEY_SECONDS
            )
        if not taken:
            raise KeyInFlight("another request took this Idempotency-Key over: ask for its import")
        self.held, self.owned = None, True

    def bind(self, connection: Connection, content: str, number: int) -> None:
        """Let the key stand for the import that is being recorded."""
        if self._caller.key and not idempotency_keys.bind_key(
            connection, self._caller.client, self._caller.key, self._token, content, number
        ):
            raise KeyInFlight("another request took this Idempotency-Key over: ask for its import")

    def _find(self) -> Accepted:
        assert self._holder is not None
        if self._holder.import_id is None:
            raise KeyInFlight("the first request with this Idempotency-Key is still being answered: try again soon")
        with self._database.begin() as connection:
            row = queries.find_import(connection, self._holder.import_id)
        if row is None:
            raise KeyInFlight("the import of this Idempotency-Key is being forgotten: try again soon")
        return Accepted(row, replayed=True)


@contextmanager
def hold_idempotency_key(
    services: Services, caller: Caller, content: str | None, *, inline: bool = False
) -> Iterator[IdempotencyClaim]:
    """Hold the caller's key, if there is one, for as long as the request takes; given back if nothing is accepted.

    Raises `QuotaExceeded`, `Overloaded` unless the import is loaded `inline`, and for a key: `KeyInFlight`, `KeyReused`
    if its import has another `content`, `Reverted` if it was reverted, `BadRequest` for one that is no key.
    """
    token, holder, database = str(uuid4()), None, services.database
    if caller.key is not None:
        if not 1 <= len(caller.key) <= KEY_LENGTH or not caller.key.isprintable():
            raise BadRequest(f"an Idempotency-Key has 1 to {KEY_LENGTH} printable characters")
        with database.begin() as connection:
            holder = idempotency_keys.claim_key(connection, caller.client, caller.key, token, KEY_SECONDS)
    claim = IdempotencyClaim(database, caller, token, holder)
    if content is not None and claim.held is not None:
        claim.same(content)
    try:
        if claim.held is None:  # only now: what was accepted before is not refused
            services.quotas.require(database, caller.client)
            if not inline:
                services.backlog_cache.require_capacity(database)
        yield claim
    finally:
        if caller.key is not None and claim.owned and not claim.bound:
            _release(database, caller.client, caller.key, token)


def _release(database: Database, client: str, key: str, token: str) -> None:
    try:
        with database.begin() as connection:
            idempotency_keys.release_key(connection, client, key, token)
    except DatabaseUnavailable as error:
        log.warning("key_not_released", error=error.detail)  # its claim runs out


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
