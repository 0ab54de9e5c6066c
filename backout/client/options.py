"""Options of an import and of a revert, and how a request has them."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypedDict


class Options(TypedDict, total=False):
    """All are optional. The same Idempotency-Key requires the same options.

    Attributes:
        format: csv, tsv, ndjson, json, xlsx, ods or parquet; auto-detected by default.
        encoding, delimiter, quote, escape, header, first_line: parts of the format; auto-detected by default.
        template: an import template, such as "amazon-de"; the options given here win over its own.
        columns: a mapping from the file's names to the dataset's, or a list of all names in the file's order; or its
            JSON. None leaves a column out, "*": None all unknown ones. {"marketplace": {"value": "Shop"}} gives every
            row this value.
        formats, zones, decimal_mark, grouping_mark, currency, percent, negative: how the file writes dates and numbers.
        sheet: the sheet of a workbook, or "*" for all visible sheets; the first visible one by default.
        records: the path to the array with the rows of a JSON file, as "data.orders".
        null: the text that means NULL.
        comment: the beginning of lines that are skipped, or `none`.
        trim: remove spaces around fields.
        on_error: after an invalid row, `abort` (default) loads nothing, `reject` loads the other rows.
        max_rejects: with `reject`, how many rows may be rejected: 50 or "2.5%".
        on_conflict: for a row whose key exists already, `fail` (default) loads nothing, `skip` keeps the existing row,
            `update` replaces its values.
        dry_run: load all rows and roll them back.
        control_totals: what the accepted rows must add up to, as {"rows": 48211, "sum(quantity)": 99120}, else nothing
            is loaded. Sums may be `Decimal`.
        min_rows, max_rows: load nothing if there are fewer or more rows.
        like_last: how far the number of rows may be from that of the last ten imports: "30%".
        priority: imports with a higher priority begin first.
        stream: begin to load while the file is still being uploaded.
    """

    format: str
    encoding: str
    delimiter: str
    quote: str
    escape: str
    header: bool
    first_line: int
    columns: str | Mapping[str, str | Mapping[str, Any] | None] | Sequence[str | Mapping[str, Any] | None]
    formats: str | Sequence[str]
    zones: str | Mapping[str, str]
    decimal_mark: str
    grouping_mark: str
    currency: str | bool
    percent: str | bool
    negative: str | Sequence[str]
    null: str
    comment: str
    trim: bool
    template: str
    sheet: str
    records: str
    on_error: Literal["abort", "reject"]
    max_rejects: int | str
    on_conflict: Literal["fail", "skip", "update"]
    dry_run: bool
    control_totals: str | Mapping[str, int | str | Decimal]
    min_rows: int
    max_rows: int
    like_last: str
    priority: int
    stream: bool


class RevertOptions(TypedDict, total=False):
    """How to revert. All are optional.

    Attributes:
        dry_run: only look what would happen.
        on_changed: where a row stands in the way, `fail` (default) does nothing, `skip` leaves such rows as they are,
            `force` also reverts rows that another program has changed or deleted, and keeps what was there.
        dependents: for rows that a later import has updated, `restrict` (default) has them stand in the way, `cascade`
            reverts those imports as well.
        rows: only some rows of one import: {"ranges": ["1-1000", "5000-"], "filter": {"status": "paid"}}.
        expected: the `fingerprint` that a dry run gave. If the rows are others by now, nothing happens.
        keep_images: keep what is taken, so that the revert can be reverted.
        reason: why; it is kept in the timeline. A server may require it.
    """

    dry_run: bool
    on_changed: Literal["fail", "skip", "force"]
    dependents: Literal["restrict", "cascade"]
    rows: Mapping[str, Any] | None
    expected: str | None
    keep_images: bool
    reason: str | None


def write_options(options: Mapping[str, Any]) -> dict[str, str]:
    """The options as parameters of a query."""
    return {name: _write(name, value) for name, value in options.items() if value is not None}


def _write(name: str, value: Any) -> str:
    if name == "stream":
        return "1" if value else "0"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else json.dumps(value, default=str)
