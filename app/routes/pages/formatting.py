"""Words: numbers, sizes, durations and states as people read them. The scripts of the page have the same."""

from datetime import datetime

STATES = {
    "queued": "Queued",
    "running": "Running",
    "committing": "Committing",
    "committed": "Committed",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "failing": "Failing",
    "failed": "Failed",
    "checking": "Checking",
    "checked": "Checked",
}
EVENTS = {
    "queued": "Queued",
    "running": "Taken up by a worker",
    "committing": "Decided: it commits",
    "committed": "Committed: every row is there",
    "stopping": "Stopped: what was loaded is being undone",
    "stopped": "Nothing of it is left",
    "failing": "Failed: what was loaded is being undone",
    "failed": "Failed: nothing of it is left",
    "checking": "Dry run over: its rows are being undone",
    "checked": "Dry run over: nothing of it was kept",
    "rows_deleted": "Rows were deleted",
    "tried_again": "Tried again",
    "forced": "A branch was finished by a person",
}


def count(number: int | None) -> str:
    """1234567 → 1,234,567."""
    return "–" if number is None else f"{number:,}"


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
        return f"{rows:,} generated rows" if isinstance(rows, int) else "generated rows"
    return str(source.get("name") or "a file without a name")


def share(percent: float) -> str:
    """99.95 → 99.9 %."""
    return f"{percent:g} %"
