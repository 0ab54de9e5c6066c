"""Inventory: who keeps the goods."""

from typing import Any

from app.handling.http import post
from app.handling.service_calls import Service, ServiceCall

SERVICE = Service("inventory", calls_per_second=200)


def reserve(call: ServiceCall, order_id: str, sku: str, quantity: int) -> str:
    """Reserve goods for an order; returns the reservation's number."""
    answer: dict[str, Any] = post(call, SERVICE, "/reservations", {"order": order_id, "sku": sku, "quantity": quantity})
    return str(answer["id"])
