"""Handlings that are begun, run and looked at in this process."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from app.handling.runner import run_next
from app.handling.service_calls import ServiceClients
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.sandbox import Sandbox
from tests.waiting import wait_for

QUICK = {"handling_pause_seconds": 0.01, "handling_breaker_seconds": 1, "handling_timeout_seconds": 2}

Load = Callable[[int], list[str]]


def work(services: Services) -> None:
    """One worker's turn, with breakers of its own."""
    run_next(services, ServiceClients(services.settings), "test", GracefulShutdown(0))


def begin(web: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = web.post("/v1/handlings", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json)


def mine(sandbox: Sandbox, service: str, orders: list[str]) -> list[str]:
    return [order for order in sandbox.effects(service) if order in orders]


def list_done(web: FlaskClient, order: str) -> list[dict[str, Any]]:
    return [step for step in web.get(f"/v1/orders/{order}/history").json["steps"] if step["state"] == "done"]


def replace_settings(services: Services, **values: Any) -> Any:
    return services.settings.model_copy(update=values)


def wait_called(sandbox: Sandbox, order: str) -> None:
    wait_for(lambda: any(f"-{order}-" in call["key"] for call in sandbox.read("calls")), f"a call for {order}")
