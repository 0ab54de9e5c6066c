"""Stream upload: an import is loaded while its upload still comes in, and fails as a whole when the upload breaks."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

import structlog

from app.db.imports import queries, transitions, uploads
from app.domain.caller import Caller
from app.domain.errors import AlreadyDecided, AlreadyRunning, ImportFailed, InvalidContent
from app.domain.imports import Import
from app.lifecycle import freeze
from app.lifecycle.imports import rollback, stop
from app.lifecycle.imports.accept import IncomingImport, record
from app.lifecycle.imports.idempotency import (
    Accepted,
    IdempotencyClaim,
    dedup_key_of,
    hold_idempotency_key,
    refuse_again,
    resolve_duplicate,
)
from app.lifecycle.imports.loading.heartbeat import UploadHeartbeat
from app.lifecycle.imports.options import ImportOptions
from app.lifecycle.services import Services
from app.spool import Upload

HEAD_BYTES = 4 * 1024 * 1024  # what must be there before it is judged: more than `check_head` reads
TEXT_FORMATS = ("csv", "ndjson", "json")

log = structlog.get_logger(__name__)


@contextmanager
def open_stream(services: Services, options: ImportOptions, caller: Caller) -> Iterator["IncomingStream"]:
    """`open_upload`, but the import is recorded, and may be loaded, once the file's head is in `upload`. It commits
    only when the whole file is durable.

    Raises as `open_upload`, and `AlreadyDecided` when the import was stopped or failed while its file came. Left with
    an error, an import that was recorded fails and nothing of it stays: also when the last byte shows that the caller
    has the same file under way.
    """
    with hold_idempotency_key(services, caller, None) as claim, ExitStack() as ending:
        if claim.held is None:
            freeze.require_sweeping(services)  # before a large body is sent for nothing; `record` decides
        incoming = IncomingStream(services, options, caller, claim)
        incoming.upload = ending.enter_context(services.spool.receive(incoming.id, incoming.check_in))
        ending.enter_context(incoming)
        yield incoming


class IncomingStream:
    """One upload that is loaded while it comes. Left with an exception, its import fails."""

    upload: Upload

    def __init__(self, services: Services, options: ImportOptions, caller: Caller, claim: IdempotencyClaim) -> None:
        self.id = str(uuid4())
        self._services, self._options, self._caller, self._claim = services, options, caller, claim
        self._row: Import | None = None
        self._lost = Event()
        self._beat = ExitStack()

    def __enter__(self) -> "IncomingStream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._beat.close()
        if error is not None and self._row is not None:
            self._break_off(self._row, error)

    def check_in(self) -> None:
        """After each piece of the body: begin once the head is there; raise when the import is not wanted any more."""
        self._claim.renew()
        if self._row is not None:
            self.upload.flush()
            if self._lost.is_set():
                raise self._decided()
        elif self._services.spool.grows and self.upload.bytes >= HEAD_BYTES and self._claim.held is None:
            self._begin()

    def accept(self) -> Accepted:
        """Accept it, now that the whole file is in `upload`: from here on the import may commit, unless the same file
        is under way already. Raises as `IncomingImport.accept`."""
        self.upload.flush()
        if self._row is None:
            _require_text(self._options.describe(self.upload))
            whole = IncomingImport(self._services, self._caller, self._claim, self.id, self.upload)
            return whole.accept(self._options)
        content = self._options.content(self.upload)
        mine = dedup_key_of(self._caller.client, content)
        if self._caller.key is None:
            refuse_again(self._services.database, mine)
        self.upload.commit()
        # a crash here leaves an import that waits for its file's end: failed when the web server's lease runs out
        dedup_key: str | None = mine
        while True:
            try:
                row = self._record_end(content, dedup_key)
                break
            except transitions.DuplicateInFlight:
                dedup_key = resolve_duplicate(self._services.database, self._caller.key, dedup_key)
        if row is None:
            raise self._decided()
        self._claim.bound = True
        return Accepted(row)

    def _record_end(self, content: str, dedup_key: str | None) -> Import | None:
        assert self._row is not None
        with self._services.database.begin() as connection:
            if not uploads.record_upload(connection, self._row.number, self.upload.bytes, dedup_key):
                return None
            self._claim.bind(connection, content, self._row.number)
            return queries.find_numbered(connection, self._row.number) or self._row

    def _begin(self) -> None:
        self.upload.flush()
        values = self._options.describe(self.upload)
        _require_text(values)
        lease = self._services.settings.lease_seconds
        values |= {"spool_name": self.id, "upload_lease_until": transitions.seconds_from_now(lease)}
        accepted = record(self._services, self._options.dataset, self.id, values, self._caller, self._claim, None)
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
