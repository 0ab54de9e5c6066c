"""Words: states, events and figures as people read them, on the page. Its scripts get the same phrases."""

from datetime import datetime
from typing import Any

from app.domain.states import FINAL, STOPPABLE
from app.lifecycle.imports import stop

STATES = {
    "queued": "Queued",
    "paused": "Paused",  # of a queued import
    "running": "Running",
    "committing": "Committing",
    "committed": "Committed",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "failing": "Failing",
    "failed": "Failed",
    "checking": "Checking",
    "checked": "Checked",
    # of handlings, their orders and steps
    "pending": "Waiting",
    "done": "Done",
    "interrupted": "Interrupted",
}
EVENTS = {
    "queued": "Queued",
    "running": "Started by a worker",
    "committing": "Committing: it can no longer be stopped",
    "committed": "Committed: all of its rows are in the table",
    "stopping": "Stopped: its rows are being undone",
    "stopped": "Stopped: none of its rows is left",
    "failing": "Failed: its rows are being undone",
    "failed": "Failed: none of its rows is left",
    "checking": "Dry run finished: its rows are being undone",
    "checked": "Dry run finished: none of its rows was kept",
    "rows_deleted": "Rows deleted",
    "tried_again": "Retried",
    "paused": "Paused",
    "resumed": "Resumed",
    "lost_branch": "A branch was lost: an operator must resolve it",
    "heuristic_decision": "An operator resolved a branch",
}
WHY_NO_STOP: dict[str, str] = {
    "stopping": "the import was stopped and will never commit: its rows are being undone",
    "stopped": "the import was stopped: none of its rows is left",
    # as the refusal says, without its "too late"
    **{str(state): refusal.partition(": ")[2] for state, refusal in stop.TOO_LATE.items()},
}
RETRY = {"stopped": "Retry", "failed": "Retry", "checked": "Import it now"}
ON_ERROR = {"abort": "fail the import", "reject": "are rejected"}
ON_CONFLICT = {"fail": "fail the import", "skip": "stay as they are", "update": "are updated"}
STILL_PAUSED = "it stays paused, because all imports or its dataset are: `backout resume` with --all or --dataset"
GENERATED = "generated rows"
UNNAMED = "a file without a name"


def phrases() -> dict[str, Any]:
    """What the scripts of the page say too; base.html has it as JSON."""
    return {
        "states": STATES,
        "final": sorted(FINAL),
        "stoppable": sorted(STOPPABLE),
        "events": EVENTS,
        "why_no_stop": WHY_NO_STOP,
        "retry": RETRY,
        "still_paused": STILL_PAUSED,
        "generated": GENERATED,
        "unnamed": UNNAMED,
    }


def count(number: int | None) -> str:
    """1234567 → 1,234,567."""
    return "–" if number is None else f"{number:,}"


def gone(shown: dict[str, Any]) -> str:
    """What became of an import's rows after the commit: nothing, or that some or all of them were deleted."""
    deleted, done = shown["rows_deleted"], shown["rows_done"]
    if not deleted:
        return ""
    return f"{'all' if deleted >= done else count(deleted)} of its {count(done)} rows were deleted since"


def size(number: int | None) -> str:
    """Bytes → 1.5 MB."""
    if number is None:
        return "–"
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def instant(text: str | None) -> str:
    """An ISO instant → 2026-11-25 11:30:05 UTC; the scripts make it local."""
    return "–" if text is None else f"{text[:10]} {text[11:19]} UTC"


def duration(seconds: float | None) -> str:
    """75 → 1 min 15 s."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def between(start: str | None, end: str | None) -> str:
    """How long it was from one ISO instant to another."""
    if start is None or end is None:
        return "–"
    return duration((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


def name(source: dict[str, object]) -> str:
    """What an import loads: its file's name, or that it is generated."""
    if source["kind"] == "generated":
        rows = source["rows"]
        return f"{rows:,} {GENERATED}" if isinstance(rows, int) else GENERATED
    return str(source.get("name") or UNNAMED)


def share(percent: float) -> str:
    """99.95 → 99.9 %."""
    return f"{percent:g} %"
