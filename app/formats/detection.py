"""What a file is, from its first bytes, and only then from its name and content type."""

import zlib

from app.domain.errors import UnsupportedFormat
from app.formats.blocks import BOM
from app.formats.compressed import GZIP_MAGIC

_READ_HERE = "read here are CSV and NDJSON in UTF-8, each also compressed with gzip"

_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook (xlsx)"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF document"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls)"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (GZIP_MAGIC, "compressed with gzip twice"),
)
_NDJSON_NAMES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
_NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


def detect(name: str | None, content_type: str | None, head: bytes) -> tuple[str, str]:
    """The format (csv or ndjson) and the compression (none or gzip) of a file whose first bytes are `head`.

    The content decides; `name` and `content_type` only where it leaves the choice. Some hundred bytes of head are
    enough. Raises UnsupportedFormat for what is clearly something else.
    """
    compression = "none"
    if head.startswith(GZIP_MAGIC):
        compression = "gzip"
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 64 * 1024)
        except zlib.error:
            head = b""  # check_head tells what is wrong with it
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise UnsupportedFormat(f"The file is {what}; {_READ_HERE}.")
    content = head.removeprefix(BOM).lstrip()
    if content.startswith(b"["):
        raise UnsupportedFormat(
            f"The file is a JSON array; {_READ_HERE}. Write one object a line without the brackets."
        )
    if content.startswith(b"{"):
        return "ndjson", compression
    if b"\0" in content.partition(b"\n")[0]:
        raise UnsupportedFormat(f"The file is binary or text in UTF-16; {_READ_HERE}.")
    declared = (content_type or "").partition(";")[0].strip().lower()
    if (name or "").lower().endswith(_NDJSON_NAMES):
        return "ndjson", compression
    if declared in _NDJSON_TYPES and not (name or "").lower().endswith((".csv", ".csv.gz")):
        return "ndjson", compression
    return "csv", compression
