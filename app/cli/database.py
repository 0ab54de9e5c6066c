"""The two commands that prepare a database. Addresses come from the environment: arguments can be seen by others."""

import click

from app.cli.stack import account_of
from app.db.migrate import upgrade
from app.db.provision import provision as provision_database


@click.command()
@click.option("--url", envvar="BACKOUT_ADMIN_DATABASE_URL", required=True, show_envvar=True, help="As the owner.")
def migrate(url: str) -> None:
    """Bring the tables up to date."""
    upgrade(url)


@click.command()
@click.option("--root-url", envvar="BACKOUT_ROOT_DATABASE_URL", required=True, show_envvar=True, help="Administrator.")
@click.option("--owner-url", envvar="BACKOUT_ADMIN_DATABASE_URL", required=True, show_envvar=True, help="May do DDL.")
@click.option("--url", envvar="BACKOUT_DATABASE_URL", required=True, show_envvar=True, help="The application's.")
def provision(root_url: str, owner_url: str, url: str) -> None:
    """Create the database, its owner and the application's user, as their addresses name them."""
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
