"""What Parquet has and a dataset does not is refused by name."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.exceptions import PanicException

from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.parquet.polars_errors import polars_errors
from app.formats.parquet.table import check_parquet, read_records, read_texts
from tests.unit.formats.parquet.written import (
    ONE,
    ONE_OR_NONE,
    READING,
    SCHEMAS,
    patched,
    refusal,
    too_short_for_its_type,
    unknown_converted,
    unknown_logical,
    unknown_type,
)

pytestmark = pytest.mark.slow


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
