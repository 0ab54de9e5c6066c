"""Imports: follow them, stop them, and get their rejected rows."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from backout.client.errors import WaitTimeout
from backout.client.models import (
    Import,
    Reject,
    read_import,
    read_reject,
)
from backout.client.paths import dataset_path, import_path
from backout.client.transport import Transport

FIRST_POLL_SECONDS = 0.2  # between two polls of an import, growing while nothing changes
MAX_POLL_SECONDS = 2.0


def _pause_path(id: str | None, dataset: str | None, act: str) -> str:
    if id is not None and dataset is not None:
        raise ValueError("an import has one dataset: give an id, or a dataset")
    if id is not None:
        return f"{import_path(id)}/{act}"
    return f"/v1/{act}" if dataset is None else f"{dataset_path(dataset)}/{act}"


class ImportMethods:
    """What a client asks of its imports."""

    _transport: Transport

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
        return read_import(self._transport.ask("GET", import_path(id)))

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
        return read_import(self._transport.ask("POST", f"{import_path(id)}/stop"))

    def pause(self, id: str | None = None, *, dataset: str | None = None) -> dict[str, Any]:
        """Pause an import, all imports into a dataset, or all imports. What runs goes back to the queue, and begins
        again when it is resumed.

        Args:
            id: the import's id; None for more than one import.
            dataset: the dataset's name; without it and without an id, all imports are paused.

        Returns:
            The server's answer: the import, or all `pauses`.

        Raises:
            TooLate: the import was decided before, or has ended.
            NotFound: there is no such import.

        Example:
            >>> client.pause(dataset="orders")["pauses"][0]["scope"]
            'dataset'
        """
        return self._transport.ask("POST", _pause_path(id, dataset, "pause"))

    def resume(self, id: str | None = None, *, dataset: str | None = None) -> dict[str, Any]:
        """End such a pause. Imports that another pause holds stay paused.

        Args:
            id: the import's id; None for more than one import.
            dataset: the dataset's name; without it and without an id, the pause of all imports ends.

        Returns:
            The server's answer: the import, or all `pauses`.

        Raises:
            NotFound: there is no such import.

        Example:
            >>> client.resume(accepted.id)["paused"]
            False
        """
        return self._transport.ask("POST", _pause_path(id, dataset, "resume"))

    def imports(
        self, *, states: Iterable[str] = (), dataset: str | None = None, created_by: str | None = None
    ) -> Iterator[Import]:
        """List imports, newest first, page by page as they are needed.

        Args:
            states: only imports in one of these states; by default in any.
            dataset: only imports into this dataset; by default into any.
            created_by: only imports of the client of this name; by default of all that this client may see.

        Yields:
            One import after the other.

        Raises:
            InvalidRequest: a state is unknown.

        Example:
            >>> failed = [found.id for found in client.imports(states=["failed"], dataset="orders")]
        """
        filters = {"state": ",".join(states), "dataset": dataset or "", "created_by": created_by or "", "limit": "200"}
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
        with self._transport.stream("GET", f"{import_path(id)}/rejects", params={"format": "ndjson"}) as answer:
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
        with self._transport.stream("GET", f"{import_path(id)}/rejects", params={"format": format}) as answer:
            yield from answer.iter_bytes()
