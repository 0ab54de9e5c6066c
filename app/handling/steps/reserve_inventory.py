"""Reserve the goods."""

from typing import Any

from app.handling.adapters import inventory
from app.handling.work import Step, StepContext


def run(work: StepContext) -> dict[str, Any]:
    order = work.order
    return {"reservation": inventory.reserve(work.call, str(work.id), order["sku"], order["quantity"])}


STEP = Step("reserve_inventory", "reserve the goods", place=10, priority=80, run=run)
