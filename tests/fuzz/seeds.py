"""Files to begin with: one of each kind, in order and nearly so."""

import gzip
import io
import json

import polars as pl
from backports import zstd

from tests.fuzz.reading import NAMES, OPTIONS, PETS

ROWS = [
    ["Tom", "3", "1.50", "2026-01-02 03:04:05", "cat", "true", "2026-01-02"],
    ['the "old" one', "-5", "9999.99", "2026-01-02T03:04:05Z", "ü", "NO", "02.01.2026"],
    ["Rex, Rexi", "007", "0", "2024-02-29 23:59:59", "dog", "1", "31.02.2026"],
    ["\\N", "300", "1.234", "2026-02-30 00:00:00", "cow", "maybe", "2026-02-30"],
]


def seeds() -> list[bytes]:
    """Contents for `check`: which options, then the file."""
    text = "\n".join([NAMES, *(",".join(f'"{value.replace(chr(34), chr(34) * 2)}"' for value in row) for row in ROWS)])
    plain = text.replace('"Tom"', "Tom").encode()
    body = "\n".join(";".join(row) for row in ROWS)
    objects = [dict(zip(PETS.column_names, row, strict=True)) for row in ROWS]
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in objects).encode()
    array = json.dumps(objects, indent=1).encode()
    table = io.BytesIO()
    pl.DataFrame(objects).write_parquet(table)
    files = [
        (0, plain),
        (0, plain.replace(b"\n", b"\r\n") + b"\r\n"),
        (0, plain.replace(b"\n", b"\r")),
        (0, b"\xef\xbb\xbf# pets\n\n" + plain),
        (0, text.replace(",", "\t").encode("utf-16")),
        (0, gzip.compress(plain, mtime=0)),
        (0, zstd.compress(lines)),
        (1, plain.replace(b'"Rex, Rexi"', b'"Rex, \n Rexi')),
        (3, body.encode()),
        (4, "\n".join(",".join(f"'{value}'" for value in row) for row in ROWS).encode()),
        (5, body.replace(";", "||").encode()),
        (6, body.replace(";", ",").encode("utf-16")),
        (7, body.replace(";", ",").replace("ü", "ﾂ").encode("shift_jis")),
        (8, body.replace(";", ",").encode("gb18030")),
        (9, lines),
        (9, "\n".join(json.dumps(each | {"tame": True, "seen": None, "age": 3}) for each in objects).encode()),
        (10, array),
        (11, table.getvalue()),
        (12, body.replace(";", ",").replace("true", "").replace("2026-01-02", "NULL").encode()),
    ]
    assert {options for options, _ in files} <= set(range(len(OPTIONS)))
    return [bytes([options]) + file for options, file in files]
