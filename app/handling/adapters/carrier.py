"""Carrier: who brings the parcel."""

from app.handling.http import post
from app.handling.service_calls import Service, ServiceCall

SERVICE = Service("carrier", calls_per_second=100)


def ship(call: ServiceCall, order_id: str, customer: str, address: str) -> str:
    """Create a shipment; returns its tracking number."""
    answer = post(call, SERVICE, "/shipments", {"order": order_id, "customer": customer, "address": address})
    return str(answer["tracking"])
