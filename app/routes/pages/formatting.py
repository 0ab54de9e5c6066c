"""Words: states, events and figures as people read them, on the page. Its scripts get the same phrases."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.domain.requests.revert import Kind
from app.domain.states import FINAL, NEVER_COMMIT, STOPPABLE
from app.lifecycle.imports import stop
from app.routes.pages import revert_words

STATES = {
    "queued": "Queued",
    "paused": "Paused",  # of a queued import
    "running": "Running",
    "committing": "Committing",
    "committed": "Committed",
    "reverted": "Reverted",  # of a committed import
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
    "erased": "A person's data erased",
    "revert_accepted": "Revert accepted",
    "revert_ended": "The revert ended without a change",
    "revert_shortened": "Can be reverted until",
    "reverted": "Reverted",
    "returned": "Rows brought back",
    "tried_again": "Retried",
    "paused": "Paused",
    "resumed": "Resumed",
    "lost_branch": "A branch was lost: an operator must resolve it",
    "heuristic_decision": "An operator resolved a branch",
}
# the import that an event names, in its detail, and the words of the link
EVENT_LINKS = {
    "tried_again": ("import", "as a new import"),
    "revert_accepted": ("revert", "Show the revert"),
    "revert_ended": ("revert", "Show the revert"),
    "reverted": ("revert", "Show the revert"),
    "returned": ("revert", "Show what brought them back"),
}
WHY_NO_STOP: dict[str, str] = {
    "stopping": "the import was stopped and will never commit: its rows are being undone",
    "stopped": "the import was stopped: none of its rows is left",
    # as the refusal says, without its "too late"
    **{str(state): refusal.partition(": ")[2] for state, refusal in stop.TOO_LATE.items()},
}
RETRY = {"stopped": "Retry", "failed": "Retry", "checked": "Import it now", "reverted": "Import it again"}
ON_ERROR = {"abort": "fail the import", "reject": "are rejected"}
ON_CONFLICT = {"fail": "fail the import", "skip": "stay as they are", "update": "are updated"}
ON_CHANGED = {"fail": "fail the revert", "skip": "stay as they are", "force": "changed ones are reverted, too"}
# of rows that are gone after the commit
IN_TABLE, DELETED, MISSING, COUNTED = "in the table", "deleted", "deleted by another program", "counted"
PUT_BACK = "what it updated has its old values back"
STILL_PAUSED = "it stays paused, because all imports or its dataset are: `backout resume` with --all or --dataset"
GENERATED = "generated rows"
STOPPED_BY = "stopped by"  # beside who asked for a handling
UNNAMED = "a file without a name"


def phrases(more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the scripts of the page say too, with `more` of one page; base.html has it as JSON."""
    return {
        **(more or {}),
        "states": STATES,
        "final": sorted(FINAL),
        "stoppable": sorted(STOPPABLE),
        "never_commit": sorted(NEVER_COMMIT),
        "events": EVENTS,
        "event_links": EVENT_LINKS,
        "why_no_stop": WHY_NO_STOP,
        "retry": RETRY,
        "still_paused": STILL_PAUSED,
        "generated": GENERATED,
        "unnamed": UNNAMED,
        "put_back": PUT_BACK,
        "stopped_by": STOPPED_BY,
        **revert_words.PHRASES,
        "rows_gone": {"in_table": IN_TABLE, "deleted": DELETED, "missing": MISSING, "counted": COUNTED},
    }


def count(number: int | None) -> str:
    """1234567 → 1,234,567."""
    return "–" if number is None else f"{number:,}"


def rows(number: int) -> str:
    """1234 → 1,234 rows."""
    return "1 row" if number == 1 else f"{count(number)} rows"


def is_revert(shown: dict[str, Any]) -> bool:
    """Whether what the ledger of imports has here is a revert."""
    return bool(shown["source"]["kind"] == Kind.REVERT)


def has_one_target(shown: dict[str, Any]) -> bool:
    """Whether it is a revert of one import, or of one revert."""
    return is_revert(shown) and shown["source"].get("imports", 1) == 1


def target(shown: dict[str, Any]) -> str:
    """The words of the link to what a revert takes back."""
    return revert_words.SHOW_TARGET["revert" if revert_words.is_return(shown["source"]) else "import"]


def state(shown: dict[str, Any]) -> str:
    """The state that people see: a pause holds some of the queued imports, and a revert has taken some back."""
    return "paused" if shown.get("paused") else "reverted" if shown.get("reverted_by") else str(shown["state"])


def gone(shown: dict[str, Any]) -> str:
    """What became of an import's rows after the commit: nothing, or that some or all of them were deleted, and what it
    updated was put back. Of a revert: that its rows are there again."""
    if is_revert(shown):
        return revert_words.RETURNED if shown.get("reverted_by") else ""
    deleted, done, is_reverted = shown["rows_deleted"], shown["rows_done"], shown.get("reverted_by")
    missing = done - deleted - shown["rows_kept"] if shown.get("rows_counted_at") else 0
    parts = []
    if missing > 0:
        causes = [f"{count(deleted)} {DELETED}"] if deleted else []
        causes += [f"{count(missing)} {MISSING}, {counted(shown)}"]
        parts.append(f"{count(shown['rows_kept'])} of its {rows(done)} {IN_TABLE} ({', '.join(causes)})")
    elif deleted:
        whole = "its 1 row" if done == 1 else f"all of its {rows(done)}"
        which = whole if deleted >= done else f"{count(deleted)} of its {rows(done)}"
        parts.append(f"{which} {'was' if deleted == 1 else 'were'} {'removed' if is_reverted else 'deleted since'}")
    if is_reverted and shown["rows_updated"]:
        parts.append(PUT_BACK)
    return "; ".join(parts)


def counted(shown: dict[str, Any]) -> str:
    """When an import's rows were last counted; nothing if they never were."""
    at = shown.get("rows_counted_at")
    return f"{COUNTED} {instant(at)}" if at else ""


def labels(shown: dict[str, Any]) -> dict[str, str]:
    """How the rows of a revert are called that it removes and that it puts back."""
    is_undone = shown["state"] in NEVER_COMMIT and shown["rows_done"] + shown["rows_updated"]
    undone = "undone" if is_undone else "done"
    return revert_words.labels(shown["source"])["would" if shown.get("dry_run") else undone]


def of(shown: dict[str, Any]) -> str:
    """What stands beside the rows in the list: how many there are in all, or what a revert did to them."""
    return f" {labels(shown)['removed']}" if is_revert(shown) else f" of {count(shown['rows_total'])}"


def rest(shown: dict[str, Any]) -> str:
    """What a revert did beside removing rows: it put some back, and left some."""
    if not is_revert(shown):
        return ""
    restored, left = shown["rows_updated"], shown["rows_skipped"]
    parts = [f"{rows(restored)} {labels(shown)['restored']}"] if restored else []
    return ", ".join(parts + ([f"{rows(left)} {labels(shown)['left']}"] if left else []))


def event(told: dict[str, Any], source: dict[str, Any]) -> str:
    """A line of a timeline."""
    kind, detail = told["event"], told["detail"] or {}
    is_import = source["kind"] != Kind.REVERT
    of_revert = None if is_import else revert_words.events(source).get(kind)
    text = of_revert or EVENTS.get(kind, kind)
    more = None
    if kind == "queued":
        more = detail.get("reason")
    elif kind == "reverted" and is_import:
        counts = {"removed": "rows_deleted", "put back": "rows_restored", "in the way": "rows_left"}
        more = ", ".join(f"{rows(detail[name])} {word}" for word, name in counts.items() if detail.get(name))
    elif kind == "returned":
        more = rows(detail.get("rows", 0))
    elif kind == "revert_shortened":
        return f"{text} {instant(detail.get('until'))}"
    return f"{text}: {more}" if more else text


def link(told: dict[str, Any]) -> tuple[str, str] | None:
    """The import that a line of a timeline leads to, and the words of the link."""
    name, words = EVENT_LINKS.get(told["event"], ("", ""))
    id = (told["detail"] or {}).get(name)
    return (str(id), words) if id else None


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


def name(source: dict[str, Any]) -> str:
    """What an import loads: its file's name, or that it is generated."""
    if source["kind"] == "generated":
        rows = source["rows"]
        return f"{rows:,} {GENERATED}" if isinstance(rows, int) else GENERATED
    if source["kind"] == Kind.REVERT:
        return revert_words.name_of_revert(source)
    return str(source.get("name") or UNNAMED)


def share(percent: float) -> str:
    """99.95 → 99.9 %."""
    return f"{percent:g} %"
