"""`backout status`, `watch`, `stop`, `list`, `rejects` and `count`: show or stop imports, count rows."""

import json
import sys
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

import click

from backout.client import Import
from backout.client.states import State
from backout.commands.context import DATASET, Duration, Session, command, is_watched
from backout.commands.exit_codes import Exit, code_of_import
from backout.commands.progress import follow, interrupt, report_end


@click.command()
@click.argument("id")
@command
def status(session: Session, id: str) -> int:
    """Show an import. The exit code is 0 in every state."""
    found = session.client.get(id)
    session.show(found.document, *describe(found))
    return Exit.DONE


def describe(found: Import) -> list[str]:
    """Describe an import in lines of text."""
    total = f" of {found.rows_total:,}" if found.rows_total is not None else ""
    paused = f", paused{_by(found, 'paused_by')}" if found.is_paused else ""
    lines = [
        f"id        {found.id}",
        f"state     {found.state}{paused}",
        f"dataset   {found.dataset}",
        f"source    {_source(found)}",
        f"progress  {found.percent:g} %, {found.rows_done:,}{total} rows",
        f"kept      {found.rows_kept:,} rows",
    ]
    counts = {"updated": found.rows_updated, "skipped": found.rows_skipped, "rejected": found.rows_rejected}
    counts |= {"blank": found.rows_blank, "deleted": found.document.get("rows_deleted", 0)}
    lines += [f"{name:<10}{number:,} rows" for name, number in counts.items() if number]
    if counted := _describe_count(found):
        lines.append(f"counted   {found.document['rows_counted']:,} rows in the table, {counted}")
    if found.eta_seconds is not None:
        lines.append(f"left      {found.eta_seconds:g} s at {found.rows_per_second:,.0f} rows/s")
    if found.document.get("reverted_by"):
        asked = found.document.get("reverted_by_client")
        by = f"{found.document['reverted_by']}{f' ({asked})' if asked else ''}"
        lines.append(f"reverted  {found.document['reverted_at']} by {by}")
    lines.append(f"accepted  {_time(found.created_at)}{_by(found, 'created_by')}")
    if found.finished_at is not None:
        lines.append(f"ended     {_time(found.finished_at)}{_by(found, 'stopped_by')}")
    if found.failure is not None:
        lines.append(f"error     {found.failure.message}")
    return lines


def _by(found: Import, field: str) -> str:
    name = found.document.get(field)
    return f" by {name}" if name else ""


@click.command()
@click.argument("id")
@click.option("--timeout", type=Duration(), help="Wait at most for 90s, 15m, 1h30m.")
@click.option("--stop-on-interrupt", is_flag=True, help="Ctrl-C stops the import; by default it goes on.")
@command
def watch(session: Session, id: str, timeout: float | None, stop_on_interrupt: bool) -> int:
    """Follow an import to its end: with a bar; in a pipe with a line, or with --json a document, for each change.

    The exit code shows how it ended, as for `import --wait`.
    """
    if is_watched() and not session.as_json:
        ended = follow(session, id, timeout=timeout, stop_on_interrupt=stop_on_interrupt)
        report_end(session, ended)
        return code_of_import(ended)
    found = None
    try:
        for found in session.client.watch(id, timeout=timeout):
            line = json.dumps(found.document) if session.as_json else _line(found)
            click.echo(line)
    except KeyboardInterrupt:
        raise interrupt(session, id, found, stop=stop_on_interrupt) from None
    assert found is not None
    report_end(session, found)
    return code_of_import(found)


def _line(found: Import) -> str:
    return f"{found.state}\t{found.percent:g} %\t{found.rows_done} rows"


@click.command()
@click.argument("id")
@command
def stop(session: Session, id: str) -> int:
    """Stop an import: after the answer it will never commit. Exit code 4 if it is too late."""
    found = session.client.stop(id)
    undone = "none of its rows is left" if found.state == State.STOPPED else "its rows are being undone"
    session.show(found.document, f"stopped: it will never commit, and {undone}")
    return Exit.DONE


@click.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help="Only imports in this state; may be repeated.",
)
@click.option("--dataset", metavar="NAME", help="Only imports into this table.")
@click.option("--created-by", metavar="NAME", help="Only imports that the client of this name sent.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="At most so many, the newest.")
@command
def list_(session: Session, states: tuple[str, ...], dataset: str | None, created_by: str | None, limit: int) -> int:
    """List imports, newest first."""
    imports = session.client.imports(states=states, dataset=dataset, created_by=created_by)
    found = list(islice(imports, limit))
    width = max((len(one.created_by or "") for one in found), default=0)  # none where no one is asked who asks
    who = f"{'BY':<{max(width, 2)}}  " if width else ""
    lines = [f"{'ID':<36}  {'STATE':<10}  {'ROWS':>12}  {'%':>5}  {'ACCEPTED':<20}  {who}SOURCE"]
    lines += [_row(one, width) for one in found]
    session.show({"imports": [one.document for one in found]}, *lines)
    return Exit.DONE


def _row(one: Import, width: int) -> str:
    who = f"{one.created_by or '':<{max(width, 2)}}  " if width else ""
    state = "paused" if one.is_paused else "reverted" if one.document.get("reverted_by") else one.state
    figures = f"{one.rows_done:>12,}  {one.percent:>5g}  {_time(one.created_at):<20}"
    deleted = one.document.get("rows_deleted")
    gone = [f"{deleted:,} rows deleted"] if deleted else []
    if _count_missing(one):
        gone.append(_describe_count(one))
    left = f" ({', '.join(gone)})" if gone else ""
    return f"{one.id:<36}  {state:<10}  {figures}  {who}{_source(one)}{left}"


def _count_missing(found: Import) -> int:
    """How many rows of the import another program had deleted when they were last counted."""
    if found.document.get("rows_counted") is None:
        return 0
    return max(0, found.rows_done - int(found.document.get("rows_deleted", 0)) - found.rows_kept)


def _describe_count(found: Import) -> str:
    """When an import's rows were last counted, and how many were missing; nothing if they never were."""
    at = found.document.get("rows_counted_at")
    if at is None:
        return ""
    missing = _count_missing(found)
    gone = f"{missing:,} deleted by another program, " if missing else ""
    return f"{gone}at {_time(datetime.fromisoformat(at))}"


@click.command()
@click.argument("id")
@click.option("--format", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of standard output."
)
@command
def rejects(session: Session, id: str, format: str, output: Path | None) -> int:
    """Print the rejected rows of an import. You can fix the CSV file and send it again.

    With --json the document has the first 1,000.
    """
    if session.as_json and output is None:
        session.show(json.loads(b"".join(session.client.rejects_file(id, "json"))))
        return Exit.DONE
    if output is None:
        _copy(session, id, format, sys.stdout.buffer)
        return Exit.DONE
    try:
        with output.open("wb") as file:
            written = _copy(session, id, format, file)
    except OSError as error:
        raise click.UsageError(f"{output} can't be written: {error.strerror}") from None
    session.show({"id": id, "file": str(output), "bytes": written}, f"{written:,} bytes in {output}")
    return Exit.DONE


def _copy(session: Session, id: str, format: str, file: IO[bytes]) -> int:
    written = 0
    for piece in session.client.rejects_file(id, format):
        written += file.write(piece)
    file.flush()
    return written


@click.command()
@DATASET
@click.option("--import", "import_id", metavar="ID", help="Only the rows of this import.")
@command
def count(session: Session, dataset: str, import_id: str | None) -> int:
    """Count the visible rows."""
    number = session.client.count(dataset, import_id=import_id)
    session.show({"dataset": dataset, "import": import_id, "count": number}, str(number))
    return Exit.DONE


def _source(found: Import) -> str:
    source = found.document.get("source", {})
    if source.get("of_revert"):
        return f"rows brought back: revert {source.get('import')}"
    if source.get("kind") == "revert":
        several = source.get("imports", 1)
        return f"revert of {f'{several:,} imports' if several > 1 else source.get('import')}"
    return str(source.get("name") or ("generated" if source.get("kind") == "generated" else "-"))


def _time(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
