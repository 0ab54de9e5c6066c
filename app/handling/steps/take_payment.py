"""Take the money."""

from typing import Any

from app.handling.adapters import payment
from app.handling.step_context import Step, StepContext


def run(context: StepContext) -> dict[str, Any]:
    amount, currency = context.amount, context.order["currency"]
    return {"charge": payment.charge(context.call, str(context.id), amount, currency), "amount": f"{amount} {currency}"}


STEP = Step("take_payment", "take the payment", place=20, priority=90, run=run)
