"""Small Parquet files that lie, or that ask for far more memory than they have bytes."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from app.formats.parquet.thrift import BINARY, I32, I64, LIST, STRUCT, Decoder, Struct, encode

LONG = "x" * 1_000_000
MANY = 2**31 - 1


def written(table: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(table), out, **options)
    return out.getvalue()


def with_footer(data: bytes, change: Callable[[Struct], None]) -> bytes:
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    footer = Decoder(data[begin:-8]).take_struct()
    change(footer)
    return joined(data[:begin], footer)


def joined(body: bytes, footer: Struct) -> bytes:
    end = encode(footer)
    return body + end + len(end).to_bytes(4, "little") + b"PAR1"


def column_of(footer: Struct) -> Struct:
    """The first column of the first row group."""
    column: Struct = footer[4][1][1][0][1][1][1][0][3][1]
    return column


def with_page(change: Callable[[Struct], None], *, values: int | None = None, **options: Any) -> bytes:
    """A file of a column `a` of a hundred texts, the header of whose page is changed; the footer goes along."""
    data = written({"a": ["x" * 10] * 100}, use_dictionary=False, write_statistics=False, **options)
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    decoder = Decoder(data[4:begin])
    header = decoder.take_struct()
    change(header)
    head = encode(header)
    footer = Decoder(data[begin:-8]).take_struct()
    column = column_of(footer)
    column[7] = (I64, column[7][1] + len(head) - decoder.position)
    column[6] = (I64, column[6][1] + len(head) - decoder.position)
    if values is not None:
        column[5] = (I64, values)
    return joined(data[:4] + head + data[4 + decoder.position : begin], footer)


def nested(levels: int) -> bytes:
    def nest(footer: Struct) -> None:
        root, leaf = footer[2][1][1]
        group: Struct = {3: (I32, 1), 4: (BINARY, b"g"), 5: (I32, 1)}
        footer[2] = (LIST, (STRUCT, [root, *[group] * levels, leaf]))
        column_of(footer)[3] = (LIST, (BINARY, [b"g"] * levels + [b"a"]))

    return with_footer(written({"a": [1]}), nest)


def with_rows(rows: int) -> bytes:
    def claim(footer: Struct) -> None:
        footer[3] = (I64, rows)
        footer[4][1][1][0][3] = (I64, rows)

    return with_footer(written({"a": ["x"] * 100}), claim)


def with_columns(columns: int) -> bytes:
    """Without any rows: only the schema has them."""

    def claim(footer: Struct) -> None:
        root, leaf = footer[2][1][1]
        root[5] = (I32, columns)
        footer[2] = (LIST, (STRUCT, [root, *[leaf | {4: (BINARY, b"%d" % at)} for at in range(columns)]]))

    return with_footer(written({"a": [1]}), claim)


def _set(number: int, value: int) -> Callable[[Struct], None]:
    return lambda header: header.__setitem__(number, (I32, value))


def _set_values(header: Struct) -> None:
    header[5][1][1] = (I32, MANY)


def repeated(text: str, rows: int, *, category: bool = False) -> bytes:
    """The text stands in the file once."""
    values = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [text])
    return written({"a": values}, compression="zstd", store_schema=category)


def with_large_page(texts: int, length: int) -> bytes:
    """A page of so many texts, of so many characters each, that is no lie."""
    data = written({"a": ["x"]}, use_dictionary=False, write_statistics=False, compression="zstd")
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    header, footer = Decoder(data[4:begin]).take_struct(), Decoder(data[begin:-8]).take_struct()
    packer = zstd.ZstdCompressor()
    count = bytearray()
    left = texts << 1
    while left >= 128:
        count.append(left & 127 | 128)
        left >>= 7
    levels = bytes([*count, left, 1])  # each is there
    packed = packer.compress(len(levels).to_bytes(4, "little") + levels)
    for _ in range(texts // 1000):
        packed += packer.compress((length.to_bytes(4, "little") + b"y" * length) * 1000)
    packed += packer.flush()
    header[2] = (I32, 4 + len(levels) + texts * (4 + length))
    header[3] = (I32, len(packed))
    header[5][1][1] = (I32, texts)
    head = encode(header)
    column = column_of(footer)
    column[5] = footer[3] = footer[4][1][1][0][3] = (I64, texts)
    column[6], column[7] = (I64, len(head) + header[2][1]), (I64, len(head) + len(packed))
    return joined(data[:4] + head + packed, footer)


FILES: dict[str, Callable[[], bytes]] = {
    "a text of a megabyte in every row": lambda: repeated(LONG, 1001),
    "a category of a megabyte in every row": lambda: repeated(LONG, 1001, category=True),
    "pages of nearly a gigabyte": lambda: with_large_page(100_000, 9000),
    "pages of two gigabytes": lambda: with_page(_set(2, MANY), compression="snappy"),
    "pages of two gigabytes, brotli": lambda: with_page(_set(2, MANY), compression="brotli"),
    "pages that are two gigabytes packed": lambda: with_page(_set(3, MANY), compression="zstd"),
    "a page of two milliard values": lambda: with_page(_set_values, compression="none"),
    "a column of two milliard values": lambda: with_page(_set_values, values=MANY, compression="none"),
    "a milliard of rows": lambda: with_rows(10**9),
    "more rows than there are": lambda: with_rows(1000),
    "fewer rows than none": lambda: with_rows(-5),
    "nested too deep": lambda: nested(5000),
    "more columns than a schema may have": lambda: with_columns(70_000),
}
