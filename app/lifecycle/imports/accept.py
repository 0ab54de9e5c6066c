"""Accept: an import is recorded first and hinted at afterwards, so that what was answered 202 is never lost."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog

from app.db.datasets import registry
from app.db.imports import queries, transitions
from app.domain.caller import Caller
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import DatabaseUnavailable, InvalidContent
from app.domain.imports import Import
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import deduplication
from app.lifecycle.imports.idempotency import Accepted, IdempotencyClaim, hold_idempotency_key
from app.lifecycle.imports.options import ImportOptions, content_hash, parse_import_options
from app.lifecycle.services import Services
from app.lifecycle.templates import expand
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
    with hold_idempotency_key(services, caller, content, inline=inline, at_once=True) as claim:
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
class Form:
    """What a form has beside the file's bytes: the file's name, and the fields."""

    file_name: str
    fields: Mapping[str, str]


def accept_upload(
    services: Services,
    dataset: Dataset,
    receive: Callable[[Upload], Form | None],
    caller: Caller,
    *,
    options: Mapping[str, str] | None = None,
    file_name: str | None = None,
    content_type: str | None = None,
    inline: bool = False,
) -> Accepted:
    """Accept an import of a file. `receive` writes the body into the upload and returns what else a form had.

    `options` are those of `parse_options`; a form's fields are such, too, and `dataset`.

    The file is durable before the import is recorded, and the import before this returns. Raises what `receive` and
    `Spool` raise, `UnsupportedFormat`, `InvalidContent` for what the head of the file shows, and the key's errors; then
    nothing of the upload is left.
    """
    id = str(uuid4())
    with (
        hold_idempotency_key(services, caller, None, inline=inline) as claim,
        services.spool.receive(id, claim.renew) as upload,
    ):
        form = receive(upload)
        upload.flush()
        if form is not None:
            file_name = form.file_name or file_name
            options = expand(services.database, {**(options or {}), **form.fields})
            dataset = catalog.find_import_dataset(services, options.get("dataset", dataset.name))
        wishes = parse_import_options(dataset, options or {}, file_name, content_type)
        return accept_whole(services, id, upload, wishes, caller, claim, inline=inline)


def accept_whole(
    services: Services,
    id: str,
    upload: Upload,
    wishes: ImportOptions,
    caller: Caller,
    claim: IdempotencyClaim,
    *,
    inline: bool = False,
) -> Accepted:
    """Accept an import of a file that is all there; raises as `accept_upload`."""
    if upload.bytes == 0:
        raise InvalidContent("the file is empty: send a header line and at least one row", errors=[{"field": "file"}])
    content = wishes.content(upload)
    if claim.held is not None:
        return claim.same(content)
    values = wishes.describe(upload) | {"spool_name": id, "bytes_total": upload.bytes, "inline": inline}
    upload.commit()
    try:
        return record(services, wishes.dataset, id, values, caller, claim, content)
    except BaseException:
        # A lost answer may hide a recorded import: then its file must stay, and the sweeper deletes it otherwise.
        if not _may_be_recorded(services, id):
            services.spool.delete(id)
        raise


def record(
    services: Services,
    dataset: Dataset,
    id: str,
    values: dict[str, Any],
    caller: Caller,
    claim: IdempotencyClaim,
    content: str | None,
) -> Accepted:
    """Record an import and hint at it. Without its content, which is not known yet, it does not hold the key."""
    values = {"id": id, "request_id": caller.request_id, "client": caller.client, **values}
    dedup_key = (
        deduplication.dedup_key_of(caller.client, content) if content is not None and "spool_name" in values else None
    )
    while True:
        try:
            row = _insert(services, dataset, {**values, "dedup_key": dedup_key}, claim, content)
            break
        except transitions.DuplicateInFlight:
            dedup_key = deduplication.resolve_duplicate(services, caller.key, dedup_key)
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
        now = claim.look(connection, kept)
        # held until the import is there: a drop finds it unfinished, or the import finds no dataset
        known = registry.hold_dataset(connection, dataset.name)
        if known is None or known.dataset != dataset:
            raise catalog.no_dataset(dataset.name, registry.list_datasets(connection))
        values = {"dataset": dataset.name, "created_at": now, "updated_at": now, **values}
        number = transitions.insert_import(connection, values)
        if content is not None:
            claim.bind(connection, content, number)
    return queries.recorded(number, values, now)  # all of it is known: no need to read it again


def _may_be_recorded(services: Services, id: str) -> bool:
    try:
        with services.database.begin() as connection:
            return queries.find_import(connection, id) is not None
    except DatabaseUnavailable:
        return True
