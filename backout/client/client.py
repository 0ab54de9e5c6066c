"""The client: one method for each request of the API."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, Unpack
from urllib.parse import quote, urlencode
from uuid import uuid4

from backout.client.defaults import DEFAULT_URL
from backout.client.errors import NotFound, WaitTimeout
from backout.client.models import Dataset, Import, Queue, Readiness, Reject, read_dataset, read_import, read_reject
from backout.client.options import Options, write_options
from backout.client.transport import Retrying, Transport
from backout.client.uploads import Body, Sent, StreamBody, open_body, open_file

FIRST_POLL_SECONDS = 0.2  # between two polls of an import, growing while nothing changes
MAX_POLL_SECONDS = 2.0
KEY_LENGTH = 200


class BackoutClient:
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

    # --- imports ------------------------------------------------------------------------------------------------------

    def import_file(
        self,
        source: str | Path | IO[bytes],
        *,
        dataset: str = "orders",
        file_name: str | None = None,
        idempotency_key: str | None = None,
        on_sent: Sent | None = None,
        **options: Unpack[Options],
    ) -> Import:
        """Send a file. Returns once the server has accepted it, before it is loaded.

        Args:
            source: the file's path, or a binary stream. A stream that can't be read twice, such as standard input, is
                copied to a temporary file while it is sent.
            dataset: the dataset to load into.
            file_name: the name to show; by default the name in the path.
            idempotency_key: sending the same key and content again returns the same import. By default a random key.
            on_sent: called with the bytes sent in this try and the total, which is None if unknown.
            options: the options of the import, see `Options`.

        Returns:
            The accepted import. `wait` returns it after its end.

        Raises:
            InvalidRequest: an option or the beginning of the file is invalid, or the key was used for other content.
            NotAllowed: the same file is being imported already, or the API key is missing.
            NotFound: there is no such dataset.
            SourceFailed: the source can't be read.
            ValueError: the Idempotency-Key is invalid.

        Example:
            >>> accepted = client.import_file("orders.csv", dataset="orders", on_conflict="skip")
            >>> client.wait(accepted.id).state
            'committed'
        """
        with ExitStack() as stack:
            if isinstance(source, str | Path):
                file_name = file_name or os.fsencode(Path(source).name).decode(errors="replace")
                source = stack.enter_context(open_file(Path(source)))
            body: Body = open_body(source)
            if isinstance(body, StreamBody):
                stack.callback(body.close)
            headers = _key(idempotency_key) | {"Content-Type": "application/octet-stream"}
            params = {"dataset": dataset, **({"file_name": file_name} if file_name else {}), **write_options(options)}
            return read_import(
                self._transport.ask("POST", "/v1/imports", params=params, headers=headers, body=body, sent=on_sent)
            )

    def import_generated(
        self,
        rows: int,
        *,
        dataset: str = "orders",
        seed: str | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> Import:
        """Import generated orders, for tests and demonstrations.

        Args:
            rows: how many rows to generate.
            dataset: the dataset to load into; it must be `orders`.
            seed: 1 to 24 characters of a-z and 0-9; the same seed gives the same rows. By default a random one.
            priority: imports with a higher priority begin first.
            idempotency_key: see `import_file`.

        Returns:
            The accepted import.

        Raises:
            InvalidRequest: a value is invalid.
            ValueError: the Idempotency-Key is invalid.

        Example:
            >>> client.wait(client.import_generated(1000).id).rows_kept
            1000
        """
        optional = {"seed": seed, "priority": priority}
        document = {"dataset": dataset, "generate": rows} | {
            name: value for name, value in optional.items() if value is not None
        }
        return read_import(self._transport.ask("POST", "/v1/imports", json=document, headers=_key(idempotency_key)))

    def get(self, id: str) -> Import:
        """Get the current state of an import.

        Args:
            id: the import's id.

        Returns:
            The import as it is now.

        Raises:
            NotFound: there is no such import.

        Example:
            >>> client.get(accepted.id).percent
            42.0
        """
        return read_import(self._transport.ask("GET", _path(id)))

    def watch(self, id: str, *, timeout: float | None = None) -> Iterator[Import]:
        """Follow an import until it has ended, by polling.

        Args:
            id: the import's id.
            timeout: the maximum seconds to wait; None for no limit.

        Yields:
            The import, now and after each change. The last one is final.

        Raises:
            NotFound: there is no such import.
            WaitTimeout: it has not ended in time. The import goes on.

        Example:
            >>> for found in client.watch(accepted.id):
            ...     print(found.state, found.rows_done)
        """
        until = None if timeout is None else time.monotonic() + timeout
        pause, seen = FIRST_POLL_SECONDS, None
        while True:
            found = self.get(id)
            if found.sequence != seen:
                seen, pause = found.sequence, FIRST_POLL_SECONDS
                yield found
            if found.is_final:
                return
            if until is not None and time.monotonic() >= until:
                raise WaitTimeout(f"the import is still {found.state} after {timeout:g} s; it goes on", found)
            time.sleep(pause if until is None else max(min(pause, until - time.monotonic()), 0.0))
            pause = min(pause * 1.5, MAX_POLL_SECONDS)

    def wait(
        self, id: str, timeout: float | None = None, *, on_change: Callable[[Import], None] | None = None
    ) -> Import:
        """Wait until an import has ended. A failed or stopped import raises nothing: check its state.

        Args:
            id: the import's id.
            timeout: the maximum seconds to wait; None for no limit.
            on_change: called with the import now and after each change.

        Returns:
            The import after its end: `is_done` is true if it succeeded, `failure` says why it failed.

        Raises:
            NotFound: there is no such import.
            WaitTimeout: it has not ended in time. The import goes on.

        Example:
            >>> ended = client.wait(accepted.id, timeout=600)
            >>> if not ended.is_done:
            ...     print(ended.failure)
        """
        for found in self.watch(id, timeout=timeout):
            if on_change:
                on_change(found)
        return found

    def stop(self, id: str) -> Import:
        """Stop an import. After the answer it will never commit, and its rows are undone.

        Args:
            id: the import's id.

        Returns:
            The import, in the state `stopping` or `stopped`. Stopping it again returns the same.

        Raises:
            TooLate: the import was decided before, or has ended.
            NotFound: there is no such import.

        Example:
            >>> client.stop(accepted.id).state
            'stopping'
        """
        return read_import(self._transport.ask("POST", f"{_path(id)}/stop"))

    def imports(self, *, states: Iterable[str] = (), dataset: str | None = None) -> Iterator[Import]:
        """List imports, newest first, page by page as they are needed.

        Args:
            states: only imports in one of these states; by default in any.
            dataset: only imports into this dataset; by default into any.

        Yields:
            One import after the other.

        Raises:
            InvalidRequest: a state is unknown.

        Example:
            >>> failed = [found.id for found in client.imports(states=["failed"], dataset="orders")]
        """
        filters = {"state": ",".join(states), "dataset": dataset or "", "limit": "200"}
        path: str | None = f"/v1/imports?{urlencode({name: text for name, text in filters.items() if text})}"
        while path:
            page = self._transport.ask("GET", path)
            yield from map(read_import, page["imports"])
            path = page["next"]

    def rejects(self, id: str) -> Iterator[Reject]:
        """Stream the rejected rows of an import; of an aborted import the first 1,000 invalid rows.

        Args:
            id: the import's id.

        Yields:
            The rejects in the file's order.

        Raises:
            NotFound: there is no such import, or its rejects have been deleted.

        Example:
            >>> for reject in client.rejects(accepted.id):
            ...     print(reject.line, reject.column, reject.reason)
        """
        with self._transport.stream("GET", f"{_path(id)}/rejects", params={"format": "ndjson"}) as answer:
            for line in answer.iter_lines():
                yield read_reject(json.loads(line))

    def rejects_file(self, id: str, format: str = "csv") -> Iterator[bytes]:
        """Download the rejected rows of an import as a file.

        Args:
            id: the import's id.
            format: `csv`, `ndjson` or `json`. You can fix the CSV file and send it again.

        Yields:
            The file's bytes, piece by piece.

        Raises:
            NotFound: there is no such import, or its rejects have been deleted.

        Example:
            >>> with open("rejects.csv", "wb") as file:
            ...     file.writelines(client.rejects_file(accepted.id))
        """
        with self._transport.stream("GET", f"{_path(id)}/rejects", params={"format": format}) as answer:
            yield from answer.iter_bytes()

    # --- datasets and their rows --------------------------------------------------------------------------------------

    def count(self, dataset: str = "orders", *, import_id: str | None = None) -> int:
        """Count the visible rows of a dataset: those of committed imports.

        Args:
            dataset: the dataset's name.
            import_id: count only the rows of this import.

        Returns:
            The number of rows.

        Raises:
            NotFound: there is no such dataset or import.

        Example:
            >>> client.count("orders", import_id=accepted.id)
            1000
        """
        params = {} if import_id is None else {"import": import_id}
        return int(self._transport.ask("GET", f"{_dataset(dataset)}/rows/count", params=params)["count"])

    def delete_rows(self, dataset: str = "orders", *, import_id: str | None = None, confirm_all: bool = False) -> int:
        """Delete the rows of one import, or every row of a dataset. It is not retried after a lost answer.

        Args:
            dataset: the dataset's name.
            import_id: delete the rows of this import.
            confirm_all: delete every row. Give either this or `import_id`.

        Returns:
            How many rows were deleted.

        Raises:
            NotAllowed: imports of the dataset are queued or running, or some of the rows are orders in a handling.
            NotFound: there is no such dataset or import.
            ValueError: neither or both of `import_id` and `confirm_all` are given.

        Example:
            >>> client.delete_rows("orders", import_id=accepted.id)
            1000
        """
        if (import_id is None) is not confirm_all:
            raise ValueError("give either import_id or confirm_all=True")
        params = {"confirm": dataset} if import_id is None else {"import": import_id}
        deleted = self._transport.ask("DELETE", f"{_dataset(dataset)}/rows", params=params, repeatable=False)
        return int(deleted["rows_deleted"])

    def datasets(self) -> list[Dataset]:
        """List the datasets.

        Returns:
            All datasets with their columns.

        Example:
            >>> [dataset.name for dataset in client.datasets()]
            ['orders']
        """
        return [read_dataset(found) for found in self._transport.ask("GET", "/v1/datasets")["datasets"]]

    def describe_dataset(self, name: str) -> Dataset:
        """Get one dataset.

        Args:
            name: the dataset's name.

        Returns:
            The dataset with its columns.

        Raises:
            NotFound: there is no such dataset.

        Example:
            >>> [column["name"] for column in client.describe_dataset("orders").columns]
        """
        return read_dataset(self._transport.ask("GET", _dataset(name)))

    def create_dataset(self, name: str, columns: Sequence[Mapping[str, Any]], **more: Any) -> Dataset:
        """Create a dataset, and its table. It is not retried after a lost answer.

        Args:
            name: the name of dataset and table.
            columns: the definitions of the columns, as in docs/reference/datasets.md.
            more: other members of the definition, such as `key`, the list of columns that are unique together.

        Returns:
            The new dataset.

        Raises:
            InvalidRequest: the definition is invalid; `fields` lists the reasons.
            NotAllowed: a dataset or table of this name exists already.

        Example:
            >>> columns = [{"name": "sku", "type": "text", "length": 64}, {"name": "price", "type": "decimal",
            ...            "precision": 10, "scale": 2}]
            >>> client.create_dataset("parts", columns, key=["sku"]).name
            'parts'
        """
        document = {"name": name, "columns": [dict(column) for column in columns], **more}
        return read_dataset(self._transport.ask("POST", "/v1/datasets", json=document, repeatable=False))

    def adopt_dataset(self, name: str) -> Dataset:
        """Make a dataset of an existing table, so that imports can append to it. Not retried after a lost answer.

        Args:
            name: the table's name.

        Returns:
            The new dataset, with columns by the table's definition.

        Raises:
            InvalidRequest: there is no such table, or it can't be adopted; `fields` lists the reasons.
            NotAllowed: a dataset of this name exists already.

        Example:
            >>> client.adopt_dataset("customers").columns
        """
        document = {"name": name, "adopt": True}
        return read_dataset(self._transport.ask("POST", "/v1/datasets", json=document, repeatable=False))

    def drop_dataset(self, name: str) -> None:
        """Drop a dataset with all of its rows. An adopted table stays. It is not retried after a lost answer.

        Args:
            name: the dataset's name.

        Raises:
            NotAllowed: imports of the dataset are queued or running, or the dataset is built in.
            NotFound: there is no such dataset.

        Example:
            >>> client.drop_dataset("parts")
        """
        params = {"confirm": name}
        with self._transport.stream("DELETE", _dataset(name), params=params, repeatable=False):
            pass

    # --- the installation ---------------------------------------------------------------------------------------------

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


def _path(id: str) -> str:
    return f"/v1/imports/{_part(id, 'import')}"


def _dataset(name: str) -> str:
    return f"/v1/datasets/{_part(name, 'dataset')}"


def _part(name: str, what: str) -> str:
    """The name as a part of a path. Raises `NotFound` for a name that would change the path."""
    if name in ("", ".", ".."):
        raise NotFound(404, {"type": f"/problems/{what}-not-found", "detail": f"there is no {what} {name!r}"})
    return quote(name, safe="")


def _key(given: str | None) -> dict[str, str]:
    key = str(uuid4()) if given is None else given
    if not 1 <= len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise ValueError(f"an Idempotency-Key has 1 to {KEY_LENGTH} printable ASCII characters")
    return {"Idempotency-Key": key}
