"""Bodies of `/v1/orders`."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from app.domain.dataset import ORDERS
from app.domain.handling import OrderState, StepState
from app.routes.openapi.models import Id, Model, Time
from app.routes.openapi.models.handlings import PDF, OrderId
from app.routes.openapi.operations import JSON, Answer

STATUSES = next(column.choices for column in ORDERS.columns if column.name == "status")


class OrderLinks(Model):
    """What there is to see of an order."""

    self: str
    status: str
    history: str


class NewOrder(Model):
    """An order to import."""

    model_config = ConfigDict(extra="forbid")

    marketplace: str
    order_number: str
    customer: str
    email: str
    ship_to: str
    sku: str
    quantity: int
    unit_price: float | str
    currency: str
    status: Annotated[str, Field(pattern=f"^({'|'.join(STATUSES)})$", json_schema_extra={"enum": list(STATUSES)})]
    ordered_at: str


class Order(Model):
    """An order's row. Amounts are exact, as text."""

    id: OrderId
    import_no: int
    row_no: int
    marketplace: str
    order_number: str
    customer: str
    email: str
    ship_to: str
    sku: str
    quantity: int
    unit_price: str
    currency: str
    status: str
    ordered_at: str
    links: OrderLinks


class LatestHandling(Model):
    """Where an order is in its latest handling."""

    id: Id
    state: OrderState
    error: str | None


class ListedHandling(LatestHandling):
    """The same, in a list."""

    active: bool
    """Whether the handling has not ended."""


class ListedOrder(Order):
    """An order with its latest handling."""

    handling: ListedHandling | None


class OrderList(Model):
    """A page of orders."""

    count: int
    """How many match."""
    active: int
    """How many of those are in a handling that has not ended."""
    orders: list[ListedOrder]
    """By import and row."""
    next: str | None
    """The address of the next page; null on the last."""


class Tracked(Model):
    """Whether an order has come into the table."""

    status: Literal["queued", "processing", "completed", "failed"]
    progress: Annotated[float, Field(ge=0, le=100)]
    reason: str | None
    """Why it failed."""


class AcceptedOrder(Tracked):
    """An order that was accepted."""

    id: OrderId
    import_: Annotated[str, Field(alias="import", json_schema_extra={"format": "uuid"})]
    trackingUrl: str
    estimated_seconds: float | None
    links: OrderLinks


class OrderStatus(Tracked):
    """Where an order is."""

    id: OrderId
    import_: Annotated[str, Field(alias="import", json_schema_extra={"format": "uuid"})]
    handling: LatestHandling | None
    links: OrderLinks


class StepRecord(Model):
    """What became of one step of an order."""

    handling: Id
    asked_by: str
    step: str
    state: StepState
    tries: int
    answer: dict[str, Any] | None
    error: str | None
    started_at: Time
    ended_at: Time | None


class OrderHistory(Model):
    """Each step of an order that was begun."""

    order: OrderId
    steps: list[StepRecord]
    """Oldest first."""


SLIP = {200: Answer("The packing slip.", {"application/pdf": PDF})}
ORDER_ACCEPTED = {
    202: Answer(
        "It is safe, and will be loaded, or was.",
        {JSON: AcceptedOrder},
        {"Location": "Its status.", "Retry-After": "Seconds after which a look at it makes sense."},
    )
}
