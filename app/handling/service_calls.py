"""Service calls: how another company's service is called. One way for all of them: a rate limit, a circuit breaker, a
timeout, and tries with pauses that grow, under one idempotency key."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import structlog
from circuitbreaker import CircuitBreaker
from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from app.config import Settings
from app.domain.errors import BackoutError

MAX_PAUSE_SECONDS = 5.0
Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class ServiceRefused(BackoutError):
    """The service says no, and would say it again: the step has failed."""


class ServiceFailed(BackoutError):
    """The service did not answer, or its answer doesn't say whether it did the work: the call is repeated."""


class ServicePaused(ServiceFailed):
    """The service has failed several times in a row, and is left alone for a while."""


@dataclass(frozen=True)
class Service:
    """A service as its adapter declares it. Its address and, if it differs, its rate come from the settings."""

    name: str
    calls_per_second: int


class ServiceClient:
    """What a process keeps of one service: where it is, how often it may be called, and whether it is well."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.name = service.name
        address = settings.handling_services.get(service.name)
        self.address = address.get_secret_value() if address is not None else ""
        self.timeout = settings.handling_timeout_seconds
        rate = settings.handling_rates.get(service.name, service.calls_per_second)
        self.limiter = Limiter(InMemoryBucket([Rate(rate, Duration.SECOND)]))
        self.breaker = CircuitBreaker(
            failure_threshold=settings.handling_breaker_failures,
            recovery_timeout=settings.handling_breaker_seconds,
            expected_exception=ServiceFailed,
            name=service.name,
        )
        self.connection: Any = None  # the adapter's, kept between calls


class ServiceClients:
    """All services, for one process; threads share it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clients: dict[str, ServiceClient] = {}
        self._lock = Lock()

    def client(self, service: Service) -> ServiceClient:
        """The client of a service, made when it is first asked for."""
        with self._lock:
            if service.name not in self._clients:
                self._clients[service.name] = ServiceClient(service, self.settings)
            return self._clients[service.name]


class ServiceCall:
    """One step's way to a service. `key` stays the same however often it is tried, now or by a later worker.

    `pause` waits for so many seconds, or raises when the worker must go. `tries` counts what was really sent.
    """

    def __init__(self, clients: ServiceClients, key: str, pause: Callable[[float], None]) -> None:
        self._clients = clients
        self._pause = pause
        self.key = key
        self.tries = 0

    def make(self, service: Service, act: Callable[[ServiceClient], Answer]) -> Answer:
        """Let `act` try once with the service's client, again and again until it has an answer.

        Raises `ServiceRefused`, and `ServiceFailed` after the last try.
        """
        client, settings = self._clients.client(service), self._clients.settings
        if not client.address:
            raise ServiceRefused(f"no address is set for {service.name}: name it in BACKOUT_HANDLING_SERVICES")
        growing = wait_random_exponential(multiplier=settings.handling_pause_seconds, max=MAX_PAUSE_SECONDS)

        def wait(state: RetryCallState) -> float:
            return max(growing(state), client.breaker.open_remaining if client.breaker.opened else 0)

        retrying = Retrying(
            stop=stop_after_attempt(settings.handling_tries),
            wait=wait,
            retry=retry_if_exception_type(ServiceFailed),
            sleep=self._pause,
            reraise=True,
        )
        answer: Answer = retrying(self._try, client, act)
        return answer

    def _try(self, client: ServiceClient, act: Callable[[ServiceClient], Answer]) -> Answer:
        if client.breaker.opened:
            raise ServicePaused(
                f"{client.name} has failed {client.breaker.failure_count} times in a row: {self._last(client)}"
            )
        client.limiter.try_acquire(client.name)
        self.tries += 1
        try:
            answer: Answer = client.breaker.call(act, client)
        except ServiceFailed as error:
            log.info("service_failed", service=client.name, key=self.key, attempt=self.tries, reason=str(error))
            raise
        return answer

    @staticmethod
    def _last(client: ServiceClient) -> str:
        return str(client.breaker.last_failure or "no reason is known")
