"""Examine: what is in doubt, for a person who looks. Nothing of it is touched here."""

from dataclasses import dataclass

from app.db import installation, xa
from app.db.imports import lost_branches, queries
from app.domain.errors import DatabaseUnavailable, LedgerFrozen
from app.domain.generation import Installation
from app.domain.imports import Import, RecoveryAction, explain, recovery_action
from app.domain.xid import RawXid, Xid, parse_xid
from app.lifecycle import freeze
from app.lifecycle.recovery.chores import list_failing
from app.lifecycle.services import Services


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


def list_in_doubt(services: Services) -> Doubt:
    """List every prepared branch of the server, ours and foreign ones, and the imports with a lost branch."""
    with services.database.begin() as connection:
        here = installation.read_installation(connection)
    branches, foreign = [], []
    with services.database.control() as session:
        listed = xa.list_prepared(session)
        ours = [xid for raw in listed if (xid := parse_xid(raw, here.id)) is not None]
        owners = xa.owners_of(session, ours)
        foreign = [raw for raw in listed if parse_xid(raw, here.id) is None]
    with services.database.begin() as connection:
        branches = [Listed(xid, queries.find_numbered(connection, xid.number), owners.get(xid)) for xid in ours]
        found = [
            queries.find_numbered(connection, number) for number in lost_branches.list_with_lost_branch(connection)
        ]
    branches.sort(key=lambda listed: (listed.xid.number, listed.xid.epoch, listed.xid.branch))
    return Doubt(here, branches, foreign, [row for row in found if row is not None])


def find_trouble(services: Services) -> str | None:
    """Sentences about what only a person can mend; None where there is nothing of the kind."""
    try:
        freeze.require_sweeping(services)
        doubt = list_in_doubt(services)
    except LedgerFrozen as error:
        return error.detail
    except DatabaseUnavailable as error:
        return f"not known: {error.detail}"
    told = [
        f"import {row.id} (number {row.number}) has lost a branch: `python -m app.cli resolve {row.number} rollback`"
        for row in doubt.lost
    ]
    told += [f"the sweeper fails to {name}, and tries again: {error}" for name, error in list_failing(services).items()]
    told += [
        f"prepared branch {listed.xid.lock_name()}: {listed.meaning}"
        for listed in doubt.branches
        if listed.recovery_action is RecoveryAction.REPORT
    ]
    return "; ".join(told) or None
