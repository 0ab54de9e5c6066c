"""Orders in CSV and NDJSON, and what the reader makes of files of them."""

from pathlib import Path
from typing import Any

import pytest

from app.domain.dataset import ORDERS
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.reader import check_head, read_rows

HEADER = ",".join(ORDERS.column_names)
GOOD = 'Amazon,A-1,Jane Doe,jane@example.com,"1 Main St, Springfield",AB-1,2,12.50,USD,paid,2026-01-02 03:04:05'
PAYLOAD = (
    '"Amazon","A-1","Jane Doe","jane@example.com","1 Main St, Springfield","AB-1","2","12.50","USD","paid",'
    '"2026-01-02 03:04:05"\n'
)
OBJECT: dict[str, Any] = {
    "marketplace": "Amazon",
    "order_number": "A-1",
    "customer": "Jane Doe",
    "email": "jane@example.com",
    "ship_to": "1 Main St, Springfield",
    "sku": "AB-1",
    "quantity": 2,
    "unit_price": "12.50",
    "currency": "USD",
    "status": "paid",
    "ordered_at": "2026-01-02T03:04:05Z",
}


def read(
    tmp_path: Path,
    data: str | bytes,
    format: str = "csv",
    compression: str = "none",
    batch_bytes: int = 1 << 20,
    **parts: Any,
) -> list[Batch]:
    path = tmp_path / "orders"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    batches = []
    for batch in read_rows(path, ORDERS, FileFormat(format, compression, **parts), batch_bytes):
        if batch.rejects:
            raise batch.rejects[0].as_failure()
        batches.append(batch)
    return batches


def error_of(tmp_path: Path, data: str | bytes, *arguments: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(ImportFailed) as caught:
        read(tmp_path, data, *arguments, **options)
    assert caught.value.reason
    return {k: v for k, v in caught.value.as_dict().items() if k not in ("reason", "message")}


def head_error(tmp_path: Path, data: str | bytes, format: str = "csv", compression: str = "none") -> dict[str, Any]:
    path = tmp_path / "orders"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(ImportFailed) as caught:
        check_head(path, ORDERS, FileFormat(format, compression))
    return {k: v for k, v in caught.value.as_dict().items() if k not in ("reason", "message")}


def changed(column: str, value: str) -> str:
    """The good row with the field as it stands in `value`, quotes and all."""
    fields = GOOD.replace('"1 Main St, Springfield"', "1 Main St").split(",")
    fields[ORDERS.column_names.index(column)] = value
    return ",".join(fields)
