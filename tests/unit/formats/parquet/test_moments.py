"""Days, times and moments of Parquet, of every unit and zone."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.parquet.schema import read_schema
from app.formats.reader import read_rows
from tests.unit.formats.parquet.written import (
    DATES,
    IN_FRACTIONS,
    MOMENTS,
    NANOSECONDS,
    READING,
    SCHEMAS,
    refusal,
    texts,
    written,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("zone", ["Z", "-02:15", "UTC+1", "+05:30", "Europe/Berlin", "nowhere"])
def test_a_moment_is_the_same_whatever_its_zone_is_called(tmp_path: Path, zone: str) -> None:
    values = pa.array([1_767_225_600_000_000, None, -1_000_000], pa.timestamp("us", tz=zone))
    assert texts(tmp_path / "o", values) == ["2026-01-01 00:00:00", None, "1969-12-31 23:59:59"]


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
