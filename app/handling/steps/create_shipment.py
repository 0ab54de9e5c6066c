"""Create the shipment, and print its packing slip."""

from typing import Any

from app.handling import packing_slips
from app.handling.adapters import carrier
from app.handling.work import Step, StepContext

NAME = "create_shipment"


def run(work: StepContext) -> dict[str, Any]:
    order = work.order
    tracking = carrier.ship(work.call, str(work.id), order["customer"], order["ship_to"])
    packing_slips.keep(work.spool, work.id, order, tracking)
    return {"tracking": tracking}


STEP = Step(NAME, "create the shipment and its packing slip", place=30, priority=60, run=run, ships=True)
