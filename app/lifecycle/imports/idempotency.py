"""Idempotency: a request holds its Idempotency-Key until it is answered; the same key gives the same import."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog

from app.db import idempotency_keys
from app.db.imports import queries
from app.domain.caller import Caller
from app.domain.errors import BadRequest, DatabaseUnavailable, KeyInFlight, KeyReused
from app.domain.generation import Generation
from app.domain.imports import Import
from app.lifecycle import freeze
from app.lifecycle.imports import admission
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
        self,
        services: Services,
        caller: Caller,
        token: str,
        holder: idempotency_keys.KeyHolder | None,
        *,
        room: bool = False,
    ) -> None:
        self._services, self._asker, self._token, self._holder = services, caller, token, holder
        self._room = room
        self._renewed_at = monotonic()
        self.bound = False
        self.held = None if holder is None else self._find()

    def renew(self) -> None:
        """Keep the key while the body arrives."""
        if self._asker.key and self.held is None and monotonic() > self._renewed_at + KEY_SECONDS / 4:
            self._renewed_at = monotonic()
            with self._services.database.begin() as connection:
                idempotency_keys.renew_key(connection, self._asker.client, self._asker.key, self._token, KEY_SECONDS)

    def same(self, content: str) -> Accepted:
        """What the key stands for, if the content is the same; raises `KeyReused` otherwise."""
        assert self.held is not None and self._holder is not None
        if self._holder.content != content:
            raise KeyReused(
                f"this Idempotency-Key belongs to import {self.held.row.id}, which has other content: take a new key",
                import_id=self.held.row.id,
            )
        return self.held

    def look(self, connection: Any, kept: Generation | None) -> datetime:
        """The first thing in the transaction that records the import; returns when it is recorded. Raises
        `LedgerFrozen`: a body may have been on its way for hours; and `Overloaded` where nobody has looked for room
        yet."""
        here = freeze.require_sweeping_in(self._services, connection, kept)
        if self._room:
            admission.require_capacity(self._services, self._services.backlog_cache.waiting(connection))
        return here.read_at

    def bind(self, connection: Any, content: str, number: int) -> None:
        """Let the key stand for the import that is being recorded."""
        if self._asker.key and not idempotency_keys.bind_key(
            connection, self._asker.client, self._asker.key, self._token, content, number
        ):
            raise KeyInFlight("another request took this Idempotency-Key over: ask for its import")

    def _find(self) -> Accepted:
        assert self._holder is not None
        if self._holder.import_id is None:
            raise KeyInFlight("the first request with this Idempotency-Key is still being answered: try again soon")
        with self._services.database.begin() as connection:
            row = queries.find_import(connection, self._holder.import_id)
        if row is None:
            raise KeyInFlight("the import of this Idempotency-Key is being forgotten: try again soon")
        return Accepted(row, replayed=True)


@contextmanager
def hold_idempotency_key(
    services: Services, caller: Caller, content: str | None, *, inline: bool = False, at_once: bool = False
) -> Iterator[IdempotencyClaim]:
    """Hold the asker's key, if there is one, for as long as the request takes; given back if nothing is accepted.

    Raises `Overloaded` unless it is loaded `inline`, and `LedgerFrozen`: a ledger that has gone back would give out
    numbers again, and know keys no longer. `at_once` says that no body follows: without a key, `record` looks at both.
    """
    if at_once and caller.key is None:
        yield IdempotencyClaim(services, caller, "", None, room=not inline)
        return
    waiting: list[int] = []

    def look(connection: Any) -> None:
        waiting.append(services.backlog_cache.waiting(connection))

    freeze.require_sweeping(services, None if inline else look)
    token = str(uuid4())
    holder = None
    if caller.key is not None:
        if not 1 <= len(caller.key) <= KEY_LENGTH or not caller.key.isprintable():
            raise BadRequest(f"an Idempotency-Key has 1 to {KEY_LENGTH} printable characters")
        with services.database.begin() as connection:
            holder = idempotency_keys.claim_key(connection, caller.client, caller.key, token, KEY_SECONDS)
    claim = IdempotencyClaim(services, caller, token, holder)
    if content is not None and claim.held is not None:
        claim.same(content)
    try:
        if claim.held is None and waiting:
            admission.require_capacity(services, *waiting)  # only now: what was accepted before is not refused
        yield claim
    finally:
        if caller.key is not None and holder is None and not claim.bound:
            _release(services, caller.client, caller.key, token)


def _release(services: Services, client: str, key: str, token: str) -> None:
    try:
        with services.database.begin() as connection:
            idempotency_keys.release_key(connection, client, key, token)
    except DatabaseUnavailable as error:
        log.warning("key_not_released", error=error.detail)  # its claim runs out
