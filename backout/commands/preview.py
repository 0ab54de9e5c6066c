"""`backout preview`: show how the server would read a file, before it is imported."""

import json
import shlex
from typing import Any

import click

from backout.client import Preview
from backout.commands.context import Session, command
from backout.commands.exit_codes import Exit
from backout.commands.file_options import file_options, stdin

_STATUSES = {"left_out": "(left out)", "unknown": "?", "doubled": "(twice)", "unnamed": "(no name)"}


@click.command()
@click.argument("source", metavar="FILE|-")
@file_options
@command
def preview(session: Session, source: str, dataset: str | None, file_name: str | None, **options: Any) -> int:
    """Show how the server would read FILE, or standard input for `-`. Nothing is imported.

    For unknown columns it suggests the option --columns. Exit code 1 if an import would refuse the file.
    """
    given = {name: value for name, value in options.items() if value is not None}
    file = stdin() if source == "-" else source
    found = session.client.preview(file, dataset=dataset, file_name=file_name, **given)
    session.show(found.document, *_describe(found))
    return Exit.DONE if found.problem is None else Exit.FAILED


def _describe(found: Preview) -> list[str]:
    suggested = {each.get("name"): each for each in found.suggestions}
    lines = [f"{'COLUMN OF THE FILE':<30}  COLUMN OF THE DATASET"]
    for at, column in enumerate(found.columns, 1):
        name, status = column.get("name"), column.get("status")
        to = column.get("column") if status == "mapped" else _STATUSES.get(str(status), str(status))
        if (each := suggested.get(name)) is not None:
            to = f"{each.get('column')}?  {each.get('reason')}"
        lines.append(f"{name or f'column {at}':<30}  {to}".rstrip())
    lines += [f"{'(constant ' + str(value) + ')':<30}  {name}" for name, value in _constants(found).items()]
    lines += [f"missing: {name}" for name in found.missing]
    if found.problem is not None:
        lines.append(f"An import would fail: {found.problem.message}")
    if found.suggested_columns is not None:
        option = json.dumps(found.suggested_columns, ensure_ascii=False)
        lines.append(f"If the suggestions are right: --columns {shlex.quote(option)}")
    rejected = found.document.get("rejected")
    if rejected:
        lines.append(f"invalid: {rejected} of the first {len(found.document.get('rows', []))} rows")
    return lines


def _constants(found: Preview) -> dict[str, Any]:
    return dict(found.document.get("constants") or {})
