"""`backout templates`: named, versioned ways to read and load the files of one origin."""

from pathlib import Path
from typing import Any

import click

from backout.commands.context import YES, Group, Session, command, confirm
from backout.commands.exit_codes import Exit

VERSION = click.option("--version", type=click.IntRange(min=1), help="An older version.")


@click.group(cls=Group)
def templates() -> None:
    """Import templates: named ways to read and load the files of one origin."""


@templates.command("list")
@command
def list_(session: Session) -> int:
    """All of them, in their latest versions."""
    found = session.client.templates()
    session.show(
        {"templates": found}, *(f"{one['name']:<24} version {one['version']:<4} {one['dataset']}" for one in found)
    )
    return Exit.DONE


@templates.command()
@click.argument("name")
@VERSION
@command
def show(session: Session, name: str, version: int | None) -> int:
    """The options of NAME, as YAML."""
    if session.as_json:
        session.show(session.client.template(name, version))
    else:
        click.echo(session.client.template_yaml(name, version).decode(), nl=False)
    return Exit.DONE


@templates.command()
@click.argument("name")
@click.argument("import_id", metavar="IMPORT")
@command
def save(session: Session, name: str, import_id: str) -> int:
    """Save the options of IMPORT as the template NAME."""
    return _tell(session, session.client.save_template_of(name, import_id))


@templates.command()
@click.argument("name")
@click.argument("file", metavar="FILE.yaml", type=click.Path(path_type=Path, dir_okay=False))
@command
def load(session: Session, name: str, file: Path) -> int:
    """Save the template NAME from FILE.yaml, as `backout templates show` prints it."""
    try:
        document = file.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file} can't be read: {error.strerror}") from None
    return _tell(session, session.client.save_template_yaml(name, document))


@templates.command()
@click.argument("name")
@YES
@command
def delete(session: Session, name: str, yes: bool) -> int:
    """Delete NAME with all its versions."""
    confirm(lambda: f"Delete the template {name} with all its versions?", yes)
    session.client.delete_template(name)
    session.show({"deleted": name}, f"the template {name} was deleted")
    return Exit.DONE


def _tell(session: Session, saved: dict[str, Any]) -> int:
    session.show(
        saved, f"template {saved['name']}, version {saved['version']}: backout import FILE --template {saved['name']}"
    )
    return Exit.DONE
