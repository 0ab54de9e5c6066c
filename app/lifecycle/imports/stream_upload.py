"""Arrive: an import is loaded while its upload still comes in, and fails as a whole when the upload breaks."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from threading import Event
from typing import Any
from uuid import uuid4

import structlog

from app.db.imports import queries, transitions, uploads
from app.domain.caller import Caller
from app.domain.dataset import Dataset
from app.domain.errors import AlreadyDecided, AlreadyRunning, ImportFailed, InvalidContent
from app.domain.imports import Import
from app.lifecycle.imports import deduplication, rollback, stop
from app.lifecycle.imports.accept import Form, accept_whole, record
from app.lifecycle.imports.idempotency import Accepted, IdempotencyClaim, hold_idempotency_key
from app.lifecycle.imports.loading.heartbeat import UploadHeartbeat
from app.lifecycle.imports.options import ImportOptions, parse_import_options
from app.lifecycle.services import Services
from app.spool import Upload

HEAD_BYTES = 4 * 1024 * 1024  # what must be there before it is judged: more than `check_head` reads
TEXT_FORMATS = ("csv", "ndjson", "json")

log = structlog.get_logger(__name__)


def accept_stream(
    services: Services,
    dataset: Dataset,
    receive: Callable[[Upload], Form | None],
    caller: Caller,
    *,
    options: Mapping[str, str] | None = None,
    file_name: str | None = None,
    content_type: str | None = None,
) -> Accepted:
    """`accept_upload`, but the import is recorded, and may be loaded, once the file's head has come. It commits only
    when the whole file is durable.

    Raises as `accept_upload`, and `AlreadyDecided` when the import was stopped or failed while its file came. Whatever
    is raised after it was recorded, it fails, and nothing of it stays: also when the last byte shows that the caller
    has the same file under way.
    """
    wishes = parse_import_options(dataset, options or {}, file_name, content_type)
    with hold_idempotency_key(services, caller, None) as claim, ExitStack() as ending:
        arrival = _Arrival(services, wishes, caller, claim)
        upload = ending.enter_context(services.spool.receive(arrival.id, lambda: arrival.check_in(upload)))
        ending.enter_context(arrival)
        receive(upload)
        upload.flush()
        if not arrival.begun:
            _require_text(wishes.describe(upload))
            return accept_whole(services, arrival.id, upload, wishes, caller, claim)
        return arrival.end(upload)


class _Arrival:
    """One upload that is loaded while it comes. Left with an exception, its import fails."""

    def __init__(self, services: Services, wishes: ImportOptions, caller: Caller, claim: IdempotencyClaim) -> None:
        self.id = str(uuid4())
        self._services, self._wishes, self._asker, self._claim = services, wishes, caller, claim
        self._row: Import | None = None
        self._lost = Event()
        self._beat = ExitStack()

    @property
    def begun(self) -> bool:
        """Whether the import was recorded."""
        return self._row is not None

    def __enter__(self) -> "_Arrival":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._beat.close()
        if error is not None and self._row is not None:
            self._break_off(self._row, error)

    def check_in(self, upload: Upload) -> None:
        """After each piece of the body: begin once the head is there; raise when the import is not wanted any more."""
        self._claim.renew()
        if self._row is not None:
            upload.flush()
            if self._lost.is_set():
                raise self._decided()
        elif upload.bytes >= HEAD_BYTES and self._claim.held is None:
            self._begin(upload)

    def end(self, upload: Upload) -> Accepted:
        """The whole body has come: from here on the import may commit, unless the same file is under way already."""
        assert self._row is not None
        content = self._wishes.content(upload)
        mine = deduplication.dedup_key_of(self._asker.client, content)
        if self._asker.key is None:
            deduplication.refuse_again(self._services.database, mine)
        upload.commit()
        # a crash here leaves an import that waits for its file's end: failed when the web server's lease runs out
        dedup_key: str | None = mine
        while True:
            try:
                row = self._record_end(upload, content, dedup_key)
                break
            except transitions.DuplicateInFlight:
                dedup_key = deduplication.resolve_duplicate(self._services.database, self._asker.key, dedup_key)
        if row is None:
            raise self._decided()
        self._claim.bound = True
        return Accepted(row)

    def _record_end(self, upload: Upload, content: str, dedup_key: str | None) -> Import | None:
        assert self._row is not None
        with self._services.database.begin() as connection:
            if not uploads.record_upload(connection, self._row.number, upload.bytes, dedup_key):
                return None
            self._claim.bind(connection, content, self._row.number)
            return queries.find_numbered(connection, self._row.number) or self._row

    def _begin(self, upload: Upload) -> None:
        upload.flush()
        values = self._wishes.describe(upload)
        _require_text(values)
        lease = self._services.settings.lease_seconds
        values |= {"spool_name": self.id, "upload_lease_until": transitions.seconds_from_now(lease)}
        accepted = record(self._services, self._wishes.dataset, self.id, values, self._asker, self._claim, None)
        self._row = accepted.row
        self._beat.enter_context(
            UploadHeartbeat(
                self._services.database, self._services.settings.lease_seconds, accepted.row, on_loss=self._lost.set
            )
        )

    def _break_off(self, row: Import, error: BaseException) -> None:
        if isinstance(error, AlreadyRunning):
            failure = ImportFailed("already_running", f"nothing of it was kept: {error.detail}")
        else:
            reason = f"the upload broke off, and nothing of it was kept: {getattr(error, 'detail', error)}"
            failure = ImportFailed("upload_broken", reason)
        try:
            with self._services.database.begin() as connection:
                failed = uploads.fail_upload(connection, row.number, failure.as_dict())
                now = queries.find_numbered(connection, row.number) or row
            if failed:
                log.info(failure.code, import_id=row.id, reason=failure.reason)
                stop.end_load(self._services.database, self._services.installation, now)
                rollback.finish_rollback(self._services.database, self._services.installation, row.number)
        except Exception as other:  # noqa: BLE001 — the client is answered what broke its upload
            log.warning(failure.code, import_id=row.id, error=str(other) or type(other).__name__)  # its lease runs out

    def _decided(self) -> AlreadyDecided:
        assert self._row is not None
        with self._services.database.begin() as connection:
            row = queries.find_numbered(connection, self._row.number) or self._row
        return AlreadyDecided(f"the import is {row.state}: it was decided while its file arrived", import_id=row.id)


def _require_text(values: Mapping[str, Any]) -> None:
    if values["format"] not in TEXT_FORMATS:
        reason = f"stream=1 is for {', '.join(TEXT_FORMATS)}: of {values['format']} the end is needed first"
        raise InvalidContent(reason, errors=[{"field": "stream", "reason": reason}])
