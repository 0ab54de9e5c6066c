"""Accept: an import is recorded first and hinted at afterwards, so that what was answered 202 is never lost."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog

from app.db.access import audit
from app.db.database import Database
from app.db.datasets import registry
from app.db.imports import pauses, queries, transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import DatabaseUnavailable, InvalidContent, Paused
from app.domain.imports import Import
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog
from app.lifecycle.imports.idempotency import (
    Accepted,
    IdempotencyClaim,
    dedup_key_of,
    hold_idempotency_key,
    resolve_duplicate,
)
from app.lifecycle.imports.options import ImportOptions, content_hash
from app.lifecycle.services import Services
from app.spool import Upload

log = structlog.get_logger(__name__)


def accept_generated(
    services: Services,
    dataset: Dataset,
    rows: int,
    caller: Caller,
    *,
    seed: str | None = None,
    inline: bool = False,
    priority: int = 0,
) -> Accepted:
    """Accept an import of generated rows. Raises `InvalidContent` for a number out of range or a dataset other than
    orders, and the key's errors."""
    if dataset.name != ORDERS.name:
        raise InvalidContent(
            f"rows can be generated for {ORDERS.name} only: send a file for {dataset.name}",
            errors=[{"field": "dataset", "value": dataset.name}],
        )
    most = services.settings.max_generated_rows
    if not 1 <= rows <= most:
        raise InvalidContent(
            f"the number of rows must be from 1 to {most:,}; it is {str(rows)[:40]}",
            errors=[{"field": "generate", "value": str(rows)[:40], "minimum": 1, "maximum": most}],
        )
    content = content_hash({"dataset": dataset.name, "generate": rows, "seed": seed}, "")
    with hold_idempotency_key(services, caller, content, inline=inline) as claim:
        if claim.held is not None:
            return claim.held
        values = {
            "generate_rows": rows,
            "rows_total": rows,
            "seed": seed or f"a{secrets.token_hex(6)}",
            "inline": inline,
        }
        values["priority"] = priority
        return record(services, dataset, str(uuid4()), values, caller, claim, content)


@dataclass(frozen=True)
class IncomingImport:
    """An import whose file comes with a request: the request's body is written into `upload`, then it is accepted."""

    services: Services
    caller: Caller
    claim: IdempotencyClaim
    id: str
    upload: Upload
    inline: bool = False

    def accept(self, options: ImportOptions) -> Accepted:
        """Accept it, now that the whole file is in `upload`.

        The file is durable before the import is recorded, and the import before this returns. Raises `SpoolFull`,
        `UnsupportedFormat`, `InvalidContent` for what the head of the file shows, `AlreadyRunning`, `LedgerFrozen` and
        the key's errors.
        """
        self.upload.flush()
        if self.upload.bytes == 0:
            raise InvalidContent(
                "the file is empty: send a header line and at least one row", errors=[{"field": "file"}]
            )
        content = options.content(self.upload)
        if self.claim.held is not None and (held := self.claim.same(content)) is not None:
            return held
        values = options.describe(self.upload) | {
            "spool_name": self.id,
            "bytes_total": self.upload.bytes,
            "inline": self.inline,
        }
        self.upload.commit()
        try:
            return record(self.services, options.dataset, self.id, values, self.caller, self.claim, content)
        except BaseException:
            # A lost answer may hide a recorded import: then its file must stay, and the sweeper deletes it otherwise.
            if not _may_be_recorded(self.services.database, self.id):
                self.services.spool.delete(self.id)
            raise


@contextmanager
def open_upload(services: Services, caller: Caller, *, inline: bool = False) -> Iterator[IncomingImport]:
    """Receive an import's file for as long as this lasts: nothing of it is left unless it is accepted.

    Raises `LedgerFrozen`, `Overloaded` unless it is loaded `inline`, `SpoolFull`, and the key's errors.
    """
    id = str(uuid4())
    with hold_idempotency_key(services, caller, None, inline=inline) as claim:
        if claim.held is None:
            freeze.require_sweeping(services)  # before a large body is sent for nothing; `record` decides
        with services.spool.receive(id, claim.renew) as upload:
            yield IncomingImport(services, caller, claim, id, upload, inline)


def record(
    services: Services,
    dataset: Dataset,
    id: str,
    values: dict[str, Any],
    caller: Caller,
    claim: IdempotencyClaim,
    content: str | None,
) -> Accepted:
    """Record an import and hint at it. Without its content, which is not known yet, it does not hold the key. Raises
    `LedgerFrozen`: an upload asks before its body as well, but a freeze that comes while it arrives is found here."""
    values = {"id": id, "request_id": caller.request_id, "client": caller.client, **values}
    dedup_key = dedup_key_of(caller.client, content) if content is not None and "spool_name" in values else None
    while True:
        try:
            row = _insert(services, dataset, {**values, "dedup_key": dedup_key}, claim, content)
            break
        except transitions.DuplicateInFlight:
            dedup_key = resolve_duplicate(services.database, caller.key, dedup_key)
    claim.bound = content is not None
    log.info("accepted", import_id=id, dataset=dataset.name)
    # a crash here leaves `queued` without a hint: the sweeper publishes it
    if not row.inline:
        services.hints.announce(id)
    return Accepted(row)


def _insert(
    services: Services, dataset: Dataset, values: dict[str, Any], claim: IdempotencyClaim, content: str | None
) -> Import:
    kept = services.spool.read_generation(services.installation)
    with services.database.begin() as connection:
        # first of all, and in this transaction: the file may have been on its way for hours
        now = freeze.require_sweeping_in(services.database, services.installation, connection, kept).read_at
        # held until the import is there: a drop finds it unfinished, or the import finds no dataset
        known = registry.hold_dataset(connection, dataset.name)
        if known is None or known.dataset != dataset:
            raise catalog.no_dataset(dataset.name, registry.list_datasets(connection))
        if values.get("inline") and pauses.holds_dataset(connection, dataset.name):
            raise Paused(
                f"imports into {dataset.name} are paused, and this one would be loaded at once: resume them first"
            )
        values = {"dataset": dataset.name, "created_at": now, "updated_at": now, **values}
        number = transitions.insert_import(connection, values)
        if content is not None:
            claim.bind(connection, content, number)
        audit.record(connection, values["id"])
    return queries.recorded(number, values, now)  # all of it is known: no need to read it again


def _may_be_recorded(database: Database, id: str) -> bool:
    try:
        with database.begin() as connection:
            return queries.find_import(connection, id) is not None
    except DatabaseUnavailable:
        return True
