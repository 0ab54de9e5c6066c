"""Previews as they are answered: small, and those of Parquet made by another process with limits."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.file_format import FileFormat
from app.formats.child import runner
from app.formats.preview import child
from app.formats.preview.child import preview_file
from app.formats.preview.preview import make_preview
from app.formats.preview.serializer import serialize_preview
from tests.files.hostile_parquet import FILES, LONG, repeated

pytestmark = pytest.mark.slow

LONG_TEXT = Dataset("one", (Column("a", ColumnType.TEXT, length=1_000_000),), ("a",))
PARQUET = FileFormat("parquet")


def peak_bytes() -> int:
    """Of this process; the mark is set anew by the kernel when it is asked to."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def preview(path: Path, dataset: Dataset | None = LONG_TEXT, rows: int = 100, **file_format: Any) -> dict[str, Any]:
    return preview_file(path, FileFormat("parquet", **file_format), dataset, rows, partial=False, name="new")


def test_a_child_says_what_this_process_would(tmp_path: Path) -> None:
    path = tmp_path / "o"
    pq.write_table(pa.table({"a": ["x", None, "y" * 300], "b": [b"\xff", b"", None]}), path)
    for dataset in (LONG_TEXT, None):
        here = serialize_preview(make_preview(path, PARQUET, dataset, 100))
        assert preview(path, dataset) == json.loads(json.dumps(here))
    path.write_bytes(b"PAR1")
    assert preview(path)["problem"]["code"] == "damaged_parquet"
    assert [file.name for file in tmp_path.iterdir()] == ["o"]


@pytest.mark.parametrize("name", FILES)
def test_a_small_file_takes_no_memory_here(tmp_path: Path, name: str) -> None:
    path = tmp_path / "o"
    path.write_bytes(FILES[name]())
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_bytes()
    found = preview(path, None)
    assert found["rows"] or found["problem"]["reason"]
    assert len(json.dumps(found)) < 100_000
    assert peak_bytes() - before < 30_000_000


def test_long_values_are_cut_and_fewer_rows_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "o"
    path.write_bytes(repeated(LONG, 601))
    found = preview(path, None)
    assert found["problem"] is None
    assert (found["cut"], len(found["rows"])) == (True, 100)
    assert found["rows"][0]["values"] == ["x" * 200]
    [column] = found["definition"]["columns"]
    assert (column["type"], column["length"]) == ("text", 1_000_000)
    short = Dataset("one", (Column("a", ColumnType.TEXT, length=99),), ("a",))
    assert {row["reject"]["code"] for row in preview(path, short)["rows"]} == {"too_long"}


def test_the_limits_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o"
    path.write_bytes(FILES["pages of nearly a gigabyte"]())
    found = preview(path)
    assert found["problem"]["code"] == "parquet_too_large"
    assert "805,306,368 bytes of memory" in found["problem"]["reason"]
    monkeypatch.setattr(child, "_LIMITS", runner.Limits(8 * 1024**3, seconds=0.01))
    found = preview(path, None)
    assert found["problem"]["code"] == "parquet_too_slow"
    assert (found["rows"], found["definition"]["columns"]) == ([], [])


def test_an_answer_is_no_larger_than_people_look_at(tmp_path: Path) -> None:
    path = tmp_path / "o"
    wide = {f"c{at}": ["é" * 150] * 30 for at in range(1200)}
    pq.write_table(pa.table(wide), path)
    found = preview(path, None)
    assert len(found["columns"]) == len(found["rows"][0]["values"]) == 1000
    assert (found["cut"], len(found["rows"])) == (True, 14)  # some two million characters
    path.write_text("\n".join(",".join(["é"] * 5000) for _ in range(100)))
    found = serialize_preview(make_preview(path, FileFormat("csv"), None, 100))
    assert {len(row["values"]) for row in found["rows"]} == {1000}


def test_other_keys_in_each_row_make_no_table_of_them(tmp_path: Path) -> None:
    """A megabyte of them would have a milliard of cells."""
    path = tmp_path / "o"
    lines = "\n".join(json.dumps({f"{row}-{at}": 1 for at in range(20)}) for row in range(500))
    for format, text in (("ndjson", lines), ("json", "[" + lines.replace("\n", ",") + "]")):
        path.write_text(text)
        found = make_preview(path, FileFormat(format), None, 100)
        assert found.cut
        assert sum(len(row.record.values) for row in found.rows) <= 1_000_000
        assert len(found.columns) == 1000
