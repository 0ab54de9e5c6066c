"""`backout revert`: take committed imports out of the table again."""

import click

from backout.client import Import
from backout.client.states import State
from backout.commands.context import Duration, Session, command
from backout.commands.exit_codes import Exit, code_of_import
from backout.commands.show import describe


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
    """Revert committed imports, one after the other: rows that they brought are deleted, rows that they updated get
    their old values back. What someone has changed since stands in the way.

    Exit code 8 if rows stand in the way, 4 if an import can't be reverted; the next ones are left alone then. A dry run
    always waits.
    """
    found: list[Import] = []
    code = Exit.DONE
    for id in ids:
        one = session.client.revert(id, dry_run=dry_run, on_changed=on_changed, reason=reason)
        if wait or dry_run or timeout is not None:
            one = session.client.wait(one.id, timeout=timeout)
            code = _code_of(one)
        found.append(one)
        if code not in (Exit.DONE, Exit.CHANGED) or (code is Exit.CHANGED and on_changed == "fail" and not dry_run):
            break
    lines = [line for one in found for line in (*_describe(one), "")]
    session.show({"reverts": [one.document for one in found]}, *lines[:-1])
    return code


def _code_of(one: Import) -> Exit:
    return Exit.CHANGED if one.rows_rejected and one.state != State.STOPPED else code_of_import(one)


def _describe(one: Import) -> list[str]:
    if not one.is_final:
        return [f"{one.id}  {one.state}"]
    would = "would be " if one.dry_run else ""
    lines = (
        [*describe(one), f"deleted   {one.rows_done:,} rows {would}deleted".rstrip()] if one.is_done else describe(one)
    )
    if one.is_done and one.rows_updated:
        lines.append(f"restored  {one.rows_updated:,} rows {would}put back")
    if one.rows_rejected:
        lines.append(f"in the way: `backout rejects {one.id}` lists what")
    return lines
