"""Examine: what is in doubt, for a person who looks. Nothing of it is touched here."""

from dataclasses import dataclass

from app.db import installation, xa
from app.db.database import Database
from app.db.imports import lost_branches, queries
from app.domain.generation import Installation
from app.domain.imports import Import, RecoveryAction, explain, recovery_action
from app.domain.xid import RawXid, Xid, parse_xid


@dataclass(frozen=True)
class Listed:
    """A prepared branch of ours, with its import as it was read after the branch was listed."""

    xid: Xid
    row: Import | None
    owner: int | None  # the connection that holds it still

    @property
    def recovery_action(self) -> RecoveryAction:
        """What the protocol calls for."""
        return recovery_action(self.xid, self.row)

    @property
    def meaning(self) -> str:
        """The same in words."""
        return explain(self.xid, self.row)


@dataclass(frozen=True)
class Doubt:
    """Everything that is in doubt on the server, and whether anything is done about it."""

    installation: Installation
    branches: list[Listed]
    foreign: list[RawXid]
    lost: list[Import]  # decided imports with a lost branch


def list_in_doubt(database: Database) -> Doubt:
    """List every prepared branch of the server, ours and foreign ones, and the imports with a lost branch."""
    with database.begin() as connection:
        here = installation.read_installation(connection)
    branches, foreign = [], []
    with database.control() as session:
        listed = xa.list_prepared(session)
        ours = [xid for raw in listed if (xid := parse_xid(raw, here.id)) is not None]
        owners = xa.owners_of(session, ours)
        foreign = [raw for raw in listed if parse_xid(raw, here.id) is None]
    with database.begin() as connection:
        branches = [Listed(xid, queries.find_numbered(connection, xid.number), owners.get(xid)) for xid in ours]
        found = [
            queries.find_numbered(connection, number) for number in lost_branches.list_with_lost_branch(connection)
        ]
    branches.sort(key=lambda listed: (listed.xid.number, listed.xid.epoch, listed.xid.branch))
    return Doubt(here, branches, foreign, [row for row in found if row is not None])
