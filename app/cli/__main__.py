"""`python -m app.cli`: the local stack of this checkout, which `make` calls by its targets' names, and the operator's
commands for any installation."""

from pathlib import Path

import click

from app.cli import local
from app.cli.database import migrate, provision
from app.cli.demo import demo as show_demo
from app.cli.demo_handling import demo as show_handling
from app.cli.recovery import branches, decide, resolve, sweeping

CHECKOUT = Path(__file__).resolve().parents[2]


@click.group()
def main() -> None:
    """Backout's local stack: private servers, the web server, a worker and the sweeper, all below .run/.

    `branches`, `resolve` and `sweeping` work on any installation: set BACKOUT_DATABASE_URL.
    """


@main.command()
def up() -> None:
    """Start the stack; return when it answers."""
    local.up(CHECKOUT)


@main.command()
def down() -> None:
    """Stop all of the stack. The data stays."""
    local.down(CHECKOUT)


@main.command()
def status() -> None:
    """What runs, and where; exit code 1 if not all of it does."""
    local.status(CHECKOUT)


@main.command()
def clean() -> None:
    """Stop the stack and forget its data."""
    local.clean(CHECKOUT)


@main.command()
def demo() -> None:
    """Import a file, stop another half-way, and look at the count."""
    show_demo(CHECKOUT)


@main.command()
def demo_handling() -> None:
    """Handle imported orders in bulk, with a sandbox in place of other companies' services."""
    show_handling(CHECKOUT)


@main.command(hidden=True)
def supervise() -> None:
    """What `up` leaves running."""
    raise SystemExit(local.supervise(CHECKOUT))


for command in (migrate, provision, branches, resolve, decide, sweeping):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m app.cli")
