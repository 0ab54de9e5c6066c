"""HTTP: one try of a call to a service that speaks JSON, under an idempotency key."""

from typing import Any

import httpx

from app.handling.service_calls import Service, ServiceCall, ServiceClient, ServiceFailed, ServiceRefused

AGAIN = (408, 409, 423, 425, 429)  # besides all of 5xx: it may be answered otherwise in a moment


def post(call: ServiceCall, service: Service, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST to a service; returns its answer. Raises `ServiceRefused` and `ServiceFailed` with the service's words."""

    def act(client: ServiceClient) -> dict[str, Any]:
        if client.connection is None:
            # Of two threads the later one's client is kept and the other's is closed after its last use.
            client.connection = httpx.Client(base_url=client.address, timeout=client.timeout, trust_env=False)
        try:
            response = client.connection.post(path, json=body, headers={"Idempotency-Key": call.key})
        except httpx.HTTPError as error:
            raise ServiceFailed(f"{client.name} did not answer: {error or type(error).__name__}") from error
        if response.is_server_error or response.status_code in AGAIN:
            raise ServiceFailed(f"{client.name} answered {response.status_code}: {_words(response)}")
        if not response.is_success:
            raise ServiceRefused(f"{client.name} refused: {_words(response)}")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ServiceFailed(f"{client.name} answered something else than JSON")
        return answer

    return call.make(service, act)


def _words(response: httpx.Response) -> str:
    try:
        told = response.json()
    except ValueError:
        told = None
    words = told.get("detail") if isinstance(told, dict) else None
    return str(words or response.reason_phrase)[:200]
