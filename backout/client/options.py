"""Options: what a client may say of a file and of its rows, and how that is written in a request."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict


class Options(TypedDict, total=False):
    """All optional. They are part of what an Idempotency-Key stands for.

    Attributes:
        format: csv, tsv, ndjson, json, xlsx or parquet; found from the content without it.
        encoding, delimiter, quote, escape, header, first_line, sheet: how the file is written.
        template: an import template's name, such as "amazon-de"; options that are given win over its own.
        columns: names of the file's columns by names of the dataset's, or all of them in their order; None leaves out.
        null: the text that stands for no value.
        on_error: `abort` loads nothing if one row is not in order; `reject` loads the others.
        max_rejects: with `reject`, how many rows may be rejected: 50 or "2.5%".
        on_conflict: what a row means whose key is there already.
        dry_run: load everything and roll it back.
        priority: higher ones are loaded first.
        stream: begin to load while the body still arrives.
    """

    format: str
    encoding: str
    delimiter: str
    quote: str
    escape: str
    header: bool
    first_line: int
    columns: str | Mapping[str, str | None] | Sequence[str | None]
    null: str
    template: str
    sheet: str
    on_error: Literal["abort", "reject"]
    max_rejects: int | str
    on_conflict: Literal["fail", "skip", "update"]
    dry_run: bool
    priority: int
    stream: bool


def write_options(options: Mapping[str, Any]) -> dict[str, str]:
    """The options as a query's parameters."""
    return {name: _write(name, value) for name, value in options.items() if value is not None}


def _write(name: str, value: Any) -> str:
    if name == "stream":
        return "1" if value else "0"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else json.dumps(value)
