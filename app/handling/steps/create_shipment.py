"""Create the shipment, and print its packing slip."""

from typing import Any

from app.handling import packing_slips
from app.handling.adapters import carrier
from app.handling.step_context import Step, StepContext

NAME = "create_shipment"


def run(context: StepContext) -> dict[str, Any]:
    order = context.order
    tracking = carrier.ship(context.call, str(context.id), order["customer"], order["ship_to"])
    packing_slips.keep(context.spool, context.id, order, tracking)
    return {"tracking": tracking}


STEP = Step(NAME, "create the shipment and its packing slip", place=30, priority=60, run=run, ships=True)
