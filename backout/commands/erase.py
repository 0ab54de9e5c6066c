"""`backout admin erase`: a person's data, removed."""

from typing import Any

import click

from backout.commands.context import DATASET, YES, Session, command, confirm
from backout.commands.exit_codes import Exit


class ColumnValue(click.ParamType[tuple[str, str]]):
    """A column and its value: column=value."""

    name = "column=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the column and the value. A wrong one is not repeated: it may be a person's."""
        if isinstance(value, tuple):
            return value
        column, equals, text = str(value).partition("=")
        if not equals or not column:
            self.fail("write a column and a value: column=value", param, ctx)
        return column, text


@click.command()
@DATASET
@click.option(
    "--where",
    "pairs",
    type=ColumnValue(),
    multiple=True,
    required=True,
    help="A column with a value of the person's rows; may be repeated: a row has all of them.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@YES
@command
def erase(session: Session, dataset: str, pairs: tuple[tuple[str, str], ...], dry_run: bool, yes: bool) -> int:
    """Erase a person's rows and all that is kept of them: what they were before, rejects, slips, error texts, and the
    uploads of all ended imports of the dataset. No revert brings them back.

    Exit code 1 if something is left, which the answer names: it is safe to repeat.
    """
    where = dict(pairs)
    if len(where) < len(pairs):
        raise click.UsageError("--where has two values for one column: a row has one")
    client = session.client
    if not dry_run:
        confirm(lambda: f"Erase for ever: {_count(client.erase(dataset, where, dry_run=True))}?", yes)
    found = client.erase(dataset, where, dry_run=dry_run)
    left = [f"left: {one['reason']}" + (f" (import {one['import']})" if one["import"] else "") for one in found["left"]]
    session.show(found, *_table(found), *left, *([] if dry_run or left else ["complete"]))
    return Exit.FAILED if left and not dry_run else Exit.DONE


def _table(found: dict[str, Any]) -> list[str]:
    head = "TO ERASE" if found["dry_run"] else "ERASED"
    return [f"{'PLACE':<12}{head:>12}"] + [f"{place:<12}{count:>12,}" for place, count in found["counts"].items()]


def _count(found: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} {place}" for place, count in found["counts"].items() if count) or "nothing found yet"
