"""Reserve the goods."""

from typing import Any

from app.handling.adapters import inventory
from app.handling.step_context import Step, StepContext


def run(context: StepContext) -> dict[str, Any]:
    order = context.order
    return {"reservation": inventory.reserve(context.call, str(context.id), order["sku"], order["quantity"])}


STEP = Step("reserve_inventory", "reserve the goods", place=10, priority=80, run=run)
