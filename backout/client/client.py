"""The client: what Backout can do, a method each."""

import io
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

FIRST_LOOK_SECONDS = 0.2  # between two looks at an import, growing while nothing changes
LAST_LOOK_SECONDS = 2.0
KEY_LENGTH = 200


class BackoutClient:
    """Imports files through the HTTP API of an installation.

    A request that was lost on its way, or answered with 408, 429, 502, 503 or 504, is sent again for `retry_timeout`
    seconds, after growing, random pauses and never sooner than Retry-After says. An import keeps its Idempotency-Key,
    so it is accepted once. Without `retry_timeout` it is 20 s, and a server that was never reached is not waited for:
    a refused connection and an unknown host name fail at once. Every method raises `Unreachable` if no answer came and
    a `Refused` if the server refused.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        retry_timeout: float | None = None,
        on_retry: Retrying | None = None,
    ) -> None:
        """`on_retry` is called before each pause. Raises ValueError for what is no address."""
        self._transport = Transport(url, key=api_key, retry_timeout=retry_timeout, on_retry=on_retry)

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.url

    def close(self) -> None:
        """Close its connections."""
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
        dataset: str | None = None,
        file_name: str | None = None,
        idempotency_key: str | None = None,
        on_sent: Sent | None = None,
        **options: Unpack[Options],
    ) -> Import:
        """Send a file, by its path or as a binary stream; returns once it is accepted, before it is loaded. Without a
        `dataset` it is the template's, or orders.

        Without an `idempotency_key` it gets one of its own. With one, the same content again is the same import; other
        content raises `InvalidRequest`. A stream that can't be read twice is kept in a temporary file while it is sent.
        Raises `SourceFailed` where the source can't be read, and ValueError for what can be no key.
        """
        with ExitStack() as stack:
            if isinstance(source, str | Path):
                file_name = file_name or os.fsencode(Path(source).name).decode(errors="replace")
                source = stack.enter_context(open_file(Path(source)))
            body: Body = open_body(source)
            if isinstance(body, StreamBody):
                stack.callback(body.close)
            headers = _key(idempotency_key) | {"Content-Type": "application/octet-stream"}
            named = {"dataset": dataset, "file_name": file_name or None}
            params = {name: text for name, text in named.items() if text is not None} | write_options(options)
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
        """Import so many generated rows, for trying things out; the same seed gives the same rows."""
        perhaps = {"seed": seed, "priority": priority}
        wish = {"dataset": dataset, "generate": rows} | {
            name: said for name, said in perhaps.items() if said is not None
        }
        return read_import(self._transport.ask("POST", "/v1/imports", json=wish, headers=_key(idempotency_key)))

    def get(self, id: str) -> Import:
        """The import as it is now; raises `NotFound`."""
        return read_import(self._transport.ask("GET", _path(id)))

    def watch(self, id: str, *, timeout: float | None = None) -> Iterator[Import]:
        """The import, each time it has changed, until it has ended.

        Raises `WaitTimeout` after `timeout` seconds; the import goes on.
        """
        until = None if timeout is None else time.monotonic() + timeout
        pause, seen = FIRST_LOOK_SECONDS, None
        while True:
            found = self.get(id)
            if found.sequence != seen:
                seen, pause = found.sequence, FIRST_LOOK_SECONDS
                yield found
            if found.is_final:
                return
            if until is not None and time.monotonic() >= until:
                raise WaitTimeout(f"the import is still {found.state} after {timeout:g} s; it goes on", found)
            time.sleep(pause if until is None else max(min(pause, until - time.monotonic()), 0.0))
            pause = min(pause * 1.5, LAST_LOOK_SECONDS)

    def wait(
        self, id: str, timeout: float | None = None, *, on_change: Callable[[Import], None] | None = None
    ) -> Import:
        """The import once it has ended, however it ended. Raises `WaitTimeout` after `timeout` seconds."""
        for found in self.watch(id, timeout=timeout):
            if on_change:
                on_change(found)
        return found

    def stop(self, id: str) -> Import:
        """Stop it: from the answer on it will never commit. Raises `TooLate` where it was decided before."""
        return read_import(self._transport.ask("POST", f"{_path(id)}/stop"))

    def imports(self, *, states: Iterable[str] = (), dataset: str | None = None) -> Iterator[Import]:
        """Imports, newest first, as many as there are; only these states, only this dataset, if they are given."""
        wanted = {"state": ",".join(states), "dataset": dataset or "", "limit": "200"}
        path: str | None = f"/v1/imports?{urlencode({name: text for name, text in wanted.items() if text})}"
        while path:
            page = self._transport.ask("GET", path)
            yield from map(read_import, page["imports"])
            path = page["next"]

    def rejects(self, id: str) -> Iterator[Reject]:
        """The rows that were not accepted, streamed; of an aborted import the first 1,000."""
        with self._transport.stream("GET", f"{_path(id)}/rejects", params={"format": "ndjson"}) as answer:
            for line in answer.iter_lines():
                yield read_reject(json.loads(line))

    def rejects_file(self, id: str, format: str = "csv") -> Iterator[bytes]:
        """The same as a file, piece by piece: `csv`, which can be mended and sent again, `ndjson` or `json`."""
        with self._transport.stream("GET", f"{_path(id)}/rejects", params={"format": format}) as answer:
            yield from answer.iter_bytes()

    # --- datasets and their rows --------------------------------------------------------------------------------------

    def count(self, dataset: str = "orders", *, import_id: str | None = None) -> int:
        """How many rows a reader sees; only those of one import, if it is given."""
        params = {} if import_id is None else {"import": import_id}
        return int(self._transport.ask("GET", f"{_dataset(dataset)}/rows/count", params=params)["count"])

    def delete_rows(self, dataset: str = "orders", *, import_id: str | None = None, confirm_all: bool = False) -> int:
        """Delete the rows of one import, or with `confirm_all` every row; returns how many.

        Raises `NotAllowed` while imports of the dataset run, and ValueError where neither is said.
        """
        if (import_id is None) is not confirm_all:
            raise ValueError("say either which import's rows to delete or confirm_all=True")
        params = {"confirm": dataset} if import_id is None else {"import": import_id}
        deleted = self._transport.ask("DELETE", f"{_dataset(dataset)}/rows", params=params, repeatable=False)
        return int(deleted["rows_deleted"])

    def datasets(self) -> list[Dataset]:
        """Every dataset."""
        return [read_dataset(found) for found in self._transport.ask("GET", "/v1/datasets")["datasets"]]

    def describe_dataset(self, name: str) -> Dataset:
        """One dataset; raises `NotFound`."""
        return read_dataset(self._transport.ask("GET", _dataset(name)))

    def create_dataset(self, name: str, columns: Sequence[Mapping[str, Any]], **more: Any) -> Dataset:
        """Create a dataset of these columns, described as the server describes them; raises `NotAllowed` where one of
        that name is there."""
        wish = {"name": name, "columns": [dict(column) for column in columns], **more}
        return read_dataset(self._transport.ask("POST", "/v1/datasets", json=wish, repeatable=False))

    def adopt_dataset(self, name: str) -> Dataset:
        """Let imports append to a table that is there already."""
        wish = {"name": name, "adopt": True}
        return read_dataset(self._transport.ask("POST", "/v1/datasets", json=wish, repeatable=False))

    def drop_dataset(self, name: str) -> None:
        """Drop a dataset with all of its rows; raises `NotAllowed` while imports of it run."""
        params = {"confirm": name}
        with self._transport.stream("DELETE", _dataset(name), params=params, repeatable=False):
            pass

    # --- import templates ---------------------------------------------------------------------------------------------

    def templates(self) -> list[dict[str, Any]]:
        """Every import template in its latest version, by name: documents with `name`, `version`, `dataset`, `options`,
        `header` and `made_from`."""
        return list(self._transport.ask("GET", "/v1/templates")["templates"])

    def template(self, name: str, version: int | None = None) -> dict[str, Any]:
        """One template, the latest version if none is given. Raises `NotFound`."""
        params = {} if version is None else {"version": str(version)}
        return dict(self._transport.ask("GET", _template(name), params=params))

    def template_yaml(self, name: str, version: int | None = None) -> bytes:
        """The template as YAML, which `save_template_yaml` takes back. Raises `NotFound`."""
        params = {"format": "yaml"} | ({} if version is None else {"version": str(version)})
        with self._transport.stream("GET", _template(name), params=params) as answer:
            return b"".join(answer.iter_bytes())

    def save_template(self, name: str, *, dataset: str = "orders", options: Mapping[str, Any]) -> dict[str, Any]:
        """Save a template with these options of an import; the same content again makes no new version."""
        return self._save_template(name, {"dataset": dataset, "options": dict(options)})

    def save_template_of(self, name: str, import_id: str) -> dict[str, Any]:
        """Save a template with the options of an import. Raises `NotFound`."""
        return self._save_template(name, {"import": import_id})

    def save_template_yaml(self, name: str, document: bytes) -> dict[str, Any]:
        """Save a template from YAML, as `template_yaml` gives it."""
        headers = {"Content-Type": "application/yaml"}
        return dict(self._transport.ask("PUT", _template(name), body=open_body(io.BytesIO(document)), headers=headers))

    def delete_template(self, name: str) -> None:
        """Delete a template with all its versions. Raises `NotFound`."""
        with self._transport.stream("DELETE", _template(name), repeatable=False):
            pass

    def _save_template(self, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._transport.ask("PUT", _template(name), json=document))

    # --- the installation ---------------------------------------------------------------------------------------------

    def ready(self) -> Readiness:
        """What each part of the installation says."""
        found = self._transport.ask("GET", "/readyz", answers=(503,))
        return Readiness(str(found["status"]), dict(found["parts"]))

    def queue(self) -> Queue:
        """How busy the installation is."""
        found = self._transport.ask("GET", "/v1/queue", answers=(503,))
        known: dict[str, Any] = {field.name: found.get(field.name) for field in fields(Queue)}
        return Queue(**known)


def _path(id: str) -> str:
    return f"/v1/imports/{_part(id, 'import')}"


def _dataset(name: str) -> str:
    return f"/v1/datasets/{_part(name, 'dataset')}"


def _template(name: str) -> str:
    return f"/v1/templates/{_part(name, 'template')}"


def _part(name: str, what: str) -> str:
    """The name as a part of a path. Raises `NotFound` for what would make another path of it."""
    if name in ("", ".", ".."):
        raise NotFound(404, {"type": f"/problems/{what}-not-found", "detail": f"there is no {what} {name!r}"})
    return quote(name, safe="")


def _key(given: str | None) -> dict[str, str]:
    key = str(uuid4()) if given is None else given
    if not 1 <= len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise ValueError(f"an Idempotency-Key has 1 to {KEY_LENGTH} printable ASCII characters")
    return {"Idempotency-Key": key}
