"""`python -m app.cli`: commands for the local stack of this checkout, which `make` calls, and the operator's
commands."""

from pathlib import Path

import click

from app.cli import local
from app.cli.audit import audit
from app.cli.database import migrate, provision
from app.cli.demo import demo as show_demo
from app.cli.demo_handling import demo as show_handling
from app.cli.recovery import branches, decide, resolve, sweeping
from app.cli.tokens import tokens

CHECKOUT = Path(__file__).resolve().parents[2]


@click.group()
def main() -> None:
    """Backout's local stack: private servers, the web server, a worker and the sweeper, all below .run/.

    `branches`, `resolve`, `sweeping` and `tokens` work on any installation: set BACKOUT_DATABASE_URL.
    """


@main.command()
def up() -> None:
    """Start the stack; return once it answers requests."""
    local.up(CHECKOUT)


@main.command()
def down() -> None:
    """Stop the stack. Its data stays."""
    local.down(CHECKOUT)


@main.command()
def status() -> None:
    """Show which parts run, and where; exit code 1 unless all of them run."""
    local.status(CHECKOUT)


@main.command()
def clean() -> None:
    """Stop the stack and delete its data."""
    local.clean(CHECKOUT)


@main.command()
def demo() -> None:
    """Import a file, stop a second import half-way, and show the counts of rows."""
    show_demo(CHECKOUT)


@main.command()
def demo_handling() -> None:
    """Handle imported orders in bulk, with a sandbox instead of other companies' services."""
    show_handling(CHECKOUT)


@main.command(hidden=True)
def supervise() -> None:
    """Run the supervisor; `up` starts it in the background."""
    raise SystemExit(local.supervise(CHECKOUT))


for command in (migrate, provision, branches, resolve, decide, sweeping, tokens, audit):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m app.cli")
