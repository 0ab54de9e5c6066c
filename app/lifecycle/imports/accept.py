"""Accept: an import is recorded first and hinted at afterwards, so that what was answered 202 is never lost."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog

from app.db import idempotency_keys
from app.db.datasets import registry
from app.db.imports import queries, transitions
from app.domain.dataset import ORDERS, Dataset
from app.domain.errors import BadRequest, DatabaseUnavailable, InvalidContent, KeyInFlight, KeyReused
from app.domain.generation import Mark
from app.domain.imports import Import
from app.lifecycle import freeze
from app.lifecycle.datasets import catalog
from app.lifecycle.imports import admission, deduplication
from app.lifecycle.imports.options import Wishes, content_hash, read_wishes
from app.lifecycle.services import Site
from app.spool import Upload

KEY_SECONDS = 60.0  # how long an unanswered request keeps its key; renewed while its body arrives
KEY_LENGTH = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asker:
    """Who sends a request, and the Idempotency-Key that makes a second one the same."""

    client: str = ""
    key: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Accepted:
    """The import that a request stands for; `again` when it had been accepted before under the same key."""

    row: Import
    again: bool = False


def accept_generated(
    site: Site,
    dataset: Dataset,
    rows: int,
    asker: Asker,
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
    most = site.settings.max_generated_rows
    if not 1 <= rows <= most:
        raise InvalidContent(
            f"the number of rows must be from 1 to {most:,}; it is {str(rows)[:40]}",
            errors=[{"field": "generate", "value": str(rows)[:40], "minimum": 1, "maximum": most}],
        )
    content = content_hash({"dataset": dataset.name, "generate": rows, "seed": seed}, "")
    with keyed(site, asker, content, inline=inline, at_once=True) as claim:
        if claim.held is not None:
            return claim.held
        values = {"generate": rows, "rows_total": rows, "seed": seed or f"a{secrets.token_hex(6)}", "inline": inline}
        values["priority"] = priority
        return record(site, dataset, str(uuid4()), values, asker, claim, content)


@dataclass(frozen=True)
class Form:
    """What a form has beside the file's bytes: the file's name, and the fields."""

    file_name: str
    fields: Mapping[str, str]


def accept_upload(
    site: Site,
    dataset: Dataset,
    receive: Callable[[Upload], Form | None],
    asker: Asker,
    *,
    options: Mapping[str, str] | None = None,
    file_name: str | None = None,
    content_type: str | None = None,
    inline: bool = False,
) -> Accepted:
    """Accept an import of a file. `receive` writes the body into the upload and returns what else a form had.

    `options` are those of `read_options`; a form's fields are such, too, and `dataset`.

    The file is durable before the import is recorded, and the import before this returns. Raises what `receive` and
    `Spool` raise, `UnsupportedFormat`, `InvalidContent` for what the head of the file shows, and the key's errors; then
    nothing of the upload is left.
    """
    id = str(uuid4())
    with keyed(site, asker, None, inline=inline) as claim, site.spool.receive(id, claim.renew) as upload:
        form = receive(upload)
        upload.flush()
        if form is not None:
            file_name = form.file_name or file_name
            options = {**(options or {}), **{name: text for name, text in form.fields.items() if name != "dataset"}}
            dataset = catalog.find_import_dataset(site, form.fields.get("dataset", dataset.name))
        wishes = read_wishes(dataset, options or {}, file_name, content_type)
        return accept_whole(site, id, upload, wishes, asker, claim, inline=inline)


def accept_whole(
    site: Site, id: str, upload: Upload, wishes: Wishes, asker: Asker, claim: "Claim", *, inline: bool = False
) -> Accepted:
    """Accept an import of a file that is all there; raises as `accept_upload`."""
    if upload.bytes == 0:
        raise InvalidContent("the file is empty: send a header line and at least one row", errors=[{"field": "file"}])
    content = wishes.content(upload)
    if claim.held is not None:
        return claim.same(content)
    values = wishes.describe(upload) | {"spool_name": id, "bytes_total": upload.bytes, "inline": inline}
    upload.keep()
    try:
        return record(site, wishes.dataset, id, values, asker, claim, content)
    except BaseException:
        # A lost answer may hide a recorded import: then its file must stay, and the sweeper deletes it otherwise.
        if not _may_be_recorded(site, id):
            site.spool.delete(id)
        raise


class Claim:
    """A key that one request holds, or what it stands for already."""

    def __init__(
        self, site: Site, asker: Asker, token: str, holder: idempotency_keys.KeyHolder | None, *, room: bool = False
    ) -> None:
        self._site, self._asker, self._token, self._holder = site, asker, token, holder
        self._room = room
        self._renewed_at = monotonic()
        self.bound = False
        self.held = None if holder is None else self._find()

    def renew(self) -> None:
        """Keep the key while the body arrives."""
        if self._asker.key and self.held is None and monotonic() > self._renewed_at + KEY_SECONDS / 4:
            self._renewed_at = monotonic()
            with self._site.database.begin() as connection:
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

    def look(self, connection: Any, kept: Mark | None) -> datetime:
        """The first thing in the transaction that records the import; returns when it is recorded. Raises
        `SweepingFrozen`: a body may have been on its way for hours; and `Overloaded` where nobody has looked for room
        yet."""
        here = freeze.require_sweeping_in(self._site, connection, kept)
        if self._room:
            admission.require_room(self._site, self._site.recent.waiting(connection))
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
        with self._site.database.begin() as connection:
            row = queries.find_import(connection, self._holder.import_id)
        if row is None:
            raise KeyInFlight("the import of this Idempotency-Key is being forgotten: try again soon")
        return Accepted(row, again=True)


@contextmanager
def keyed(
    site: Site, asker: Asker, content: str | None, *, inline: bool = False, at_once: bool = False
) -> Iterator[Claim]:
    """Hold the asker's key, if there is one, for as long as the request takes; given back if nothing is accepted.

    Raises `Overloaded` unless it is loaded `inline`, and `SweepingFrozen`: a ledger that has gone back would give out
    numbers again, and know keys no longer. `at_once` says that no body follows: without a key, `record` looks at both.
    """
    if at_once and asker.key is None:
        yield Claim(site, asker, "", None, room=not inline)
        return
    waiting: list[int] = []

    def look(connection: Any) -> None:
        waiting.append(site.recent.waiting(connection))

    freeze.require_sweeping(site, None if inline else look)
    token = str(uuid4())
    holder = None
    if asker.key is not None:
        if not 1 <= len(asker.key) <= KEY_LENGTH or not asker.key.isprintable():
            raise BadRequest(f"an Idempotency-Key has 1 to {KEY_LENGTH} printable characters")
        with site.database.begin() as connection:
            holder = idempotency_keys.claim_key(connection, asker.client, asker.key, token, KEY_SECONDS)
    claim = Claim(site, asker, token, holder)
    if content is not None and claim.held is not None:
        claim.same(content)
    try:
        if claim.held is None and waiting:
            admission.require_room(site, *waiting)  # only now: what was accepted before is not refused
        yield claim
    finally:
        if asker.key is not None and holder is None and not claim.bound:
            _release(site, asker.client, asker.key, token)


def _release(site: Site, client: str, key: str, token: str) -> None:
    try:
        with site.database.begin() as connection:
            idempotency_keys.release_key(connection, client, key, token)
    except DatabaseUnavailable as error:
        log.warning("key_not_released", error=error.detail)  # its claim runs out


def record(
    site: Site, dataset: Dataset, id: str, values: dict[str, Any], asker: Asker, claim: Claim, content: str | None
) -> Accepted:
    """Record an import and hint at it. Without its content, which is not known yet, it does not hold the key."""
    values = {"id": id, "request_id": asker.request_id, "client": asker.client, **values}
    job = deduplication.name_job(asker.client, content) if content is not None and "spool_name" in values else None
    while True:
        try:
            row = _insert(site, dataset, {**values, "job": job}, claim, content)
            break
        except transitions.JobTaken:
            job = deduplication.settle(site, asker.key, job)
    claim.bound = content is not None
    log.info("accepted", import_id=id, dataset=dataset.name)
    # a crash here leaves `queued` without a hint: the sweeper publishes it
    if not row.inline:
        site.hints.announce(id)
    return Accepted(row)


def _insert(site: Site, dataset: Dataset, values: dict[str, Any], claim: Claim, content: str | None) -> Import:
    kept = site.spool.read_mark(site.installation)
    with site.database.begin() as connection:
        now = claim.look(connection, kept)
        # held until the import is there: a drop finds it unfinished, or the import finds no dataset
        known = registry.hold_dataset(connection, dataset.name)
        if known is None or known.dataset != dataset:
            raise catalog.no_dataset(dataset.name, registry.list_datasets(connection))
        values = {"dataset": dataset.name, "created_at": now, "changed_at": now, **values}
        number = transitions.insert_import(connection, values)
        if content is not None:
            claim.bind(connection, content, number)
    return queries.recorded(number, values, now)  # all of it is known: no need to read it again


def _may_be_recorded(site: Site, id: str) -> bool:
    try:
        with site.database.begin() as connection:
            return queries.find_import(connection, id) is not None
    except DatabaseUnavailable:
        return True
