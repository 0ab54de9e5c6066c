"""Every type of Parquet, written by another library, comes to what that library reads."""

import math
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.formats.parquet.written import IN_FRACTIONS, SCHEMAS, WORDS, read, texts

pytestmark = pytest.mark.slow


@SCHEMAS
@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers(tmp_path: Path, bits: int, store_schema: bool) -> None:
    for name, least, most in (("int", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), ("uint", 0, 2**bits - 1)):
        values = pa.array([least, most, 0, None], getattr(pa, f"{name}{bits}")())
        assert texts(tmp_path / "o", values, store_schema=store_schema) == [str(least), str(most), "0", None]


@pytest.mark.parametrize("as_integer", [True, False])
@pytest.mark.parametrize(
    ("precision", "scale"),
    [(1, 0), (5, 2), (9, 9), (10, 1), (18, 18), (19, 4), (28, 3), (38, 0), (38, 10), (38, 38)],
)
def test_decimals(tmp_path: Path, precision: int, scale: int, as_integer: bool) -> None:
    most = Decimal((0, (9,) * precision, -scale))
    least_step = Decimal((0, (1,), -scale))
    values = [most, most.copy_negate(), least_step, Decimal(0), None]
    path = tmp_path / "o"
    pq.write_table(pa.table({"a": pa.array(values, pa.decimal128(precision, scale))}), path,
                   store_decimal_as_integer=as_integer)  # fmt: skip
    found = read(path)
    told = pq.read_table(path)["a"].to_pylist()
    assert found == [value if value is None else format(value, "f") for value in told]


def test_decimals_of_other_widths(tmp_path: Path) -> None:
    for type in (pa.decimal32(5, 2), pa.decimal64(15, 2), pa.decimal256(38, 2)):
        assert texts(tmp_path / "o", pa.array([Decimal("-1.20"), None], type)) == ["-1.20", None]


@SCHEMAS
def test_a_decimal_of_many_digits_is_exact(tmp_path: Path, store_schema: bool) -> None:
    numbers = [Decimal("9" * 60 + ".123"), Decimal("-0.001"), Decimal(0), None, Decimal("-" + "1" * 70)]
    values = pa.array(numbers, pa.decimal256(76, 3))
    assert texts(tmp_path / "o", values, store_schema=store_schema) == [
        None if number is None else format(number.quantize(Decimal("0.001"), context=Context(prec=99)), "f")
        for number in numbers
    ]
    assert texts(tmp_path / "o", pa.array([Decimal("9" * 50)], pa.decimal256(50, 0))) == ["9" * 50]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.5, None, -2.25], pa.float32()),
        pa.array([1.5, None, -2.25], pa.float64()),
        pa.array([1.5, None, -2.25], pa.float16()),
        pa.array([1, None, -2], pa.int32()),
        pa.array([1, None, -2], pa.int64()),
    ],
    ids=lambda values: str(values.type),
)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_streams_split_by_bytes(tmp_path: Path, values: Any, version: str) -> None:
    options = {"use_dictionary": False, "column_encoding": {"a": "BYTE_STREAM_SPLIT"}, "data_page_version": version}
    expected = [None if value is None else f"{value:g}" for value in values.to_pylist()]
    assert texts(tmp_path / "o", values, **options) == expected


@pytest.mark.parametrize("type", [np.float16, np.float32, np.float64])
def test_floats(tmp_path: Path, type: Any) -> None:
    least = np.finfo(type).smallest_subnormal
    values = [type(value) for value in (0.1, -0.0, 1 / 3, 1.5, -65504, least, np.finfo(type).max, 0)]
    path = tmp_path / "o"
    found = texts(path, pa.array([*values, None], pa.from_numpy_dtype(type)))
    told = pq.read_table(path)["a"].to_pylist()
    assert found[-1] is None
    for text, value in zip(found[:-1], told[:-1], strict=True):
        assert text is not None
        assert "e" not in text
        assert type(text) == type(value)
        assert text.startswith("-") == (math.copysign(1, value) < 0)
    special = texts(tmp_path / "o", pa.array([type(v) for v in (math.nan, math.inf, -math.inf)]))
    assert special == ["NaN", "inf", "-inf"]


def test_a_half_is_written_exactly(tmp_path: Path) -> None:
    """Not with the digits that would tell it from others of 32 bits."""
    assert texts(tmp_path / "o", pa.array([np.float16(0.1)], pa.float16())) == ["0.0999755859375"]


@SCHEMAS
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array(["é😀\0\n", "", " x ", None]), ["é😀\0\n", "", " x ", None]),
        (pa.array(["é", None], pa.large_string()), ["é", None]),
        (pa.array(["é", "long " * 9], pa.string_view()), ["é", "long " * 9]),
        (pa.array(["b", "a", "b", None]).dictionary_encode(), ["b", "a", "b", None]),
        (pa.array([7, 5, 7, None]).dictionary_encode(), ["7", "5", "7", None]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_texts_and_booleans(tmp_path: Path, values: Any, expected: list[str | None], store_schema: bool) -> None:
    assert texts(tmp_path / "o", values, store_schema=store_schema) == expected


INTEGERS = pa.array([1, 5, -(2**40), 5, None] * 50, pa.int64())
FLOATS = pa.array([0.1, -2.5, None, 1e300] * 50)
BYTE_ENCODINGS = ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]


@pytest.mark.parametrize("pages", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        *[(INTEGERS, name) for name in ("PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT", None)],
        *[(WORDS, name) for name in (*BYTE_ENCODINGS, None)],
        *[(FLOATS, name) for name in ("PLAIN", "BYTE_STREAM_SPLIT", None)],
        *[(pa.array([True, False, None] * 99), name) for name in ("PLAIN", "RLE")],
        *[(pa.array(IN_FRACTIONS * 9, pa.timestamp("us")), name) for name in ("DELTA_BINARY_PACKED", None)],
    ],
)
def test_encodings(tmp_path: Path, values: Any, encoding: str | None, pages: Any) -> None:
    """Of none, a dictionary."""
    options: dict[str, Any] = {"column_encoding": {"a": encoding}, "use_dictionary": False} if encoding else {}
    path = tmp_path / "o"
    found = texts(path, values, **options, data_page_version=pages, data_page_size=200)
    assert found == texts(path, values)
    told = pq.read_table(path)["a"].to_pylist()
    assert [text is None for text in found] == [value is None for value in told]
    used = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert used.num_values == len(values)


@pytest.mark.parametrize("pages", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
def test_compressions_and_row_groups(tmp_path: Path, compression: str, pages: Any) -> None:
    path = tmp_path / "o"
    schema = pa.schema({"a": pa.string()})
    with pq.ParquetWriter(path, schema, compression=compression, data_page_version=pages) as writer:
        for part in (WORDS[:7], WORDS[:0], WORDS, WORDS[3:4]):
            writer.write_table(pa.table({"a": part}, schema=schema))
    assert pq.ParquetFile(path).num_row_groups >= 3
    assert read(path) == pq.read_table(path)["a"].to_pylist()
