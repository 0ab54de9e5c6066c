"""Makes the database and its two users: one who owns the tables, one who may only do what the application does."""

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

ACCOUNT_HOST = "%"


def provision(root_url: str, *, database: str, owner: str, owner_password: str, user: str, user_password: str) -> None:
    """Create what is missing and set both passwords and rights; calling it again changes nothing.

    `root_url` is an SQLAlchemy URL of a server administrator, without a database. The owner may define tables in
    `database` and nothing else; the user may read and write rows there, create and drop the tables of datasets, see
    what triggers and foreign keys a table has and, on MySQL, list prepared branches.
    """
    engine = create_engine(root_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:

        def run(statement: str, values: dict[str, str] | None = None) -> None:
            connection.execute(text(statement), values or {})

        run(f"CREATE DATABASE IF NOT EXISTS {_name(database)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        for account, password in ((owner, owner_password), (user, user_password)):
            who = {"account": account, "host": ACCOUNT_HOST, "password": password}
            run("CREATE USER IF NOT EXISTS :account@:host IDENTIFIED BY :password", who)
            run("ALTER USER :account@:host IDENTIFIED BY :password", who)
        as_owner, as_user = ({"account": name, "host": ACCOUNT_HOST} for name in (owner, user))
        run(
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW"
            f" ON {_name(database)}.* TO :account@:host",
            as_owner,
        )
        # TRIGGER is asked for seeing triggers: without it a table seems to have none
        run(
            f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, TRIGGER ON {_name(database)}.* TO :account@:host",
            as_user,
        )
        # for seeing which tables have foreign keys on ours, those included on which it has no right
        run("GRANT PROCESS ON *.* TO :account@:host", as_user)
        if not connection.dialect.is_mariadb:  # type: ignore[attr-defined]
            run("GRANT XA_RECOVER_ADMIN ON *.* TO :account@:host", as_user)


def _name(database: str) -> str:
    return "`" + database.replace("`", "``") + "`"
