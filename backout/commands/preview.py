"""`backout preview`: show how the server would read a file, before it is imported."""

import json
import shlex
from typing import Any

import click

from backout.client import Preview
from backout.commands.context import Session, command
from backout.commands.exit_codes import Exit
from backout.commands.file_options import file_options, stdin

_MAX_REJECTS = 5  # shown
_STATUSES = {"left_out": "(left out)", "unknown": "?", "doubled": "(twice)", "unnamed": "(no name)"}


@click.command()
@click.argument("source", metavar="FILE|-")
@file_options
@command
def preview(session: Session, source: str, dataset: str | None, file_name: str | None, **options: Any) -> int:
    """Show how the server would read FILE, or standard input for `-`. Nothing is imported.

    For unknown columns it suggests the option --columns. Exit code 1 if an import would refuse the file, or one of its
    first rows.
    """
    given = {name: value for name, value in options.items() if value is not None}
    file = stdin() if source == "-" else source
    found = session.client.preview(file, dataset=dataset, file_name=file_name, **given)
    session.show(found.document, *_describe(found))
    return Exit.FAILED if found.problem is not None or found.document.get("rejected") else Exit.DONE


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
    return lines + _describe_sheets(found) + _describe_rejects(found)


def _describe_sheets(found: Preview) -> list[str]:
    sheets, read = found.document.get("sheets") or (), found.document.get("file_format", {}).get("sheet")
    if len(sheets) < 2 or read == "*":
        return []
    return [f"sheet: {read}, of {', '.join(sheets)}; --sheet NAME reads another one, --sheet '*' all of them"]


def _describe_rejects(found: Preview) -> list[str]:
    rows = found.document.get("rows") or ()
    rejected = [row for row in rows if row.get("reject")]
    if not rejected:
        return []
    lines = [f"invalid: {len(rejected)} of the first {len(rows)} rows; an import fails, unless --on-error=reject"]
    for row in rejected[:_MAX_REJECTS]:
        reject = row["reject"]
        column = f", {reject['column']}" if reject.get("column") else ""
        lines.append(f"  line {row['line']}{column}: {reject['reason']}")
    return lines + ["  …"] * (len(rejected) > _MAX_REJECTS)


def _constants(found: Preview) -> dict[str, Any]:
    return dict(found.document.get("constants") or {})
