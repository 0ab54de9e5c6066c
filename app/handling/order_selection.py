"""Order selection: which orders are meant, by their ids or by what they are like."""

from dataclasses import dataclass
from typing import Any

from app.db.database import Database
from app.db.handlings import queries as handling_queries
from app.db.imports import queries as import_queries
from app.domain.errors import ImportNotFound
from app.domain.handling import OrderId


@dataclass(frozen=True)
class OrderSelection:
    """These, in this order; or all that match, by import and row. No status means any."""

    listed: tuple[OrderId, ...] | None = None
    import_id: str | None = None
    status: str | None = "pending"
    marketplace: str | None = None
    search: str | None = None

    def find_condition(self, database: Database) -> Any:
        """What the orders are like, for a query; raises `ImportNotFound`."""
        import_no = None
        if self.import_id is not None:
            with database.begin() as connection:
                row = import_queries.find_import(connection, self.import_id)
            if row is None:
                raise ImportNotFound(f"there is no import {self.import_id}", import_id=self.import_id)
            import_no = row.number
        return handling_queries.matching(
            import_no=import_no, status=self.status, marketplace=self.marketplace, search=self.search
        )
