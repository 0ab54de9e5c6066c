"""Mark the order shipped, in our own table."""

from typing import Any

from app.db.handlings import orders
from app.handling.step_context import Step, StepContext


def run(context: StepContext) -> dict[str, Any]:
    with context.database.begin() as connection:
        orders.mark_shipped(connection, context.id)
    return {"status": "shipped"}


STEP = Step("mark_shipped", "mark the order shipped", place=50, priority=70, run=run, ships=True)
