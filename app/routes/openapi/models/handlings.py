"""Bodies of `/v1/handlings`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.domain.handling import HandlingState, Mode, OrderState
from app.routes.openapi.models import Id, Model, Time
from app.routes.openapi.models.imports import Event
from app.routes.openapi.operations import JSON, Answer

OrderId = Annotated[str, Field(pattern="^[0-9]{1,10}-[0-9]{1,10}$", examples=["7-1"])]


class HandlingLinks(Model):
    """Where to go from here."""

    self: str
    orders: str
    events: str
    slips: str
    stop: str
    retry: str


class HandlingFailure(Model):
    """Why a handling has failed."""

    code: str
    message: str


class Handling(Model):
    """Orders that are taken through the steps of a pipeline. Not reversible."""

    id: Id
    state: HandlingState
    """At rest are done, failed and stopped."""
    mode: Mode
    concurrency: int
    pipeline: list[str]
    priority: int
    orders_total: int
    orders_done: int
    orders_failed: int
    orders_pending: int
    percent: Annotated[float, Field(ge=0, le=100)]
    """How many of its orders have come to an end."""
    asked_by: str
    """As `created_by`; empty where that is null."""
    created_by: str | None
    """The client that asked for it; null where no one is asked for a token or key."""
    stopped_by: str | None
    attempts: int
    sequence: int
    """Counts its changes; never goes back."""
    error: HandlingFailure | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    reversible: Literal[False]
    links: HandlingLinks


class WatchedHandling(Handling):
    """A handling with its timeline."""

    timeline: list[Event]


class HandlingList(Model):
    """A page of handlings."""

    handlings: list[Handling]
    """Newest first."""
    next: str | None
    """The address of the next page; null on the last."""


class HandledLinks(Model):
    """What there is to see of a handled order."""

    history: str
    slip: str


class HandledOrder(Model):
    """One order of a handling."""

    order: OrderId
    position: int
    state: OrderState
    step: str | None
    """The one that is next, in hand, or failed; null after the last."""
    steps_done: int
    steps_total: int
    error: str | None
    started_at: Time | None
    finished_at: Time | None
    links: HandledLinks


class HandledList(Model):
    """A page of a handling's orders."""

    handling: Id
    orders: list[HandledOrder]
    """In the handling's order."""
    next: str | None
    """The address of the next page; null on the last."""


class OrderFilter(Model):
    """All orders that are like this, by import and row."""

    model_config = ConfigDict(extra="forbid")

    import_: Annotated[str | None, Field(alias="import")] = None
    """An import's id."""
    status: Literal["pending", "paid"] = "pending"
    marketplace: str | None = None
    search: str | None = None
    """In the order's number or the customer's name."""


class HandlingRequest(Model):
    """What is to be handled, and how: `orders` or a `filter`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"orders": ["7-1", "7-2"], "mode": "ordered"}]}
    )

    orders: list[OrderId] | None = None
    """In the order in which they are handled."""
    filter: OrderFilter | None = None
    pipeline: list[str] | None = None
    """The steps; by default all, in their usual order."""
    mode: Mode = Mode.ORDERED
    concurrency: Annotated[int, Field(ge=1)] | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0


class RetryRequest(Model):
    """What to take up again."""

    model_config = ConfigDict(extra="forbid")

    pending: bool = False
    """Also what a stop left."""


PDF = {"type": "string", "format": "binary", "description": "A PDF."}
SLIPS = {200: Answer("The packing slips, in the handling's order.", {"application/pdf": PDF})}
ACCEPTED = {
    202: Answer(
        "It is recorded; nothing is done yet.",
        {JSON: Handling},
        {"Location": "The handling.", "Retry-After": "Seconds after which a look at it makes sense."},
    )
}
FOUND = {
    200: Answer("The handling.", {JSON: WatchedHandling}, {"ETag": "Changes with `sequence`."}),
    304: Answer("Nothing has changed since.", headers={"ETag": "The same as before."}),
}
STOPPED = {202: Answer("The steps in hand are ended, no other is begun.", {JSON: Handling})}
RETRIED = {202: Answer("It is queued again.", {JSON: Handling})}
