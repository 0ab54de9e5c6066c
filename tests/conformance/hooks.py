"""Files that schemathesis sends: it knows no format of ours, and random bytes are no file."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from random import randrange
from typing import Any
from uuid import uuid4

import polars
import schemathesis
from backports import zstd
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tests.files.opendocument import row, sheet, spreadsheet

GOOD = {
    "marketplace": "shop",
    "customer": "Jo Doe",
    "email": "jo@example.com",
    "ship_to": "1 Main St, Springfield",
    "sku": "SKU-1",
    "quantity": 1,
    "unit_price": "12.50",
    "currency": "EUR",
    "status": "paid",
    "ordered_at": "2026-01-31 23:59:59",
}
orders = st.lists(st.uuids(), min_size=1, max_size=3).map(lambda ids: [{**GOOD, "order_number": str(id)} for id in ids])


def _table(write: Callable[[polars.DataFrame, io.BytesIO], object]) -> Callable[[list[dict[str, object]]], bytes]:
    def make(rows: list[dict[str, object]]) -> bytes:
        file = io.BytesIO()
        write(polars.DataFrame(rows), file)
        return file.getvalue()

    return make


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(_: Any, case: Any, __: Any) -> None:
    """Keys are drawn from few texts, and one that is used for other content is refused: make the good ones new. Options
    are a file's: leave them out where good ones meet made-up rows. Wrong keys are limited by address: take many."""
    address = f"198.18.{randrange(256)}.{randrange(256)}"
    case.headers = CaseInsensitiveDict({**(case.headers or {}), "X-Forwarded-For": address})
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 200 and key.isascii() and key.isprintable() and key == key.strip():
        case.headers["Idempotency-Key"] = f"{uuid4()}{key[36:]}"
    is_good = case.meta is not None and case.meta.generation.mode.is_positive
    if is_good and case.media_type == "application/json" and case.query:
        case.query = {}


def zipped(data: bytes) -> bytes:
    """An archive with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("orders.csv", data)
    return out.getvalue()


as_csv = _table(lambda table, file: table.write_csv(file))
for media, make in {
    "text/csv": as_csv,
    "text/tab-separated-values": _table(lambda table, file: table.write_csv(file, separator="\t")),
    "application/x-ndjson": lambda rows: b"".join(json.dumps(each).encode() + b"\n" for each in rows),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _table(
        lambda table, file: table.write_excel(file)
    ),
    "application/vnd.apache.parquet": _table(lambda table, file: table.write_parquet(file)),
    "application/vnd.oasis.opendocument.spreadsheet": lambda rows: spreadsheet(
        sheet("Orders", row(list(rows[0])), *(row([str(value) for value in each.values()]) for each in rows))
    ),
    "application/zip": lambda rows: zipped(as_csv(rows)),
    "application/gzip": lambda rows: gzip.compress(as_csv(rows)),
    "application/zstd": lambda rows: zstd.compress(as_csv(rows)),
    "application/octet-stream": as_csv,
}.items():
    schemathesis.openapi.media_type(media, orders.map(make))
