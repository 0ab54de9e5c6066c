"""Show: whether an import can be reverted, and what its reverts came to."""

from app.db.imports import queries
from app.db.reverts import claims
from app.domain.errors import ImportNotFound
from app.domain.imports import Import
from app.lifecycle.imports.reverting.eligibility import Eligibility, check_eligibility
from app.lifecycle.services import Services


def show_reverts(services: Services, id: str) -> tuple[Import, Eligibility, list[claims.Outcome]]:
    """The import, whether it can be reverted, and its reverts, the latest first. Raises `ImportNotFound`."""
    with services.database.begin() as connection:
        row = queries.find_import(connection, id)
        if row is None:
            raise ImportNotFound(f"there is no import {id}", import_id=id)
        return (
            row,
            check_eligibility(connection, services.settings, row),
            claims.list_outcomes(connection, row.number),
        )
