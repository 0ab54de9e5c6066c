"""Step context: what a step gets to do its part of an order, and what a step is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.db.database import Database
from app.domain.handling import OrderId
from app.handling.service_calls import ServiceCall
from app.spool import Spool


@dataclass(frozen=True)
class StepContext:
    """One order at one step. `answers` has those of the order's earlier steps, by their names."""

    database: Database
    spool: Spool
    id: OrderId
    order: Mapping[str, Any]
    call: ServiceCall
    answers: Mapping[str, Mapping[str, Any]]

    @property
    def amount(self) -> Decimal:
        """What the customer owes."""
        return Decimal(self.order["unit_price"] * self.order["quantity"])


@dataclass(frozen=True)
class Step:
    """A part of a pipeline; adding one is adding a file to `steps`.

    Attributes:
        name: as in pipelines and histories; up to 32 characters.
        words: what it does, for people.
        place: where it stands in the pipeline that is taken when none is given.
        priority: of several steps that could be done, the highest is done first.
        run: does it and returns the answer to keep. Raises `ServiceRefused` or `ServiceFailed` with a sentence.
        needs: steps that must come earlier, or have been done in an earlier handling.
        ships: whether the goods count as sent once it is done.
    """

    name: str
    words: str
    place: int
    priority: int
    run: Callable[[StepContext], dict[str, Any]]
    needs: tuple[str, ...] = ()
    ships: bool = False
