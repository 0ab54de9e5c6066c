"""Files in, batches or the first error out."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.dataset import ORDERS
from app.domain.file_format import FileFormat
from app.formats.reader import check_head
from tests.unit.formats.orders import GOOD, HEADER, OBJECT, PAYLOAD, changed, read


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n", "\r", "\r\n", "\n\n\r\n\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("batch_bytes", [1, 100, 1 << 20])
def test_line_ends_and_batches_make_no_difference(
    tmp_path: Path, ending: str, last: str, bom: bytes, batch_bytes: int
) -> None:
    data = bom + (ending.join([HEADER, GOOD, GOOD, GOOD]) + last).encode()
    batches = read(tmp_path, data, batch_bytes=batch_bytes)
    assert b"".join(b.payload for b in batches).decode() == "".join(f"{row},{PAYLOAD}" for row in (1, 2, 3))
    lines = [(batch.first_row + i, batch.line_of(batch.first_row + i)) for batch in batches for i in range(batch.rows)]
    assert lines == [(1, 2), (2, 3), (3, 4)]
    assert [key for batch in batches for key in batch.keys] == [("Amazon", "A-1")] * 3
    assert [batch.keys[-1] for batch in batches] == [("Amazon", "A-1")] * len(batches)
    assert batches[-1].source_bytes == len(data)


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    names = list(reversed(ORDERS.column_names))
    values = dict(zip(ORDERS.column_names, GOOD.replace('"1 Main St, Springfield"', "#").split(","), strict=True))
    values["ship_to"] = '"1 Main St, Springfield"'
    data = " , ".join(names) + "\n" + ",".join(values[name] for name in names) + "\n"
    assert read(tmp_path, data)[0].payload.decode() == f"1,{PAYLOAD}"


def test_quotes_nulls_and_backslashes_stay_text(tmp_path: Path) -> None:
    data = "\n".join([HEADER, changed("customer", '"say ""hi"" \\N"'), changed("customer", "NULL")])
    payload = read(tmp_path, data)[0].payload.decode()
    assert ',"say ""hi"" \\N",' in payload
    assert ',"NULL",' in payload
    assert list(read(tmp_path, data)[0].keys) == [("Amazon", "A-1")] * 2


def test_a_key_with_quotes_and_commas_is_read_back(tmp_path: Path) -> None:
    data = "\n".join([HEADER, GOOD, changed("order_number", '"a""b,😀"')])
    [batch] = read(tmp_path, data)
    assert batch.keys[1] == ("Amazon", 'a"b,😀')
    assert batch.keys[0:2] == [("Amazon", "A-1"), ("Amazon", 'a"b,😀')]
    with pytest.raises(IndexError):
        batch.keys[2]


def test_gzip_of_several_members_and_padding(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *[GOOD] * 2000])
    data = gzip.compress(text[:5000].encode()) + gzip.compress(b"") + gzip.compress(text[5000:].encode()) + bytes(512)
    batches = read(tmp_path, data, compression="gzip", batch_bytes=10_000)
    assert sum(batch.rows for batch in batches) == 2000
    assert len(batches) > 10
    assert batches[-1].source_bytes <= len(data)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
@pytest.mark.parametrize("batch_bytes", [1, 1 << 20])
def test_ndjson(tmp_path: Path, ending: str, last: str, batch_bytes: int) -> None:
    other = dict(reversed(OBJECT.items())) | {"quantity": "2", "ordered_at": "2026-01-02 03:04:05"}
    number = json.dumps(OBJECT).replace('"12.50"', "12.50")  # a JSON number keeps its digits
    data = ending.join([json.dumps(OBJECT), json.dumps(other), number]) + last
    batches = read(tmp_path, data, "ndjson", batch_bytes=batch_bytes)
    assert b"".join(b.payload for b in batches).decode() == "".join(f"{row},{PAYLOAD}" for row in (1, 2, 3))
    assert [line for batch in batches for line in batch.lines or ()] == [1, 2, 3]


def test_a_good_head_passes(tmp_path: Path) -> None:
    path = tmp_path / "orders"
    path.write_text(f"{HEADER}\n{GOOD}\nnonsense")
    check_head(path, ORDERS, FileFormat("csv"))
    path.write_bytes(gzip.compress(path.read_bytes()))
    check_head(path, ORDERS, FileFormat("csv", "gzip"))
    path.write_text(json.dumps(OBJECT) + "\nnonsense")
    check_head(path, ORDERS, FileFormat("ndjson"))


@pytest.mark.slow
def test_nothing_that_starts_threads_is_imported_before_a_row_is_read() -> None:
    program = (
        "import sys, app.formats.reader, app.formats.generate.orders, app.formats.detection;"
        "sys.exit(bool({'polars', 'numpy', 'faker', 'pyarrow', 'python_calamine'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
