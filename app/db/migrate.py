"""Brings a database's tables up to date."""

import secrets
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

LOCK_WAIT_SECONDS = 10  # DDL waits on prepared branches, by default for up to a year
MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = "backout:migrate"


def upgrade(url: str) -> None:
    """Run every migration that `url`'s database lacks; nothing happens where none is missing.

    `url` is an SQLAlchemy URL of a user who may create and alter tables. Several may run at once: one works, the
    others wait a minute for it. Raises SQLAlchemy's errors where the server refuses.
    """
    engine = create_engine(url, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("recursive_version_locations", "true")  # a folder for each version of Backout
    with engine.connect() as connection:
        # of both kinds: MariaDB keeps the metadata lock of a branch whose owner is gone no longer, but its table lock
        for kind in ("lock_wait_timeout", "innodb_lock_wait_timeout"):
            connection.execute(text(f"SET SESSION {kind} = :seconds"), {"seconds": LOCK_WAIT_SECONDS})
        if connection.execute(text("SELECT GET_LOCK(:name, 60)"), {"name": _LOCK}).scalar() != 1:
            raise TimeoutError("another migration has been running for a minute: look there first")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.execute(
            text("INSERT IGNORE INTO installation (only, id) VALUES (1, :id)"), {"id": secrets.token_hex(8)}
        )
        connection.execute(text("INSERT IGNORE INTO datasets (name) VALUES ('orders')"))
        connection.commit()
