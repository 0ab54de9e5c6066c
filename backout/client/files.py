"""Files: send one for an import or a preview, or ask for generated rows."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Unpack

from backout.client.models import (
    Import,
    Preview,
    read_import,
    read_preview,
)
from backout.client.options import Options, write_options
from backout.client.paths import key_header
from backout.client.transport import Transport
from backout.client.uploads import Body, Sent, StreamBody, open_body, open_file, read_beginning


class FileMethods:
    """What a client sends."""

    _transport: Transport

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
        """Send a file. Returns once the server has accepted it, before it is loaded.

        Args:
            source: the file's path, or a binary stream. A stream that can't be read twice, such as standard input, is
                copied to a temporary file while it is sent.
            dataset: the dataset to load into; by default that of the template, or orders.
            file_name: the name to show; by default the name in the path.
            idempotency_key: sending the same key and content again returns the same import. By default a random key.
            on_sent: called with the bytes sent in this try and the total, which is None if unknown.
            options: the options of the import, see `Options`.

        Returns:
            The accepted import. `wait` returns it after its end.

        Raises:
            InvalidRequest: an option or the beginning of the file is invalid, or the key was used for other content.
            NotAllowed: the same file is being imported already, or the API key is missing.
            NotFound: there is no such template.
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
            headers = key_header(idempotency_key) | {"Content-Type": "application/octet-stream"}
            params = _params(dataset, file_name) | write_options(options)
            return read_import(
                self._transport.ask("POST", "/v1/imports", params=params, headers=headers, body=body, sent=on_sent)
            )

    def preview(
        self,
        source: str | Path | IO[bytes],
        *,
        dataset: str | None = None,
        file_name: str | None = None,
        **options: Unpack[Options],
    ) -> Preview:
        """Ask how the server would read a file. Nothing is imported, and the server keeps nothing.

        Args:
            source: the file's path, or a binary stream. Its first 256 KiB are sent; of XLSX and Parquet all.
            dataset: the dataset that an import would load into, as in `import_file`.
            file_name: a hint at the format; by default the name in the path.
            options: the options of the import, see `Options`.

        Returns:
            The preview: which of the file's columns go where, and what an import would refuse.

        Raises:
            InvalidRequest: an option is invalid, or the file is empty.
            NotFound: there is no such template.
            SourceFailed: the source can't be read.

        Example:
            >>> found = client.preview("shop.csv")
            >>> client.import_file("shop.csv", columns=found.suggested_columns)
        """
        with ExitStack() as stack:
            if isinstance(source, str | Path):
                file_name = file_name or os.fsencode(Path(source).name).decode(errors="replace")
                source = stack.enter_context(open_file(Path(source)))
            body, partial = read_beginning(source)
        params = _params(dataset, file_name) | write_options(options)
        params |= {"partial": "true"} if partial else {}
        headers = {"Content-Type": "application/octet-stream"}
        return read_preview(self._transport.ask("POST", "/v1/previews", params=params, headers=headers, body=body))

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
        headers = key_header(idempotency_key)
        return read_import(self._transport.ask("POST", "/v1/imports", json=document, headers=headers))


def _params(dataset: str | None, file_name: str | None) -> dict[str, str]:
    named = {"dataset": dataset, "file_name": file_name or None}
    return {name: text for name, text in named.items() if text is not None}
