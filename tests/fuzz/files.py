"""Files for requests: small ones of every format, whole and damaged, with the options that they need."""

import gzip
import io
import json
from functools import cache
from random import Random

import polars

from app.domain.dataset import ORDERS
from tests.corpus import cases
from tests.fuzz.nonsense import as_bytes, damage, draw_text, spoil_json, write_json

MAX_BYTES = 20_000
NAMES = ORDERS.column_names
VALUES = [
    "shop",
    "A-1",
    "Jo Doe",
    "jo@example.com",
    "1 Main St",
    "SKU-1",
    "1",
    "12.50",
    "EUR",
    "paid",
    "2026-01-31 23:59:59",
]
HEADERS = ["id,Ann\udce9e", "id,\udcff", "a,a", "id,", ",", "id,İ", "import_no,row_no", "%s,%(x)s", ":a,`b", "a.b,a b"]


@cache
def corpus() -> list[tuple[bytes, dict[str, str]]]:
    """The small files of the corpus, with their options."""
    found = [(case.path.read_bytes(), case.options) for case in cases.read_cases()]
    return [(body, options) for body, options in found if len(body) <= MAX_BYTES]


def draw_file(random: Random) -> tuple[bytes, dict[str, str]]:
    """A file's bytes, and the options that go with it."""
    turn = random.random()
    options: dict[str, str] = {"on_error": "reject"} if random.random() < 0.5 else {}
    if turn < 0.35:
        body, said = random.choice(corpus())
        options = options | said
    elif turn < 0.5:
        rows = [",".join(draw_text(random) for _ in range(2)) for _ in range(random.randrange(4))]
        header = random.choice([*HEADERS, f"{draw_text(random)},{draw_text(random)}"])
        body = as_bytes("\n".join([header, *rows, "1,2"]))
    elif turn < 0.75:
        values = [value if random.random() < 0.9 else draw_text(random) for value in VALUES]
        quoted = ",".join('"' + value.replace('"', '""') + '"' for value in values)
        body = as_bytes(f"{','.join(NAMES)}\n{quoted}\n")
    elif turn < 0.95:
        objects = [spoil_json(dict(zip(NAMES, VALUES, strict=True)), random) for _ in range(random.randrange(1, 4))]
        lines = [write_json(each, random) for each in objects]
        body = b"[" + b",".join(lines) + b"]" if random.random() < 0.5 else b"\n".join(lines)
    else:
        body = table()
    if random.random() < 0.2:
        body = damage(body, random)
    return (gzip.compress(body, mtime=0), options) if random.random() < 0.05 else (body, options)


@cache
def table() -> bytes:
    """A good file of Parquet."""
    file = io.BytesIO()
    polars.DataFrame([json.loads(json.dumps(dict(zip(NAMES, VALUES, strict=True))))]).write_parquet(file)
    return file.getvalue()
