"""Marketplace: where the customer bought."""

from app.handling.http import post
from app.handling.service_calls import Service, ServiceCall

SERVICE = Service("marketplace", calls_per_second=100)


def announce(call: ServiceCall, order_id: str, marketplace: str, order_number: str, tracking: str) -> None:
    """Tell the marketplace the tracking number of an order."""
    body = {"order": order_id, "marketplace": marketplace, "order_number": order_number, "tracking": tracking}
    post(call, SERVICE, "/shipments", body)
