"""The client: what a Backout server can do, a method each."""

from dataclasses import fields
from types import TracebackType
from typing import Any, Self

from backout.client.datasets import DatasetMethods
from backout.client.defaults import DEFAULT_URL
from backout.client.erasures import ErasureMethods
from backout.client.files import FileMethods
from backout.client.imports import ImportMethods
from backout.client.models import (
    Queue,
    Readiness,
)
from backout.client.reverts import RevertMethods
from backout.client.templates import TemplateMethods
from backout.client.tokens import TokenMethods
from backout.client.transport import Retrying, Transport


class BackoutClient(
    FileMethods, ImportMethods, RevertMethods, DatasetMethods, TemplateMethods, TokenMethods, ErasureMethods
):
    """Imports files through the HTTP API of a Backout server.

    Args:
        url: the server's address. api_key: the API key, if the server requires one. retry_timeout: for how many seconds
        after its first failure a request is retried. By default 20, and a server that
            was never reached is not waited for: a refused connection and an unknown host name fail at once.
        on_retry: called before each retry with the error and the seconds until the retry.

    A request is retried if it was lost on its way or answered with 408, 429, 502, 503 or 504, after growing, random
    pauses and not before Retry-After. All tries of an import have the same Idempotency-Key, so it is accepted once.

    Every method raises `Unreachable` if no answer came, and a subclass of `Refused` if the server refused. The
    constructor raises ValueError for an invalid address. Use the client in a with statement, or call `close`.

    Example:
        >>> from backout import BackoutClient
        >>> with BackoutClient("http://127.0.0.1:8000") as client:
        ...     accepted = client.import_file("orders.csv", on_error="reject")
        ...     ended = client.wait(accepted.id, timeout=600)
        ...     print(ended.state, ended.rows_kept)
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retry_timeout: float | None = None,
        on_retry: Retrying | None = None,
    ) -> None:
        """See the class."""
        self._transport = Transport(url, key=api_key, retry_timeout=retry_timeout, on_retry=on_retry)

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return self._transport.url

    def close(self) -> None:
        """Close all connections. The client can't be used afterwards.

        Example:
            >>> client.close()
        """
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ready(self) -> Readiness:
        """Check the parts of the installation, such as database, broker and workers.

        Returns:
            The status, and for each part "ok" or a message. A failing installation raises nothing.

        Example:
            >>> client.ready().status
            'ok'
        """
        found = self._transport.ask("GET", "/readyz", answers=(503,))
        return Readiness(str(found["status"]), dict(found["parts"]))

    def queue(self) -> Queue:
        """Get the queue's figures. They are also returned while the broker does not answer.

        Returns:
            How many imports are waiting and running, and what the broker reports.

        Example:
            >>> client.queue().depth
            0
        """
        found = self._transport.ask("GET", "/v1/queue", answers=(503,))
        known: dict[str, Any] = {field.name: found.get(field.name) for field in fields(Queue)}
        return Queue(**known)
