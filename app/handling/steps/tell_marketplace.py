"""Tell the marketplace the tracking number."""

from typing import Any

from app.handling.adapters import marketplace
from app.handling.service_calls import ServiceRefused
from app.handling.steps.create_shipment import NAME as SHIPMENT
from app.handling.work import Step, StepContext


def run(work: StepContext) -> dict[str, Any]:
    if SHIPMENT not in work.answers:
        raise ServiceRefused("the order has no shipment yet, so there is no tracking number to tell")
    tracking = str(work.answers[SHIPMENT]["tracking"])
    order = work.order
    marketplace.announce(work.call, str(work.id), order["marketplace"], order["order_number"], tracking)
    return {"tracking": tracking}


STEP = Step(
    "tell_marketplace",
    "send the tracking number to the marketplace",
    place=40,
    priority=50,
    run=run,
    needs=(SHIPMENT,),
)
