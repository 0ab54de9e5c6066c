"""The page of orders: found, chosen, handled, followed. What it shows and does goes through `/v1`."""

from flask import Blueprint, render_template

from app.domain.caller import Scope
from app.domain.dataset import ORDERS
from app.handling.steps import all_steps
from app.routes import services
from app.routes.openapi.operations import describe
from app.routes.pages.imports import PAGE

STATUSES = next(column.choices for column in ORDERS.columns if column.name == "status")

blueprint = Blueprint("orders_page", __name__)


@blueprint.get("/orders")
@describe("show_orders_page", "page", PAGE, scope=Scope.ROWS_READ, dataset=ORDERS.name)
def show_orders() -> str:
    """The page; its script asks for the orders."""
    return render_template(
        "orders.html",
        statuses=STATUSES,
        steps=list(all_steps().values()),
        max_at_a_time=services().settings.handling_concurrency,
        max_rows=services().settings.max_generated_rows,
    )
