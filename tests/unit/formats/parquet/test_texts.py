"""Every type of Parquet, written by another library, comes to what that library reads, or is refused by name."""

import datetime as dt
import json
import math
import uuid
from collections.abc import Callable
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.exceptions import PanicException

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.parquet.copies import redeclared
from app.formats.parquet.footer import list_of, read_footer
from app.formats.parquet.polars_errors import polars_errors
from app.formats.parquet.schema import read_schema
from app.formats.parquet.table import check_parquet, read_records, read_texts
from app.formats.parquet.thrift import BINARY, I32, LIST, STRUCT, TRUE, Damaged, Decoder, encode
from app.formats.reader import read_rows

pytestmark = pytest.mark.slow

ONE = Dataset("one", (Column("a", ColumnType.TEXT, length=99_999),), ("a",))
ONE_OR_NONE = Dataset("one", (Column("a", ColumnType.TEXT, length=99, nullable=True),), ())
READING = FileFormat("parquet")
DATES = [dt.date(1, 1, 1), dt.date(1582, 10, 14), dt.date(1969, 12, 31), dt.date(9999, 12, 31), None]
MOMENTS = [
    dt.datetime(1, 1, 1),
    dt.datetime(1000, 2, 28, 23, 59, 59),
    dt.datetime(1677, 9, 21, 0, 12, 43),
    dt.datetime(1969, 12, 31, 23, 59, 59),
    dt.datetime(2262, 4, 11, 23, 47, 17),
    dt.datetime(9999, 12, 31, 23, 59, 59),
    None,
]
IN_FRACTIONS = [*MOMENTS, dt.datetime(9999, 12, 31, 23, 59, 59, 999000), dt.datetime(1, 1, 1, 0, 0, 0, 1000)]
NANOSECONDS = [1, -1, 1001, 10**18 + 123456789, 2**63 - 1, -(2**63) + 1, None]
# with and without what Arrow adds of types
SCHEMAS = pytest.mark.parametrize("store_schema", [True, False])


def read(path: Path) -> list[str | None]:
    check_parquet(path, ONE, READING)
    found = [text for chunk in read_records(path, ONE, READING, 1 << 20) for text in chunk.columns["a"]]
    assert read_texts(path, 10_000, 99_999, 1 << 30)[2] == [(text,) for text in found]  # a preview shows the same
    return found


def texts(path: Path, values: pa.Array, **options: Any) -> list[str | None]:
    pq.write_table(pa.table({"a": values}), path, **options)
    return read(path)


def written(moment: dt.datetime, digits: int) -> str:
    fraction = f".{moment.microsecond:06d}000"[: digits + 1] if moment.microsecond else ""
    return moment.isoformat(" ", "seconds") + fraction


def refusal(path: Path) -> tuple[str, str | None]:
    with pytest.raises(ImportFailed) as caught:
        read(path)
    return caught.value.code, caught.value.column


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


def patched(path: Path, table: pa.Table, change: Callable[[Any], None], **options: Any) -> None:
    """The table, written with a changed footer."""
    pq.write_table(table, path, **options)
    with path.open("rb") as file:
        begin, footer = read_footer(file)
        file.seek(0)
        body = file.read(begin)
    change(footer)
    data = encode(footer)
    path.write_bytes(body + data + len(data).to_bytes(4, "little") + b"PAR1")


def unknown_logical(footer: Any) -> None:
    list_of(footer, 2)[1][10] = (STRUCT, {99: (STRUCT, {})})


def unknown_converted(footer: Any) -> None:
    list_of(footer, 2)[1][6] = (I32, 77)


def unknown_type(footer: Any) -> None:
    list_of(footer, 2)[1][1] = (I32, 77)


def too_short_for_its_type(footer: Any) -> None:
    list_of(footer, 2)[1][10] = (STRUCT, {15: (STRUCT, {})})


@pytest.mark.parametrize("change", [unknown_logical, unknown_converted, unknown_type, too_short_for_its_type])
def test_what_is_not_known_matters_only_where_it_is_wanted(tmp_path: Path, change: Callable[[Any], None]) -> None:
    path = tmp_path / "o"
    table = pa.table({"b": pa.array([b"0" * 16] * 2, pa.binary(16)), "a": ["x", None], "c": [[1], [2]]})
    patched(path, table, change)
    left_out = FileFormat("parquet", columns={"b": None, "c": None})
    check_parquet(path, ONE_OR_NONE, left_out)
    [found] = read_records(path, ONE_OR_NONE, left_out, 1 << 20)
    assert found.columns == {"a": ["x", None]}
    assert not list(tmp_path.glob(".*"))  # the copy is gone
    with pytest.raises(ImportFailed) as caught:
        check_parquet(path, ONE, FileFormat("parquet", columns={"a": None, "b": "a", "c": None}))
    if change is not too_short_for_its_type:
        assert (caught.value.code, caught.value.column) == ("unsupported_type", "b")
        names, unreadable, rows, _ = read_texts(path, 9, 99, 9999)
        assert (names, unreadable) == (["b", "a", "c"], ["c", "b"]) and rows[0][1] == "x"


def test_columns_nested_too_deep_may_be_left_out(tmp_path: Path) -> None:
    values = pa.array([[1]])
    for _ in range(60):
        values = pa.ListArray.from_arrays([0, 1], values)
    path = tmp_path / "o"
    pq.write_table(pa.table({"n": values, "a": ["x"]}), path)
    with pytest.raises(ImportFailed, match="100 levels"):
        check_parquet(path, ONE, FileFormat("parquet", columns={"n": "a", "a": None}))
    left_out = FileFormat("parquet", columns={"n": None})
    assert [list(found.columns["a"]) for found in read_records(path, ONE, left_out, 999)] == [["x"]]


@pytest.mark.parametrize("zone", ["Z", "-02:15", "UTC+1", "+05:30", "Europe/Berlin", "nowhere"])
def test_a_moment_is_the_same_whatever_its_zone_is_called(tmp_path: Path, zone: str) -> None:
    values = pa.array([1_767_225_600_000_000, None, -1_000_000], pa.timestamp("us", tz=zone))
    assert texts(tmp_path / "o", values) == ["2026-01-01 00:00:00", None, "1969-12-31 23:59:59"]


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


def test_what_is_not_supported_is_called_that(tmp_path: Path) -> None:
    path = tmp_path / "o"
    values = pa.array([Decimal("1.50"), Decimal(2)], pa.decimal128(20, 2))
    table = pa.table({"a": values})
    pq.write_table(table, path, use_dictionary=False, column_encoding={"a": "BYTE_STREAM_SPLIT"})
    with pytest.raises(ImportFailed, match="ByteStreamSplit in a way that is not supported") as caught:
        list(read_records(path, ONE, READING, 999))
    assert caught.value.code == "unsupported_parquet"


def test_the_text_of_a_panic_is_not_shown() -> None:
    with pytest.raises(ImportFailed) as caught, polars_errors():
        raise PanicException("called `Option::unwrap()` on a `None` value")
    assert "unwrap" not in caught.value.reason and "another program" in caught.value.reason


def test_a_length_of_time_is_refused_in_a_copy(tmp_path: Path) -> None:
    """Where only Arrow says that it is none, and the copy without what Arrow says would have a number."""
    path = tmp_path / "o"
    table = pa.table({"b": pa.array([b"0" * 16]), "a": pa.array([5], pa.duration("us"))})
    patched(path, table, unknown_logical)
    with pytest.raises(ImportFailed) as caught:
        check_parquet(path, ONE, FileFormat("parquet", columns={"b": None}))
    assert (caught.value.code, caught.value.column) == ("unsupported_type", "a")


@SCHEMAS
@pytest.mark.parametrize("type", [pa.date32(), pa.date64()])
def test_dates(tmp_path: Path, type: pa.DataType, store_schema: bool) -> None:
    found = texts(tmp_path / "o", pa.array(DATES, type), store_schema=store_schema)
    assert found == [day and day.isoformat() for day in DATES]


@SCHEMAS
@pytest.mark.parametrize(
    ("type", "values", "expected"),
    [
        (pa.time32("s"), [dt.time(23, 59, 59), dt.time(0), None], ["23:59:59", "00:00:00", None]),
        (pa.time32("ms"), [dt.time(1, 2, 3, 40_000), dt.time(1, 2, 3)], ["01:02:03.04", "01:02:03"]),
        (pa.time64("us"), [dt.time(1, 2, 3, 456_789), dt.time(1, 2, 3)], ["01:02:03.456789", "01:02:03"]),
        (pa.time64("ns"), [86_399_999_999_999, 1], ["23:59:59.999999999", "00:00:00.000000001"]),
    ],
)
def test_times(tmp_path: Path, type: Any, values: list[Any], expected: list[str], store_schema: bool) -> None:
    array = pa.array(values, pa.int64()).cast(type) if type == pa.time64("ns") else pa.array(values, type)
    assert texts(tmp_path / "o", array, store_schema=store_schema) == expected


@pytest.mark.parametrize("value", [86_400 * 10**6, -1, 2**63 - 1, -(2**63)])
def test_a_time_beyond_midnight_is_refused(tmp_path: Path, value: int) -> None:
    path = tmp_path / "o"
    pq.write_table(pa.table({"a": pa.array([1, value], pa.int64()).cast(pa.time64("us"))}), path)
    assert refusal(path) == ("out_of_range", "a")


@SCHEMAS
@pytest.mark.parametrize("version", ["1.0", "2.6"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "+02:00"])
@pytest.mark.parametrize(("unit", "digits"), [("s", 3), ("ms", 3), ("us", 6)])
def test_timestamps(tmp_path: Path, unit: str, digits: int, zone: str | None, version: Any, store_schema: bool) -> None:
    moments = MOMENTS if unit == "s" else IN_FRACTIONS
    values = pa.array(moments, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))  # these are of UTC then
    found = texts(tmp_path / "o", values, store_schema=store_schema, version=version)
    assert found == [moment and written(moment, digits) for moment in moments]


@SCHEMAS
@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("int96", [False, True])
def test_nanoseconds(tmp_path: Path, zone: str | None, int96: bool, store_schema: bool) -> None:
    values = pa.array(NANOSECONDS, pa.int64()).cast(pa.timestamp("ns", zone))
    options: dict[str, Any] = {"use_deprecated_int96_timestamps": int96, "store_schema": store_schema}
    assert texts(tmp_path / "o", values, **options) == [
        nanoseconds if nanoseconds is None else str(np.datetime64(nanoseconds, "ns")).replace("T", " ")
        for nanoseconds in NANOSECONDS
    ]


@SCHEMAS
@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_timestamps_of_96_bits(tmp_path: Path, compression: str, dictionary: bool, store_schema: bool) -> None:
    """As Spark, Hive and Impala write them: each its own value, however far from now."""
    path = tmp_path / "o"
    found = texts(
        path,
        pa.array(IN_FRACTIONS, pa.timestamp("us")),
        use_deprecated_int96_timestamps=True,
        store_schema=store_schema,
        use_dictionary=dictionary,
        compression=compression,
        row_group_size=2,
    )
    assert read_schema(path).leaves["a"].is_int96
    told = pq.read_table(path, coerce_int96_timestamp_unit="us")["a"].to_pylist()
    assert told == IN_FRACTIONS
    assert found == [moment and written(moment, 9) for moment in told]


def test_96_bits_of_a_zone_are_of_utc(tmp_path: Path) -> None:
    """Arrow adds to the file that they are."""
    moment = Column("a", ColumnType.DATETIME, zone="Europe/Berlin", scale=6, offsets=True)
    dataset = Dataset("one", (moment,), ("a",))
    values = pa.array([dt.datetime(1500, 7, 1, 12, 0, 0, 5)], pa.timestamp("us", "UTC"))
    path = tmp_path / "o"
    pq.write_table(pa.table({"a": values}), path, use_deprecated_int96_timestamps=True)
    [batch] = read_rows(path, dataset, READING, 1 << 20)
    assert batch.rejects == []
    assert b"1500-07-01 12:00:00.000005" in batch.payload


@pytest.mark.parametrize("value", [0, 1, -1])
def test_nothing_of_a_nanosecond_is_cut(tmp_path: Path, value: int) -> None:
    """A dataset keeps six digits of a second's fraction."""
    dataset = Dataset("one", (Column("a", ColumnType.DATETIME, scale=6),), ("a",))
    for int96 in (False, True):
        path = tmp_path / "o"
        values = pa.array([value + 123_000], pa.int64()).cast(pa.timestamp("ns"))
        pq.write_table(pa.table({"a": values}), path, use_deprecated_int96_timestamps=int96)
        [batch] = read_rows(path, dataset, READING, 1 << 20)
        assert [reject.code for reject in batch.rejects] == ["too_many_decimals"] * (value != 0)


def test_moments_beyond_every_calendar_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "o"
    for days in ([2**31 - 1], [0, -(2**31)]):
        pq.write_table(pa.table({"a": pa.array(days, pa.int32()).cast(pa.date32())}), path)
        assert refusal(path) == ("out_of_range", "a")
    for unit in ("ms", "us"):
        pq.write_table(pa.table({"a": pa.array([5, 2**63 - 1], pa.int64()).cast(pa.timestamp(unit))}), path)
        assert refusal(path) == ("out_of_range", "a")


def test_years_beyond_four_digits(tmp_path: Path) -> None:
    days = pa.array([2_932_897, -719_529], pa.int32()).cast(pa.date32())
    assert texts(tmp_path / "o", days) == ["+10000-01-01", "-0001-12-31"]


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


@SCHEMAS
@pytest.mark.parametrize(
    "values",
    [
        pa.array([b"a\xff"]),
        pa.array([b"abcd"], pa.binary(4)),
        pa.array([uuid.UUID(int=5).bytes], pa.uuid()),
        pa.array(['{"a":1}'], pa.json_()),
        pa.array([[1]]),
        pa.array([[1]], pa.list_(pa.int64(), 1)),
        pa.array([{"x": 1}]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
        pa.array([[dt.datetime(1, 1, 1)]], pa.list_(pa.timestamp("us"))),
    ],
    ids=lambda values: str(values.type),
)
def test_what_is_refused_by_name(tmp_path: Path, values: Any, store_schema: bool) -> None:
    path = tmp_path / "o"
    pq.write_table(
        pa.table({"a": values, "b": ["x"]}), path, store_schema=store_schema, use_deprecated_int96_timestamps=True
    )
    with pytest.raises(ImportFailed) as caught:
        check_parquet(path, ONE, FileFormat("parquet", columns={"b": None}))
    assert (caught.value.code, caught.value.column) == ("unsupported_type", "a")
    _, unreadable, rows, cut = read_texts(path, 1, 99, 9999)
    assert unreadable == ["a"] and not cut
    assert rows[0][0] and rows[0][1] == "x"  # it is shown for what it is


def test_a_length_of_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "o"
    pq.write_table(pa.table({"a": pa.array([5], pa.duration("us"))}), path)
    assert refusal(path) == ("unsupported_type", "a")


INTEGERS = pa.array([1, 5, -(2**40), 5, None] * 50, pa.int64())
WORDS = pa.array(["apple", "apply", "", None, "é" * 40] * 50)
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


def test_96_bits_beside_all_else(tmp_path: Path) -> None:
    """The copy with another footer changes nothing of the other columns, whatever types there are."""
    others = {
        "s": WORDS[:2],
        "d": pa.array([Decimal("1.5"), None], pa.decimal128(20, 3)),
        "z": pa.array(MOMENTS[:2], pa.timestamp("ms", "Europe/Berlin")),
        "y": pa.array(DATES[:2], pa.date64()),
        "t": pa.array([dt.time(1, 2, 3, 4), None]),
        "c": pa.array(["x", None]).dictionary_encode(),
        "n": pa.array([{"i": dt.datetime(1, 1, 1)}, None], pa.struct({"i": pa.timestamp("us")})),
        "f": pa.array([np.float16(1.5), None], pa.float16()),
        "o": pa.array([dt.timedelta(1), None]),
    }
    path = tmp_path / "o"
    metadata = {"note": "é" * 300, "more": json.dumps(["x"] * 20)}
    table = pa.table({"a": pa.array(MOMENTS[:2], pa.timestamp("us")), **others}).replace_schema_metadata(metadata)
    # the index of pages and filters would be of timestamps
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, write_page_index=True)
    names, unreadable, [first, second], _ = read_texts(path, 9, 99, 9999)
    assert names == ["a", *others]
    assert unreadable == ["n", "o"]
    assert first == (
        "0001-01-01 00:00:00", "apple", "1.500", "0001-01-01 00:00:00", "0001-01-01", "01:02:03.000004", "x",
        "Struct({'i': Datetime(time_unit='us', time_zone=None)})", "1.5", "Duration(time_unit='us')",
    )  # fmt: skip
    assert second[:3] == ("1000-02-28 23:59:59", "apply", None)
    with redeclared(path) as copy:
        footer = pq.ParquetFile(copy).metadata
        assert footer.row_group(0).column(0).physical_type == "FIXED_LEN_BYTE_ARRAY"
        assert footer.num_rows == 2
        assert footer.metadata == {name.encode(): value.encode() for name, value in metadata.items()}
    assert [file.name for file in tmp_path.iterdir()] == ["o"]


def test_a_footer_stays_the_same(tmp_path: Path) -> None:
    """What is taken from bytes comes back as these bytes, of real footers and of all that the protocol has."""
    path = tmp_path / "o"
    columns = {f"column {at}": pa.array([at, None]) for at in range(40)}
    pq.write_table(pa.table(columns), path, row_group_size=1, write_page_index=True, write_page_checksum=True)
    data = path.read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    assert encode(Decoder(footer).take_struct()) == footer
    fields = {1: (I32, -5), 40: (BINARY, b"x" * 200), 41: (TRUE, None), 42: (LIST, (STRUCT, [{}, {3: (I32, 2**31)}]))}
    assert Decoder(encode(fields)).take_struct() == fields


@pytest.mark.parametrize(
    "data", [b"", b"\x19\xfc\xff\xff\xff\x7f", b"\x1c" * 99, b"\x18\xff\x01", b"\x15" + b"\xff" * 12, b"\x1b\x00"]
)
def test_bytes_that_are_no_footer(data: bytes) -> None:
    with pytest.raises(Damaged):
        Decoder(data).take_struct()
