"""Serializers: how an import, an event and a row look in JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.db.imports.queries import Event
from app.domain.imports import Import
from app.domain.requests.revert import RowsAsked
from app.domain.states import State

CELERY_STATUS = {
    State.QUEUED: "PENDING",
    State.RUNNING: "STARTED",
    State.COMMITTING: "STARTED",
    State.STOPPING: "STARTED",
    State.FAILING: "STARTED",
    State.COMMITTED: "SUCCESS",
    State.STOPPED: "REVOKED",
    State.FAILED: "FAILURE",
    State.CHECKING: "STARTED",
    State.CHECKED: "SUCCESS",
}


def serialize_import(row: Import, timeline: list[Event] | None = None) -> dict[str, Any]:
    """An import as `/v1` shows it; times are UTC, sizes bytes, durations seconds."""
    source = row.source
    shown: dict[str, Any] = {
        "id": row.id,
        "number": row.number,
        "dataset": row.dataset,
        "state": row.state,
        "phase": row.phase,
        "paused": row.paused,
        "percent": row.percent,
        "rows_done": row.rows_done,
        "rows_kept": row.rows_kept,
        "rows_total": row.rows_total,
        "bytes_done": row.bytes_done,
        "bytes_total": source.bytes_total,
        "arriving": row.arriving,
        "priority": row.priority,
        "rows_per_second": row.rows_per_second,
        "eta_seconds": row.eta_seconds,
        "attempt": {"number": row.attempts, "rows": row.attempt_rows, "bytes": row.attempt_bytes},
        "rows_deleted": row.rows_deleted,
        "rows_counted": row.rows_counted,
        "rows_counted_at": serialize_time(row.rows_counted_at),
        "rows_updated": row.rows_updated,
        "rows_skipped": row.rows_skipped,
        "rows_rejected": row.rows_rejected,
        "rows_blank": row.rows_blank,
        "on_error": row.policy.on_error,
        "max_rejects": row.policy.max_rejects,
        "on_conflict": row.policy.on_conflict,
        "dry_run": row.policy.dry_run,
        **row.policy.control.as_json(),
        "sequence": row.sequence,
        "error": row.error,
        "retry_of": row.retry_of,
        "created_by": row.client or None,
        "stopped_by": row.stopped_by,
        "paused_by": row.paused_by if row.paused else None,
        "reverted_by": row.reverted_by,
        "reverted_by_client": row.reverted_by_client if row.reverted_by else None,
        "reverted_at": serialize_time(row.reverted_at),
        "source": _serialize_source(row),
        "created_at": serialize_time(row.created_at),
        "started_at": serialize_time(row.started_at),
        "decided_at": serialize_time(row.decided_at),
        "finished_at": serialize_time(row.finished_at),
        "links": _links(row),
    }
    if timeline is not None:
        shown["timeline"] = [serialize_event(event) for event in timeline]
    return shown


def _serialize_source(row: Import) -> dict[str, Any]:
    source, revert = row.source, row.revert
    if revert is not None:
        return {
            "kind": "revert",
            "import": revert.target_id,
            "imports": revert.imports,
            "of_revert": revert.of_revert,
            "name": revert.target_name,
            "on_changed": revert.on_changed,
            "dependents": revert.dependents,
            "keep_images": revert.keep_images,
            **({"rows": serialize_rows_asked(revert.rows)} if revert.rows is not None else {}),
            "reason": revert.reason,
        }
    if source.generate is not None:
        return {"kind": "generated", "rows": source.generate, "seed": source.seed}
    return {
        "kind": "file",
        "name": source.file_name,
        **(source.file_format.as_public_json() if source.file_format else {}),
        "bytes": source.bytes_total,
        **({"template": source.template} if source.template else {}),
    }


def serialize_rows_asked(rows: RowsAsked) -> dict[str, Any]:
    """Which rows a partial revert takes, as a client asks for them."""
    ranges = [f"{first}-{'' if last is None else last}" for first, last in rows.ranges]
    return {"filter": dict(rows.equal), "ranges": ranges}


def serialize_event(event: Event) -> dict[str, Any]:
    """A line of an import's timeline."""
    return {
        "sequence": event.sequence,
        "at": serialize_time(event.at),
        "event": event.kind,
        "by": event.client,
        "detail": event.detail,
    }


def _links(row: Import) -> dict[str, str]:
    this = f"/v1/imports/{row.id}"
    links = {"self": this, "stop": f"{this}/stop", "events": f"{this}/events", "page": f"/imports/{row.id}"}
    return links | {"rejects": f"{this}/rejects"} if row.rows_rejected else links


def serialize_time(at: datetime | None) -> str | None:
    """An instant of the ledger, which is UTC, in ISO 8601."""
    return None if at is None else at.isoformat(timespec="milliseconds") + "Z"


def serialize_row(row: dict[str, Any]) -> dict[str, Any]:
    """A loaded row: decimals as text, so that they are read back exactly."""
    return {name: _show_value(value) for name, value in row.items()}


def _show_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() + "Z" if isinstance(value, datetime) else value
