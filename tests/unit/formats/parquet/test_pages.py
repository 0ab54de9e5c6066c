"""Small files that lie about their size come to rows or to a failure in words, in little memory and time."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.parquet.pages import check_pages
from app.formats.parquet.schema import read_schema
from app.formats.parquet.table import read_records
from app.formats.streams import decompression
from tests.files.hostile_parquet import FILES, LONG, nested, repeated, written
from tests.waiting import patience

pytestmark = pytest.mark.slow

ONE = Dataset("one", (Column("a", ColumnType.TEXT, length=1_000_000),), ("a",))
READING = FileFormat("parquet")
CODES = {
    "pages of two gigabytes": "unpacked_too_large",
    "pages of two gigabytes, brotli": "unpacked_too_large",
    "a milliard of rows": "too_many_rows",
    "nested too deep": "missing_column",  # it is left out, and another column is wanted
    "more columns than a schema may have": "too_many_columns",
}
_READER = """
import os, resource, sys
from pathlib import Path
os.environ["POLARS_MAX_THREADS"] = "2"
resource.setrlimit(resource.RLIMIT_DATA, (1600 * 1024**2,) * 2)
from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.parquet.table import check_parquet, read_records
ONE = Dataset("one", (Column("a", ColumnType.TEXT, length=1_000_000),), ("a",))
READING = FileFormat("parquet")
try:
    check_parquet(Path(sys.argv[1]), ONE, READING)
    print(sum(len(found.lines) for found in read_records(Path(sys.argv[1]), ONE, READING, 4 << 20)))
except ImportFailed as failed:
    assert failed.reason
    print(failed.code)
"""


@pytest.mark.parametrize("name", FILES)
def test_a_worker_lives_on(tmp_path: Path, name: str) -> None:
    """In a process of its own, which a crash or a gigabyte too much would end."""
    path = tmp_path / "o"
    path.write_bytes(FILES[name]())
    command = [sys.executable, "-c", _READER, str(path)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=patience(), cwd=Path(__file__).parents[4]
    )
    assert found.returncode == 0, found.stderr[-2000:]
    ending = found.stdout.strip()
    assert ending == CODES.get(name, ending)
    assert ending.isdigit() or ending in {"damaged_parquet", *CODES.values()}


def test_what_repeats_in_a_file_is_counted_as_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o"
    path.write_bytes(repeated(LONG, 50))
    assert sum(len(found.lines) for found in read_records(path, ONE, READING, 1 << 20)) == 50
    monkeypatch.setattr(decompression, "EASILY_UNPACKED_BYTES", 20_000_000)
    taken = 0
    with pytest.raises(ImportFailed, match="more than 20,000,000 bytes and more than 250 times its own size") as caught:
        for found in read_records(path, ONE, READING, 1 << 20):
            taken += len(found.lines)
    assert (caught.value.code, taken) == ("unpacked_too_large", 20)


def test_pages_are_counted_by_their_own_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o"
    texts = {"a": ["y" * 1000] * 5000, "b": ["z" * 1000] * 5000}
    for version in ("1.0", "2.0"):
        path.write_bytes(written(texts, compression="zstd", use_dictionary=False, data_page_version=version))
        monkeypatch.setattr(decompression, "EASILY_UNPACKED_BYTES", 6_000_000)
        check_pages(path, ["a"])  # one of them has 5 MB
        with pytest.raises(ImportFailed, match="unpacks"):
            check_pages(path, ["a", "b"])
        # a row group at a time is held
        path.write_bytes(
            written(texts, compression="zstd", use_dictionary=False, data_page_version=version, row_group_size=2000)
        )
        check_pages(path, ["a", "b"])
        monkeypatch.setattr(decompression, "MAX_RATIO", 1_000_000)
        monkeypatch.setattr(decompression, "EASILY_UNPACKED_BYTES", 1)
        check_pages(path, ["a", "b"])
        monkeypatch.undo()


def test_ordinary_nesting_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "o"
    path.write_bytes(nested(99))
    assert read_schema(path).leaves == {}
    path.write_bytes(nested(101))
    schema = read_schema(path)
    assert list(schema.unsupported.values()) == ["values that are nested more than 100 levels deep"]
