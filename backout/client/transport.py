"""Transport: sends requests, and retries them if that can help."""

import json
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from backout.client.defaults import RETRY_TIMEOUT_SECONDS
from backout.client.errors import BackoutError, Refused, SourceFailed, Unavailable, Unreachable, refusal
from backout.client.uploads import Body, Sent

FIRST_PAUSE = 0.4  # seconds, doubled with each try
MAX_PAUSE = 20.0
KEY_SECONDS = 90.0  # how long a lost request may hold its Idempotency-Key, with a margin
CONNECT_SECONDS = 10.0
REPLY_SECONDS = 300.0
NOT_DONE = frozenset({429, 503})  # statuses which mean that the server did nothing

Retrying = Callable[[BackoutError, float], None]
"""Called before each retry with the error and the seconds until the retry."""


class Transport:
    """Requests to one server, with its address, an API key and a timeout for retries."""

    def __init__(self, url: str, *, key: str | None, retry_timeout: float | None, on_retry: Retrying | None) -> None:
        """`retry_timeout`: for how many seconds after its first failure a request is retried; None: see
        `BackoutClient`. Raises ValueError for an invalid address."""
        address = _read_address(url)
        headers = {"Accept": "application/json, */*;q=0.1", "User-Agent": "backout-client"}
        self._http = httpx.Client(
            base_url=address,
            headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(REPLY_SECONDS, connect=CONNECT_SECONDS),
            # certificates take longer to read than a request; without them nothing encrypted would be trusted
            verify=True if address.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )
        self._retry_timeout = RETRY_TIMEOUT_SECONDS if retry_timeout is None else retry_timeout
        self._waits_for_a_start = retry_timeout is not None
        self._was_reached = False
        self._on_retry = on_retry

    @property
    def url(self) -> str:
        """The server's address."""
        return str(self._http.base_url).rstrip("/")

    def ask(self, method: str, path: str, *, repeatable: bool = True, **options: Any) -> dict[str, Any]:
        """Send a request; returns the answer's JSON object. Options and errors are those of `stream`."""
        return _read_object(self._persist(method, path, repeatable, options, whole=True))

    @contextmanager
    def stream(self, method: str, path: str, *, repeatable: bool = True, **options: Any) -> Iterator[httpx.Response]:
        """Send a request; gives the answer of 2xx before its body is read. A body that is cut off is not requested
        again.

        `repeatable`: the request may be sent again even if the server may have executed it. Options: `params`, `json`,
        `headers`, `body`, `sent`, and `answers`, more statuses that count as success. Raises `Refused` and
        `Unreachable`.
        """
        answer = self._persist(method, path, repeatable, options, whole=False)
        try:
            yield answer
        except httpx.RequestError as error:
            raise Unreachable(f"the answer of {self.url} was cut off: {_describe(error)}") from error
        finally:
            answer.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _persist(
        self, method: str, path: str, repeatable: bool, options: dict[str, Any], *, whole: bool
    ) -> httpx.Response:
        answers = options.pop("answers", ())
        tries, spent, retry_timeout = 0, 0.0, self._retry_timeout
        while True:
            failure: BackoutError
            asked: float | None = None
            begun = time.monotonic()
            try:
                answer = self._send(method, path, **options)
                self._was_reached = True
                if answer.status_code < 400 or answer.status_code in answers:
                    return _read_whole(answer) if whole else answer
                failure, asked = _read_refusal(answer), _read_pause(answer)
                is_ours = failure.kind == "key-in-flight"
                if is_ours:  # the server has not noticed yet that the first try was lost
                    retry_timeout = max(retry_timeout, KEY_SECONDS)
                again = is_ours or (isinstance(failure, Unavailable) and (repeatable or answer.status_code in NOT_DONE))
            except httpx.RequestError as error:
                unconnected = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                self._was_reached |= not unconnected
                failure = self._explain(error)
                is_hopeless = not (self._was_reached or self._waits_for_a_start) and _is_absent(error)
                again = not is_hopeless and (repeatable or unconnected)
            pause = _choose_pause(tries, asked)
            # the time to send a large body does not count
            spent += pause if "body" in options or not tries else pause + time.monotonic() - begun
            if not again or spent > retry_timeout:
                raise failure
            if self._on_retry:
                self._on_retry(failure, pause)
            time.sleep(pause)
            tries += 1

    def _explain(self, error: httpx.RequestError) -> Unreachable:
        never = not self._was_reached
        what = f"nothing answers at {self.url}" if never and _is_absent(error) else f"{self.url} can't be reached"
        failure = Unreachable(f"{what}: {_describe(error)}", never_reached=never)
        failure.__cause__ = error
        return failure

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        sent: Sent | None = None,
    ) -> httpx.Response:
        given = dict(headers or {})
        content: Iterator[bytes] | None = None
        if body is not None:
            whole = body.begin()
            if whole is not None:
                given["Content-Length"] = str(whole)
            content = _report(body, whole, sent)
        try:
            request = self._http.build_request(method, path, params=params, json=json, headers=given, content=content)
        except httpx.InvalidURL as error:
            raise SourceFailed(f"nothing was sent: {error}") from error
        return self._http.send(request, stream=True)


def _read_address(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(f"the server's address must read http://host:port or https://host; it is {url!r}")
    return address


def _report(body: Body, whole: int | None, sent: Sent | None) -> Iterator[bytes]:
    done = 0
    for piece in body.pieces():
        yield piece
        done += len(piece)
        if sent:
            sent(done, whole)


def _choose_pause(tries: int, asked: float | None) -> float:
    """The seconds until the next try: at least Retry-After, and random, so that many clients don't return at once."""
    pause = min(FIRST_PAUSE * 2**tries, MAX_PAUSE)
    jittered = random.uniform(pause / 2, pause)
    return jittered if asked is None else asked + min(jittered, asked / 2 + FIRST_PAUSE)


def _read_pause(answer: httpx.Response) -> float | None:
    """The seconds of Retry-After, which may be a number or a date."""
    text = answer.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp(), 0.0)


def _read_whole(answer: httpx.Response) -> httpx.Response:
    try:
        answer.read()
    finally:
        answer.close()
    return answer


def _read_refusal(answer: httpx.Response) -> Refused:
    return refusal(answer.status_code, _read_whole(answer).content)


class _Document(dict[str, Any]):
    """An answer's JSON object. A missing member raises `ServerFailed`: another program has answered."""

    def __missing__(self, name: str) -> Any:
        raise refusal(500, json.dumps({"detail": f"the answer has no {name}: it is not from Backout"}).encode())


def _read_object(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise refusal(500, answer.content)
    return _Document(document)


def _find_cause(error: BaseException) -> OSError | None:
    """The operating system's error below the libraries' errors."""
    below: BaseException | None = error
    while below is not None and not isinstance(below, OSError):
        below = below.__cause__ or below.__context__
    return below


def _is_absent(error: httpx.RequestError) -> bool:
    """Whether there is no server: no process listens there, or the host name is unknown."""
    cause = _find_cause(error)
    unknown = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
    return isinstance(cause, ConnectionRefusedError) or (isinstance(cause, socket.gaierror) and cause.errno in unknown)


def _describe(error: httpx.RequestError) -> str:
    cause = _find_cause(error)
    if cause is not None and cause.strerror:
        return cause.strerror[:1].lower() + cause.strerror[1:]
    return str(error) or {"ReadTimeout": "no answer came"}.get(type(error).__name__, type(error).__name__)
