"""Arrivals: imports whose file is still on its way to a web server, which holds a lease for as long as it comes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from app.db.imports import transitions
from app.db.imports.transitions import ARRIVED, NOW
from app.db.ledger import by_key
from app.db.schema import imports
from app.domain.states import STOPPABLE, State


def renew_upload_lease(connection: Connection, number: int, lease_seconds: float) -> bool:
    """Say that the file still arrives; False when the import will not be loaded any more."""
    renewed = connection.execute(
        by_key(update(imports), imports)
        .where(imports.c.number == number, imports.c.state.in_(STOPPABLE), ~ARRIVED)
        .values(upload_lease_until=transitions.seconds_from_now(lease_seconds))
    )
    return renewed.rowcount == 1


def record_upload(connection: Connection, number: int, size: int, dedup_key: str | None) -> bool:
    """Say that the whole file is there, how large it is and its dedup key, which is known only after the last byte:
    from here on the import may commit. False when it will not be loaded any more. Raises `DuplicateInFlight`."""
    with transitions.find_by_dedup_key():
        whole = connection.execute(
            by_key(update(imports), imports)
            .where(imports.c.number == number, imports.c.state.in_(STOPPABLE), ~ARRIVED)
            .values(upload_lease_until=None, bytes_total=size, dedup_key=dedup_key, sequence=imports.c.sequence + 1)
        )
    return whole.rowcount == 1


def is_uploading(connection: Connection, number: int, epoch: int) -> bool | None:
    """Whether more of the file is to come; None when the attempt of this epoch no longer holds the import."""
    found = select(ARRIVED).where(
        imports.c.number == number, imports.c.epoch == epoch, imports.c.state == State.RUNNING
    )
    arrived = connection.execute(found).scalar_one_or_none()
    return None if arrived is None else not arrived


def fail_upload(connection: Connection, number: int, error: Mapping[str, Any], *, only_expired: bool = False) -> bool:
    """Fail an import whose file will never be whole; False when it is, or when the import was decided meanwhile."""
    expired = imports.c.upload_lease_until <= NOW
    return transitions.ledger.move(
        connection,
        number,
        STOPPABLE,
        State.FAILING,
        condition=expired if only_expired else ~ARRIVED,
        error=dict(error),
        upload_lease_until=None,
    )


def list_broken(connection: Connection) -> list[int]:
    """Numbers of imports whose web server no longer says that their file arrives."""
    query = select(imports.c.number).where(imports.c.state.in_(STOPPABLE), imports.c.upload_lease_until <= NOW)
    return list(connection.scalars(query))
