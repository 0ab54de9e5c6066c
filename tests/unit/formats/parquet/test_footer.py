"""The footer of a copy: of moments of 96 bits beside all else, and of any bytes."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.formats.parquet.copies import redeclared
from app.formats.parquet.table import read_texts
from app.formats.parquet.thrift import BINARY, I32, LIST, STRUCT, TRUE, Damaged, Decoder, encode
from tests.unit.formats.parquet.written import DATES, MOMENTS, WORDS

pytestmark = pytest.mark.slow


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
