"""Mail the customer that the parcel is on its way."""

from typing import Any

from app.handling.adapters import mail
from app.handling.step_context import Step, StepContext
from app.handling.steps.create_shipment import NAME as SHIPMENT


def run(context: StepContext) -> dict[str, Any]:
    order = context.order
    tracking = context.answers.get(SHIPMENT, {}).get("tracking")
    text = f"Dear {order['customer']},\n\nyour order {order['order_number']} at {order['marketplace']} is on its way.\n"
    if tracking:
        text += f"Its tracking number is {tracking}.\n"
    return {"message_id": mail.send(context.call, order["email"], f"Your order {order['order_number']}", text)}


STEP = Step("mail_confirmation", "mail the confirmation", place=60, priority=10, run=run)
