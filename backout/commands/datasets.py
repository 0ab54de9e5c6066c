"""`backout delete` and `backout datasets`: tables that imports load into, and their rows."""

import json
from pathlib import Path
from typing import Any

import click

from backout.client import Dataset
from backout.commands.context import DATASET, YES, Group, Session, command, confirm
from backout.commands.exit_codes import Exit


@click.command()
@DATASET
@click.option("--import", "import_id", metavar="ID", help="Delete the rows of this import.")
@click.option("--all", "everything", is_flag=True, help="Delete every row.")
@YES
@command
def delete(session: Session, dataset: str, import_id: str | None, everything: bool, yes: bool) -> int:
    """Delete the rows of one import, or every row of a table. Refused while imports of it run."""
    if (import_id is None) is not everything:
        raise click.UsageError("choose what to delete: --import ID or --all")
    whose = f"of {dataset}, all of them" if import_id is None else f"of import {import_id} in {dataset}"
    confirm(lambda: f"Delete {session.client.count(dataset, import_id=import_id):,} rows {whose}?", yes)
    deleted = session.client.delete_rows(dataset, import_id=import_id, confirm_all=everything)
    session.show({"dataset": dataset, "import": import_id, "rows_deleted": deleted}, f"{deleted:,} rows were deleted")
    return Exit.DONE


@click.group(cls=Group)
def datasets() -> None:
    """List, create, adopt and drop datasets, the tables that imports load into."""


@datasets.command("list")
@command
def list_(session: Session) -> int:
    """List all datasets."""
    found = session.client.datasets()
    session.show({"datasets": [one.document for one in found]}, *(one.name for one in found))
    return Exit.DONE


@datasets.command()
@click.argument("name")
@command
def describe(session: Session, name: str) -> int:
    """Show the columns of a dataset."""
    found = session.client.describe_dataset(name)
    session.show(found.document, *_describe(found))
    return Exit.DONE


@datasets.command()
@click.argument("name")
@click.argument("columns", type=click.Path(path_type=Path, dir_okay=False), metavar="COLUMNS.json")
@command
def create(session: Session, name: str, columns: Path) -> int:
    """Create the dataset NAME with the columns in COLUMNS.json: a list of columns, each with name, type and more parts;
    or a definition that the server proposed for a file, whose name is ignored."""
    try:
        content = json.loads(columns.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{columns} can't be read: {error}") from None
    except RecursionError:
        raise click.UsageError(f"{columns} can't be read: it is nested too deeply") from None
    more: dict[str, Any] = content if isinstance(content, dict) else {"columns": content}
    if unknown := more.keys() - {"name", "columns", "key"}:
        raise click.UsageError(f"{columns} has {min(unknown)!r}: a dataset has name, columns and key")
    key = {"key": more["key"]} if "key" in more else {}
    found = session.client.create_dataset(name, more.get("columns", []), **key)
    session.show(found.document, *_describe(found))
    return Exit.DONE


@datasets.command()
@click.argument("name")
@command
def adopt(session: Session, name: str) -> int:
    """Let imports append to the existing table NAME."""
    found = session.client.adopt_dataset(name)
    session.show(found.document, *_describe(found))
    return Exit.DONE


@datasets.command()
@click.argument("name")
@YES
@command
def drop(session: Session, name: str, yes: bool) -> int:
    """Drop a table with all of its rows. Refused while imports of it run."""
    confirm(lambda: f"Drop {name} with its {session.client.count(name):,} rows?", yes)
    session.client.drop_dataset(name)
    session.show({"dropped": name}, f"{name} was dropped")
    return Exit.DONE


def _describe(found: Dataset) -> list[str]:
    lines = [found.name]
    for column in found.columns:
        more = [f"{name}={part}" for name, part in column.items() if name not in ("name", "type") and part is not None]
        lines.append(f"  {column.get('name', ''):<20} {column.get('type', ''):<10} {' '.join(more)}".rstrip())
    return lines
