"""What a file is, from its first bytes."""

import gzip
import re

import pytest

from app.domain.errors import UnsupportedFormat
from app.formats.detection import detect

CSV = b"marketplace,order_number\nAmazon,1\n"
NDJSON = b'{"marketplace": "Amazon"}\n'


@pytest.mark.parametrize(
    ("name", "content_type", "head", "expected"),
    [
        (None, None, CSV, ("csv", "none")),
        (None, None, NDJSON, ("ndjson", "none")),
        (None, None, b"\xef\xbb\xbf" + CSV, ("csv", "none")),
        (None, None, b"\xef\xbb\xbf \n" + NDJSON, ("ndjson", "none")),
        (None, None, gzip.compress(CSV, mtime=0), ("csv", "gzip")),
        (None, None, gzip.compress(NDJSON, mtime=0), ("ndjson", "gzip")),
        (None, None, gzip.compress(NDJSON, mtime=0)[:-10], ("ndjson", "gzip")),
        ("a.csv", "text/csv", NDJSON, ("ndjson", "none")),  # the content decides
        ("a.csv.gz", "application/gzip", CSV, ("csv", "none")),
        (
            "a.ndjson",
            "application/x-ndjson",
            gzip.compress(CSV, mtime=0),
            ("ndjson", "gzip"),
        ),  # the reader says what is wrong
        ("A.JSONL", None, b"oops", ("ndjson", "none")),
        (None, "application/x-ndjson; charset=utf-8", b"oops", ("ndjson", "none")),
        ("a.csv", "application/x-ndjson", b"oops", ("csv", "none")),
        (None, "application/octet-stream", b"", ("csv", "none")),
        (None, None, b"\x1f\x8b", ("csv", "gzip")),
        (None, None, b"\x1f\x8bgarbage that is no gzip", ("csv", "gzip")),
    ],
)
def test_what_is_read(name: str | None, content_type: str | None, head: bytes, expected: tuple[str, str]) -> None:
    assert detect(name, content_type, head) == expected


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04xxxx", "xlsx"),
        (b"PAR1xxxx", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        (b"\x28\xb5\x2f\xfdxxxx", "zstd"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"[\n  {}\n]", "JSON array"),
        (b"\xef\xbb\xbf  [{}]", "JSON array"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        ("a,b\n".encode("utf-16-le"), "UTF-16"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"\x00\x01\x02", "binary"),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), "gzip twice"),
        (gzip.compress(b"PAR1xxxx", mtime=0), "Parquet"),
    ],
)
def test_what_is_not_read(head: bytes, what: str) -> None:
    with pytest.raises(UnsupportedFormat, match=re.escape(what)) as caught:
        detect("orders.csv", "text/csv", head)
    assert "CSV and NDJSON" in caught.value.detail
    assert "gzip" in caught.value.detail
