"""The installation's own row: its id, its generation, its home database, and whether sweeping is frozen."""

import secrets
from datetime import datetime

from sqlalchemy import Connection, delete as delete_from, func, insert, literal, select, text, update

from app.db.datasets.registry import list_datasets
from app.db.datasets.tables import table_of
from app.db.imports.transitions import NOW
from app.db.schema import imports, installation, receipts
from app.domain.generation import Generation, Installation
from app.domain.states import UNFINISHED, State

MAX_NUMBER = 2**31  # a branch with a higher one was named by hand, and would use all numbers up


def read_installation(connection: Connection) -> Installation:
    """The row, with the database's name, the server's identity and its clock as they are met now."""
    row = connection.execute(_HERE).one()
    return Installation(
        id=row.id,
        generation=row.generation,
        last_number=row.last_number,
        home_database=row.home_database,
        home_server=row.home_server,
        database=row.database,
        server=_identify_server(connection),
        frozen_at=row.frozen_at,
        frozen_reason=row.frozen_reason,
        read_at=row.read_at,
    )


_HERE = select(installation, func.database().label("database"), NOW.label("read_at"))


def _identify_server(connection: Connection) -> str:
    # a connection leads to one server for as long as it lives; to ask costs it more than all else that is read here
    known: str | None = connection.info.get("server")
    if known is None:
        # MySQL has server_uuid, MariaDB server_uid; a copied data folder brings the first along, so the host counts too
        names = "'server_uuid', 'server_uid', 'hostname'"
        found = connection.execute(text(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
        known = connection.info["server"] = " ".join(sorted(str(value) for _, value in found))[:255]
    return known


def is_frozen(connection: Connection) -> bool:
    """Whether sweeping is frozen, as recorded."""
    return (
        connection.execute(select(installation.c.id).where(installation.c.frozen_at.is_not(None))).first() is not None
    )


def advance_generation(connection: Connection, here: Installation) -> Generation:
    """Count the generation up; the first time also record the home database. Changes nothing while frozen."""
    number = func.coalesce(select(func.max(imports.c.number)).scalar_subquery(), 0)
    connection.execute(
        update(installation)
        .where(installation.c.frozen_at.is_(None))
        .values(
            generation=installation.c.generation + 1,
            last_number=func.greatest(installation.c.last_number, number),
            home_database=func.coalesce(installation.c.home_database, here.database),
            home_server=here.server,
        )
    )
    return Generation(*connection.execute(select(installation.c.generation, installation.c.last_number)).one())


def next_stamp(connection: Connection) -> datetime:
    """A microsecond by the database's clock that no other attempt of this installation has been given. Updated rows
    bear it, so it must name one attempt."""
    following = func.timestampadd(text("MICROSECOND"), 1, installation.c.last_stamp)
    latest = func.greatest(NOW, func.coalesce(following, NOW))
    connection.execute(update(installation).values(last_stamp=latest))
    stamp: datetime = connection.execute(select(installation.c.last_stamp)).scalar_one()
    return stamp


def freeze(connection: Connection, reason: str, kept: Generation | None = None) -> bool:
    """Freeze sweeping; False when it is already. What was `kept` outside is taken over, so that it is known here when a
    person lets sweeping go on."""
    frozen = connection.execute(
        update(installation)
        .where(installation.c.frozen_at.is_(None))
        .values(
            frozen_at=NOW,
            frozen_reason=reason[:1000],
            generation=func.greatest(installation.c.generation, kept.generation if kept else 0),
            last_number=func.greatest(installation.c.last_number, kept.last_number if kept else 0),
        )
    )
    return frozen.rowcount == 1


def thaw(connection: Connection, here: Installation, *, new_id: bool) -> None:
    """Let sweeping go on with the ledger as it is, at home where it is met now."""
    connection.execute(
        update(installation).values(
            id=secrets.token_hex(8) if new_id else installation.c.id,
            generation=installation.c.generation + 1,
            home_database=here.database,
            home_server=here.server,
            frozen_at=None,
            frozen_reason=None,
        )
    )


def highest_number(connection: Connection) -> int:
    """The highest import number of which anything is known here: given out, or met in a receipt or a row."""
    tables = [table_of(known.dataset) for known in list_datasets(connection) if not known.dataset.adopted]
    columns = [imports.c.number, receipts.c.import_no, *(table.c.import_no for table in tables)]
    found = [connection.execute(select(func.max(column))).scalar_one() for column in columns]
    return max([0, *(int(number) for number in found if number is not None)])


def know_number(connection: Connection, number: int) -> None:
    """Remember a number that a later ledger gave out: `skip_numbers` gets it when sweeping goes on."""
    if number <= MAX_NUMBER:
        connection.execute(update(installation).values(last_number=func.greatest(installation.c.last_number, number)))


def skip_numbers(connection: Connection, number: int) -> None:
    """Never give out this import number or a lower one again.

    The server's counter follows the highest number that was ever inserted, deleted rows included, and on both servers
    it survives a restart; ALTER TABLE would need a right that the application does not have.
    """
    values = {"number": number, "id": secrets.token_hex(18), "dataset": "", "state": State.FAILED, "phase": ""}
    if connection.execute(select(imports.c.number).where(imports.c.number >= number)).first() is None:
        connection.execute(insert(imports).values(created_at=NOW, **values))
        connection.execute(delete_from(imports).where(imports.c.number == number))


def count_unfinished(connection: Connection) -> int:
    """How many imports are not final yet."""
    query = select(func.count(literal(1))).where(imports.c.state.in_(list(UNFINISHED)))
    return int(connection.execute(query).scalar_one())
