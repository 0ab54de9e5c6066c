"""Tell the marketplace the tracking number."""

from typing import Any

from app.handling.adapters import marketplace
from app.handling.service_calls import ServiceRefused
from app.handling.step_context import Step, StepContext
from app.handling.steps.create_shipment import NAME as SHIPMENT


def run(context: StepContext) -> dict[str, Any]:
    if SHIPMENT not in context.answers:
        raise ServiceRefused("the order has no shipment yet, so there is no tracking number to tell")
    tracking = str(context.answers[SHIPMENT]["tracking"])
    order = context.order
    marketplace.announce(context.call, str(context.id), order["marketplace"], order["order_number"], tracking)
    return {"tracking": tracking}


STEP = Step(
    "tell_marketplace",
    "send the tracking number to the marketplace",
    place=40,
    priority=50,
    run=run,
    needs=(SHIPMENT,),
)
