"""Take the money."""

from typing import Any

from app.handling.adapters import payment
from app.handling.work import Step, StepContext


def run(work: StepContext) -> dict[str, Any]:
    amount, currency = work.amount, work.order["currency"]
    return {"charge": payment.charge(work.call, str(work.id), amount, currency), "amount": f"{amount} {currency}"}


STEP = Step("take_payment", "take the payment", place=20, priority=90, run=run)
