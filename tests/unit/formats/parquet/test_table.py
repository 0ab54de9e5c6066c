"""Parquet files in, rows or errors out."""

import datetime as dt
import math
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from app.domain.dataset import ORDERS, Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.parquet import table
from app.formats.parquet.table import check_parquet, read_records
from app.formats.validate.rows import Records, check_records
from tests.fuzz.examples import examples

MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5)
GOOD: list[Any] = [
    "Amazon", "A-1", "Jane Doe", "j@example.com", "1 Main St", "AB-1", 2, Decimal("12.50"), "USD", "paid", MOMENT
]  # fmt: skip
VALUES = tuple(str(value) for value in GOOD)
ONE = Dataset("one", (Column("a", ColumnType.TEXT, length=99),), ("a",))


def orders(rows: int = 1) -> pl.DataFrame:
    return pl.DataFrame({name: [value] * rows for name, value in zip(ORDERS.column_names, GOOD, strict=True)})


def read(path: Path, dataset: Dataset = ORDERS, batch_bytes: int = 1 << 20, **parts: Any) -> list[Records]:
    check_parquet(path, dataset, FileFormat("parquet", **parts))
    return list(read_records(path, dataset, FileFormat("parquet", **parts), batch_bytes))


def rows(chunks: list[Records]) -> list[tuple[str | None, ...]]:
    return [row for chunk in chunks for row in zip(*chunk.columns.values(), strict=True)]


def texts(path: Path, series: pl.Series, **options: Any) -> list[str | None]:
    pl.DataFrame({"a": series}).write_parquet(path, **options)
    return [row[0] for row in rows(read(path, ONE))]


def code_of(path: Path, dataset: Dataset = ORDERS, **parts: Any) -> str:
    """The code of what both the check and the reader raise."""
    found = []
    for call in (
        lambda: check_parquet(path, dataset, FileFormat("parquet", **parts)),
        lambda: list(read_records(path, dataset, FileFormat("parquet", **parts), 1000)),
    ):
        with pytest.raises(ImportFailed) as caught:
            call()
        assert caught.value.reason
        found.append(caught.value.code)
    assert found[0] == found[1]
    return found[0]


def test_rows(tmp_path: Path) -> None:
    path = tmp_path / "o"
    orders(300).write_parquet(path, row_group_size=70)
    for batch_bytes in (1, 1000, 1 << 20):
        chunks = read(path, batch_bytes=batch_bytes)
        assert rows(chunks) == [VALUES] * 300
        assert [line for chunk in chunks for line in chunk.lines] == list(range(1, 301))
        assert all(tuple(chunk.columns) == ORDERS.column_names for chunk in chunks)
        size = path.stat().st_size
        assert [chunk.source_bytes for chunk in chunks] == [size * chunk.lines[-1] // 300 for chunk in chunks]
        assert max(len(chunk.lines) for chunk in chunks) <= max(1, batch_bytes // 80)
    [batch] = check_records(read(path, batch_bytes=1 << 20)[0], ORDERS, 1)
    assert batch.rejects == []


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    path = tmp_path / "o"
    frame = orders().select(pl.lit(1).alias("n"), *reversed(ORDERS.column_names[1:]), kind=pl.col("marketplace"))
    frame.write_parquet(path)
    assert rows(read(path, columns={"kind": "marketplace", "n": None})) == [VALUES]
    assert rows(read(path, columns=[None, *reversed(ORDERS.column_names[1:]), "marketplace"])) == [VALUES]
    assert code_of(path) == "unknown_column"
    assert code_of(path, columns={"n": None}) == "unknown_column"
    orders().drop("sku").write_parquet(path)
    assert code_of(path) == "missing_column"


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        ([1, -(2**63), None], pl.Int64, ["1", "-9223372036854775808", None]),
        ([2**64 - 1], pl.UInt64, ["18446744073709551615"]),
        ([-5], pl.Int8, ["-5"]),
        ([Decimal("1.50"), Decimal("-0.05"), Decimal(12)], pl.Decimal(38, 2), ["1.50", "-0.05", "12.00"]),
        ([Decimal("9" * 38)], pl.Decimal(38, 0), ["9" * 38]),
        ([0.1, 3.0, -2.5, 1e-7], pl.Float64, ["0.1", "3", "-2.5", "0.0000001"]),
        ([1e20, 1.7e308], pl.Float64, ["1" + "0" * 20, "17" + "0" * 307]),
        ([0.1, 16777216.0, 1e-7], pl.Float32, ["0.1", "16777216", "0.0000001"]),
        ([math.nan, math.inf, None], pl.Float64, ["NaN", "inf", None]),
        ([True, False, None], pl.Boolean, ["true", "false", None]),
        ([dt.date(2026, 1, 2), None], pl.Date, ["2026-01-02", None]),
        ([MOMENT, None], pl.Datetime("ms"), ["2026-01-02 03:04:05", None]),
        ([MOMENT], pl.Datetime("us"), ["2026-01-02 03:04:05"]),
        ([MOMENT.replace(microsecond=100)], pl.Datetime("us"), ["2026-01-02 03:04:05.000100"]),
        ([MOMENT.replace(microsecond=120_000)], pl.Datetime("ns"), ["2026-01-02 03:04:05.120000000"]),
        ([MOMENT], pl.Datetime("us", "UTC"), ["2026-01-02 03:04:05"]),
        ([dt.time(3, 4, 5)], pl.Time, ["03:04:05"]),
        (["b", "a", None], pl.Categorical, ["b", "a", None]),
        (["b", "a", None], pl.Enum(["a", "b"]), ["b", "a", None]),
        (["é😀\0\n", "", " x ", None], pl.String, ["é😀\0\n", "", " x ", None]),
        ([None, None], pl.Null, [None, None]),
    ],
)  # fmt: skip
def test_types(tmp_path: Path, values: list[Any], type: Any, expected: list[str | None]) -> None:
    assert texts(tmp_path / "o", pl.Series(values, dtype=type, strict=False)) == expected


def test_moments_of_a_zone_become_utc(tmp_path: Path) -> None:
    berlin = pl.Series([MOMENT, MOMENT.replace(month=7)]).dt.replace_time_zone("Europe/Berlin")
    assert texts(tmp_path / "o", berlin) == ["2026-01-02 02:04:05", "2026-07-02 01:04:05"]


def test_a_fraction_of_a_second_is_refused_and_not_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "o"
    orders().with_columns(ordered_at=pl.lit(MOMENT.replace(microsecond=1))).write_parquet(path)
    [batch] = check_records(read(path)[0], ORDERS, 1)
    assert [(reject.code, reject.column, reject.line) for reject in batch.rejects] == [
        ("too_many_decimals", "ordered_at", 1)
    ]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([[1]]),
        pl.Series([{"x": 1}]),
        pl.Series([b"x"]),
        pl.Series([dt.timedelta(1)]),
        pl.Series([[1]], dtype=pl.Array(pl.Int64, 1)),
    ],
)
def test_types_that_have_no_text(tmp_path: Path, series: pl.Series) -> None:
    path = tmp_path / "o"
    pl.DataFrame({"b": series, "c": ["x"]}).write_parquet(path)
    with pytest.raises(ImportFailed) as caught:
        read(path, ONE, columns={"b": "a", "c": None})
    assert (caught.value.code, caught.value.column) == ("unsupported_type", "b")
    assert rows(read(path, ONE, columns={"c": "a", "b": None})) == [("x",)]


def test_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "o"
    orders().clear().write_parquet(path)
    assert code_of(path) == "no_rows"
    path.write_bytes(b"")
    assert code_of(path) == "no_rows"


def test_a_path_is_only_a_path(tmp_path: Path) -> None:
    """Neither a pattern of other files nor columns of its folder's name."""
    folder = tmp_path / "x=1"
    folder.mkdir()
    orders().write_parquet(folder / "[o]*")
    orders().write_parquet(folder / "o")
    assert rows(read(folder / "[o]*")) == [VALUES]


@pytest.mark.parametrize("data", [b"PAR1", b"PAR1PAR1", b"a,b\n1,2\n", bytes(1000), b"PAR1" + b"\xff" * 100 + b"PAR1"])
def test_files_that_are_no_parquet(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "o"
    path.write_bytes(data)
    assert code_of(path) == "damaged_parquet"


def test_truncated_files(tmp_path: Path) -> None:
    path = tmp_path / "o"
    orders(100).write_parquet(path)
    data = path.read_bytes()
    for size in (len(data) - 1, len(data) // 2, 10):
        path.write_bytes(data[:size])
        assert code_of(path) == "damaged_parquet"


@pytest.mark.slow
def test_damaged_files_fail_as_imports_do(tmp_path: Path) -> None:
    """Whatever byte is wrong: rows, or an ImportFailed; no panic and no error of polars."""
    path = tmp_path / "o"
    orders(50).with_columns(order_number=pl.int_range(50).cast(pl.String)).write_parquet(path)
    data = path.read_bytes()
    failed = 0
    for at in range(0, len(data), 23):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            assert sum(len(chunk.lines) for chunk in read(path)) == 50
        except ImportFailed:
            failed += 1
    assert failed > 20


@pytest.mark.slow
def test_a_small_file_of_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o"
    pl.select(a=pl.repeat("x", 2_000_000)).write_parquet(path)
    assert path.stat().st_size < 100_000
    assert code_of(path, ONE) == "too_many_rows"
    monkeypatch.setattr(table, "_MAX_ROWS_PER_BYTE", 1 << 20)
    assert sum(len(chunk.lines) for chunk in read(path, ONE)) == 2_000_000


def test_long_texts_make_small_chunks(tmp_path: Path) -> None:
    found = read(_long_texts(tmp_path / "o"), ONE, 1 << 20)
    assert {len(chunk.lines) for chunk in found} == {10}


def _long_texts(path: Path) -> Path:
    pl.select(a=pl.repeat("x" * 100_000, 100)).write_parquet(path)
    return path


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from app.domain.dataset import ORDERS;"
        "from app.domain.file_format import FileFormat; from app.formats.parquet.table import read_records\n"
        "n = sum(len(r.lines) for r in read_records(Path(sys.argv[1]), ORDERS, FileFormat('parquet'), 1 << 20))\n"
        # not getrusage's ru_maxrss: that of a new process begins with its parent's, which may be large by now
        "told = Path('/proc/self/status').read_text()\n"
        "print(n, int(told.partition('VmHWM:')[2].split()[0]) // 1024)"
    )
    frame = orders(100_000).with_columns(
        order_number=pl.int_range(100_000).hash().cast(pl.String),
        customer=pl.int_range(100_000).hash(1).cast(pl.String),
    )
    frame.write_parquet(tmp_path / "few", row_group_size=50_000)
    pl.concat([frame] * 12).write_parquet(tmp_path / "many", row_group_size=50_000)
    used = {}
    as_a_worker = {**os.environ, "POLARS_MAX_THREADS": "2"}  # each holds row groups; a worker has two at most
    for name in ("few", "many"):
        command = [sys.executable, "-c", program, str(tmp_path / name)]
        found = subprocess.run(command, capture_output=True, text=True, check=True, env=as_a_worker).stdout.split()
        used[int(found[0])] = int(found[1])
    assert list(used) == [100_000, 1_200_000]
    assert used[1_200_000] < 700  # MiB
    assert used[1_200_000] < 4 * used[100_000]


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(FLOATS, min_size=1, max_size=20), st.lists(st.text(st.characters(codec="utf-8")), min_size=1))
def test_floats_and_texts_are_kept(
    tmp_path_factory: pytest.TempPathFactory, floats: list[float], words: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "kept"
    found = texts(path, pl.Series(floats))
    assert [float(text) for text in found] == floats
    assert not any("e" in text for text in found)
    assert texts(path, pl.Series(words)) == words


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1), st.lists(st.datetimes(), min_size=1))
def test_decimals_and_moments_are_kept(
    tmp_path_factory: pytest.TempPathFactory, decimals: list[Decimal], moments: list[dt.datetime]
) -> None:
    path = tmp_path_factory.getbasetemp() / "kept"
    found = texts(path, pl.Series(decimals, dtype=pl.Decimal(20, 4)))
    assert found == [format(value + 0, ".4f") for value in decimals]
    assert texts(path, pl.Series(moments, dtype=pl.Datetime("us"))) == [str(moment) for moment in moments]
