"""Show: whether an import can be reverted, and what its reverts came to; until when it can be may be shortened."""

from dataclasses import dataclass
from datetime import datetime

from app.db.access import audit
from app.db.imports import queries, transitions
from app.db.reverts import outcomes
from app.db.reverts.outcomes import LaterSkip, Outcome
from app.domain.errors import ImportNotFound, NotRevertible
from app.domain.imports import Import
from app.domain.requests.revert import Kind
from app.lifecycle.imports.reverting.eligibility import Eligibility, check_eligibility, find_end
from app.lifecycle.services import Services


@dataclass(frozen=True)
class Shown:
    """An import, or a revert, as one who wants to revert it sees it.

    Attributes:
        outcomes: its reverts, the latest first.
        imports: of a revert, what it came to for each of its imports.
        later_skips: later imports that have skipped rows, perhaps because of its rows.
    """

    row: Import
    eligibility: Eligibility
    outcomes: list[Outcome]
    imports: list[Outcome]
    later_skips: list[LaterSkip]


def show_reverts(services: Services, id: str) -> Shown:
    """Raises `ImportNotFound`."""
    with services.database.begin() as connection:
        row = queries.find_import(connection, id)
        if row is None:
            raise ImportNotFound(f"there is no import {id}", import_id=id)
        is_revert = row.kind is Kind.REVERT
        return Shown(
            row,
            check_eligibility(connection, services.settings, row),
            outcomes.list_of_import(connection, row.number),
            outcomes.list_of_revert(connection, row.number) if is_revert else [],
            [] if is_revert else outcomes.list_later_skips(connection, row.dataset, row.number),
        )


def shorten(services: Services, id: str, until: datetime) -> None:
    """Let an import be reverted until an earlier instant, by the database's clock. Raises `ImportNotFound`, and
    `NotRevertible` where that would lengthen it, or before its commit."""
    with services.database.begin() as connection:
        row = queries.find_import(connection, id)
        if row is None:
            raise ImportNotFound(f"there is no import {id}", import_id=id)
        end = find_end(services.settings, row)
        if end is None:
            raise NotRevertible(f"nothing to revert: the import is {row.state}", import_id=id)
        if until > end:
            reason = f"it can be reverted until {end:%Y-%m-%dT%H:%M:%S}Z, which can be shortened and not lengthened"
            raise NotRevertible(reason, import_id=id)
        detail = {"until": f"{until.isoformat(timespec='milliseconds')}Z"}
        transitions.ledger.note(connection, row.number, "revert_shortened", detail, revertible_until=until)
        audit.record(connection, id)
