"""Mark the order shipped, in our own table."""

from typing import Any

from app.db.handlings import orders
from app.handling.work import Step, StepContext


def run(work: StepContext) -> dict[str, Any]:
    with work.database.begin() as connection:
        orders.mark_shipped(connection, work.id)
    return {"status": "shipped"}


STEP = Step("mark_shipped", "mark the order shipped", place=50, priority=70, run=run, ships=True)
