"""Payment: who takes the money."""

from decimal import Decimal

from app.handling.http import post
from app.handling.service_calls import Service, ServiceCall

SERVICE = Service("payment", calls_per_second=100)


def charge(call: ServiceCall, order_id: str, amount: Decimal, currency: str) -> str:
    """Charge the customer once; returns the charge's number. Amounts are exact, written as text."""
    answer = post(call, SERVICE, "/charges", {"order": order_id, "amount": str(amount), "currency": currency})
    return str(answer["id"])
