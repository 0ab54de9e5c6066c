"""Bodies: the files that clients send, made from an import's plan."""

import csv
import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.formats.generate.orders import write_csv_sample

TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


def make_body(values: dict[str, Any]) -> bytes:
    """The file that these values describe; the same values give the same bytes."""
    format, _, compression = values["form"].partition(".")
    with TemporaryDirectory() as folder:
        path = Path(folder, "orders.csv")
        write_csv_sample(path, values["rows"], values["orders"])
        lines = path.read_text(encoding="utf-8").splitlines()
    if values["bad_row"]:
        lines[values["bad_row"]] = _spoil(lines[0], lines[values["bad_row"]])
    body = ("\n".join(lines) if format == "csv" else _as_json(lines)).encode() + b"\n"
    return gzip.compress(body, 1, mtime=0) if compression else body


def content_type(values: dict[str, Any]) -> str:
    """What the client says it is."""
    return "application/gzip" if values["form"].endswith(".gz") else TYPES[values["form"]]


def _spoil(header: str, line: str) -> str:
    fields = next(csv.reader([line]))
    fields[header.split(",").index("quantity")] = "many"
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _as_json(lines: list[str]) -> str:
    return "\n".join(json.dumps(row) for row in csv.DictReader(lines))
