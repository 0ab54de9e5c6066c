"""The commands that prepare a database. Addresses come from the environment, because other users can see arguments.

As everywhere, an address may lack its password if a secret file such as `backout_root_database_password` has it.
"""

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from app.cli.stack import account_of
from app.config import complete_url
from app.db.provision import provision as provision_database

LOCK_WAIT_TIMEOUT = 1205


def _address(option: str, variable: str, help: str) -> Callable[[Any], Any]:
    def complete(context: click.Context, parameter: click.Parameter, url: str) -> str:
        return complete_url(variable, url)

    return click.option(option, envvar=variable, required=True, show_envvar=True, callback=complete, help=help)


@click.command()
@_address("--url", "BACKOUT_ADMIN_DATABASE_URL", "The owner's address.")
def migrate(url: str) -> None:
    """Update the tables. While a prepared branch holds a table, it fails within seconds and changes nothing."""
    from app.db.migrate import upgrade  # noqa: PLC0415 — Alembic takes a sixth of the start of every other command

    try:
        upgrade(url)
    except TimeoutError as error:
        raise click.ClickException(str(error)) from None
    except DBAPIError as error:
        raise click.ClickException(_sentence(error)) from None


def _sentence(error: DBAPIError) -> str:
    from app.db.migrate import LOCK_WAIT_SECONDS  # noqa: PLC0415 — as above

    arguments = error.orig.args if error.orig is not None else ()
    if arguments[:1] == (LOCK_WAIT_TIMEOUT,):
        return (
            f"a table that must change was in use by an import or a prepared branch for {LOCK_WAIT_SECONDS} s."
            " Nothing is lost: let the sweeper finish (`python -m app.cli branches` lists prepared branches), then run"
            " this again"
        )
    return f"the database refused to migrate: {arguments[-1] if arguments else error}"


@click.command()
@_address("--root-url", "BACKOUT_ROOT_DATABASE_URL", "The administrator's address.")
@_address("--owner-url", "BACKOUT_ADMIN_DATABASE_URL", "The owner's address; may do DDL.")
@_address("--url", "BACKOUT_DATABASE_URL", "The application's address.")
def provision(root_url: str, owner_url: str, url: str) -> None:
    """Create the database, its owner and the application's user, as in their addresses."""
    owner, owner_password, database = account_of(owner_url)
    user, user_password, same_database = account_of(url)
    if not all((owner, owner_password, database, user, user_password)) or database != same_database:
        raise click.UsageError("both addresses need a user, a password and the same database")
    provision_database(
        root_url,
        database=database,
        owner=owner,
        owner_password=owner_password,
        user=user,
        user_password=user_password,
    )
