"""`backout revert`: take committed imports out of the table again, or take such a revert back."""

import re
from typing import Any

import click

from backout.client import Import, RevertOptions
from backout.client.states import State
from backout.commands.context import Duration, Session, command
from backout.commands.exit_codes import Exit, code_of_import

# of the table's figures, by whether it takes back a revert and whether it is a dry run
HEADS = {
    (False, False): ("REMOVED", "PUT BACK", "LEFT"),
    (False, True): ("TO REMOVE", "TO PUT BACK", "TO LEAVE"),
    (True, False): ("BACK", "UPDATED", "LEFT"),
    (True, True): ("TO BRING", "TO UPDATE", "TO LEAVE"),
}
ROWS_DIFFER = "rows_differ"  # why a revert failed: the rows are not those that it was to find


class Rows(click.ParamType[str | tuple[str, str]]):
    """Some rows of an import: numbers such as 1-1000 or 5000-, or a column's value."""

    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | tuple[str, str]:
        """Return the range as it is, or the column and its value."""
        if re.fullmatch("[0-9]+-[0-9]*", value):
            return str(value)
        column, equals, text = str(value).partition("=")
        if not equals or not column:
            self.fail(f"{value!r} is neither numbers of rows, as 1-1000 or 5000-, nor column=value", param, ctx)
        return column, text


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only look: what would happen, and what stands in the way.")
@click.option(
    "--on-changed",
    type=click.Choice(["fail", "skip", "force"]),
    default="fail",
    show_default=True,
    help="Where rows were changed since: do nothing, leave those rows as they are, or revert what another program "
    "changed, too.",
)
@click.option(
    "--dependents",
    type=click.Choice(["restrict", "cascade"]),
    default="restrict",
    show_default=True,
    help="Where later imports updated the rows: those stand in the way, or are reverted, too.",
)
@click.option(
    "--rows",
    type=Rows(),
    multiple=True,
    metavar="TEXT",
    help="Only rows with these numbers (1-1000), or with this value (column=value); may be repeated.",
)
@click.option("--expected", metavar="FINGERPRINT", help="Do nothing if the rows are not those of this dry run.")
@click.option("--keep-images", is_flag=True, help="Keep what is taken, so that the revert can be reverted.")
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the timeline.")
@click.option("--wait", is_flag=True, help="Wait for the end.")
@click.option("--timeout", type=Duration(), help="Wait at most for 90s, 15m, 1h30m.")
@command
def revert(
    session: Session,
    ids: tuple[str, ...],
    rows: tuple[str | tuple[str, str], ...],
    wait: bool,
    timeout: float | None,
    **asked: Any,
) -> int:
    """Revert committed imports: rows that they brought are deleted, rows that they updated get their old values back.
    What someone has changed since stands in the way. Several imports of one dataset go in one transaction. The id of a
    revert that kept images brings back what it took.

    A dry run waits. Exit code 8 if rows stand in the way or are not those of --expected, 4 if an import can't be
    reverted; nothing was reverted then.
    """
    options: RevertOptions = {**asked, "rows": _choose(rows)}  # type: ignore[typeddict-item]
    client = session.client
    one = client.revert_imports(ids, **options) if ids[1:] else client.revert(ids[0], **options)
    if wait or one.dry_run or timeout is not None:
        one = client.wait(one.id, timeout=timeout)
    imports = client.reverts(one.id)["imports"]
    skips = client.reverts(ids[0])["later_skips"] if one.dry_run and not ids[1:] else []
    document = {**one.document, "imports": imports, "later_skips": skips}
    session.show(document, *_describe(one, imports), *_describe_skips(skips))
    return _code_of(one) if one.is_final else Exit.DONE


def _choose(rows: tuple[str | tuple[str, str], ...]) -> dict[str, Any] | None:
    """What `--rows` chooses, as the server has it; None without one."""
    ranges = [one for one in rows if isinstance(one, str)]
    filters = [one for one in rows if isinstance(one, tuple)]
    wanted = dict(filters)
    if len(wanted) < len(filters):
        raise click.UsageError("--rows has two values for one column: a row has one")
    chosen: dict[str, Any] = {"ranges": ranges, "filter": wanted}
    return {name: some for name, some in chosen.items() if some} or None


def _code_of(one: Import) -> Exit:
    differs = one.failure is not None and one.failure.code == ROWS_DIFFER
    in_the_way = one.rows_rejected and one.state != State.STOPPED
    return Exit.CHANGED if differs or in_the_way else code_of_import(one)


def _describe(one: Import, imports: list[dict[str, Any]]) -> list[str]:
    """Lines of text: what became of the revert and of each of its imports, and where what stood in its way is."""
    lines = [f"revert       {one.id}", f"state        {one.state}"]
    if one.failure is not None:
        lines.append(f"error        {one.failure.message}")
    if one.dry_run and imports and imports[0]["fingerprint"]:
        lines.append(f"fingerprint  {imports[0]['fingerprint']}")
    if one.rows_rejected:
        lines.append(f"see          backout rejects {one.id}")
    return lines + (["", *_table(one, imports)] if one.is_final and imports else [])


def _table(one: Import, imports: list[dict[str, Any]]) -> list[str]:
    """What became of each import, and of all together."""
    back = bool(one.document["source"].get("of_revert"))
    heads = HEADS[back, one.dry_run]
    lines = [_row("REVERT" if back else "IMPORT", heads, "IN THE WAY")]
    for found in imports:
        counts = [found["rows_deleted"], found["rows_restored"], found["rows_left"]]
        if back and one.is_done:
            counts[0] = one.rows_done  # it has deleted none
        way = ", ".join(f"{rows:,} {kind.replace('_', ' ')}" for kind, rows in found["in_the_way"].items())
        lines.append(_row(found["import"], map(_count, counts), way))
    if imports[1:] and one.is_done:
        lines.append(_row("together", map(_count, (one.rows_done, one.rows_updated, one.rows_skipped)), ""))
    return lines


def _row(name: str, figures: Any, way: str) -> str:
    return f"{name:<36}  {'  '.join(f'{text:>11}' for text in figures)}  {way}".rstrip()


def _count(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def _describe_skips(skips: list[dict[str, Any]]) -> list[str]:
    """The later imports that have skipped rows, perhaps because of these."""
    if not skips:
        return []
    lines = ["", "Later imports skipped rows, perhaps because of these. A revert does not bring those back:"]
    return lines + [f"{one['id']:<36}  {one['rows_skipped']:>11,} skipped" for one in skips]
