"""Whether the server keeps what it has confirmed."""

from sqlalchemy import Connection, text

_WANTED = {"innodb_flush_log_at_trx_commit": "1"}


def list_weaknesses(connection: Connection) -> list[str]:
    """Sentences about settings under which a promise of ours would not hold; empty where all is well.

    MariaDB and MySQL manuals, "InnoDB system variables": a commit is durable with innodb_flush_log_at_trx_commit=1 and,
    where there is a binary log, sync_binlog=1.
    """
    names = [*_WANTED, "log_bin", "sync_binlog"]
    row = connection.execute(text(f"SELECT {', '.join('@@GLOBAL.' + name for name in names)}")).one()
    values = {name: str(value) for name, value in zip(names, row, strict=True)}
    wanted = _WANTED | ({"sync_binlog": "1"} if values["log_bin"] == "1" else {})
    return [f"{name} is {values[name]}, must be {value}" for name, value in wanted.items() if values[name] != value]


def is_read_only(connection: Connection) -> bool:
    """Whether the server lets only administrators write, as after a failover or on a replica."""
    return str(connection.execute(text("SELECT @@GLOBAL.read_only")).scalar_one()) not in ("0", "OFF")


def allows_local_infile(connection: Connection) -> bool:
    """Whether the server takes `LOAD DATA LOCAL`, without which nothing is loaded."""
    return bool(connection.execute(text("SELECT @@GLOBAL.local_infile")).scalar_one())
