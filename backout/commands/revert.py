"""`backout revert`: take committed imports out of the table again."""

from typing import Any

import click

from backout.client import BackoutError, Import
from backout.client.states import State
from backout.commands.context import Duration, Session, command
from backout.commands.exit_codes import Exit, code_of_error, code_of_import, show_error


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only look: what would happen, and what stands in the way.")
@click.option(
    "--on-changed",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    show_default=True,
    help="Where rows were changed since: do nothing, or leave those rows as they are.",
)
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the timeline.")
@click.option("--wait", is_flag=True, help="Wait for the end.")
@click.option("--timeout", type=Duration(), help="Wait at most for 90s, 15m, 1h30m.")
@command
def revert(
    session: Session,
    ids: tuple[str, ...],
    dry_run: bool,
    on_changed: str,
    reason: str | None,
    wait: bool,
    timeout: float | None,
) -> int:
    """Revert committed imports: rows that they brought are deleted, rows that they updated get their old values back.
    What someone has changed since stands in the way.

    A dry run waits, and so do several imports: each begins when the one before has ended. Exit code 8 if rows stand in
    the way, 4 if an import can't be reverted; the imports after it are left alone then.
    """
    shown: list[dict[str, Any]] = []
    lines: list[str] = []
    code = Exit.DONE
    failure: BackoutError | None = None
    for id in ids:
        try:
            one = session.client.revert(id, dry_run=dry_run, on_changed=on_changed, reason=reason)
            if wait or dry_run or timeout is not None or ids[1:]:
                one = session.client.wait(one.id, timeout=timeout)
            found = _find_outcome(session, id, one)
        except BackoutError as error:
            failure = error
            break
        shown.append({**one.document, "outcome": found})
        lines += [*_describe(id, one, found), ""]
        ended = _code_of(one) if one.is_final else Exit.DONE
        code = max(code, ended)
        if ended not in (Exit.DONE, Exit.CHANGED) or one.state == State.FAILED:
            break
    if failure is not None and not shown:
        raise failure
    document: dict[str, Any] = {"reverts": shown}
    if failure is not None:
        code = code_of_error(failure)
        document |= show_error(failure)
        lines += [f"Error: {failure.message}", ""]
    session.show(document, *lines[:-1])
    return code


def _find_outcome(session: Session, id: str, one: Import) -> dict[str, Any] | None:
    """What the revert did, or would do; None while it is not known."""
    if not one.is_final:
        return None
    return next((found for found in session.client.reverts(id)["reverts"] if found["id"] == one.id), None)


def _code_of(one: Import) -> Exit:
    return Exit.CHANGED if one.rows_rejected and one.state != State.STOPPED else code_of_import(one)


def _describe(id: str, one: Import, found: dict[str, Any] | None) -> list[str]:
    """Lines of text: what became of the import, and what stood in the way."""
    if not one.is_final:
        return [f"revert    {one.id}", f"import    {id}", f"state     {one.state}"]
    would = "would be " if one.dry_run else ""
    lines = [f"revert    {one.id}", f"import    {id}", f"state     {one.state}"]
    if one.is_done:
        lines.append(
            f"deleted   {one.rows_done:,} rows {would}deleted" if would else f"deleted   {one.rows_done:,} rows"
        )
        if one.rows_updated:
            lines.append(f"restored  {one.rows_updated:,} rows {would}put back")
    if one.failure is not None:
        lines.append(f"error     {one.failure.message}")
    for kind, rows in (found or {}).get("in_the_way", {}).items():
        lines.append(f"in way    {rows:,} {kind.replace('_', ' ')}")
    if one.rows_rejected:
        lines.append(f"see       backout rejects {one.id}")
    return lines
