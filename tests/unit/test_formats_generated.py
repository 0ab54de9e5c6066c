"""Made-up orders: repeatable, unique, and accepted by the reader."""

import hashlib
from pathlib import Path

import pytest

from app.domain.dataset import ORDERS, Dataset
from app.domain.file_format import FileFormat
from app.formats.generate.orders import generate_rows, write_csv_sample
from app.formats.reader import read_rows


def payload(rows: int, seed: str, batch_bytes: int = 1 << 20) -> bytes:
    return b"".join(batch.payload for batch in generate_rows(ORDERS, rows, seed, batch_bytes))


def test_the_same_seed_gives_the_same_bytes_whatever_the_batches() -> None:
    whole = payload(25_003, "a17")
    for batch_bytes in (10_000, 3_000_000, 100_000_000):
        assert payload(25_003, "a17", batch_bytes) == whole
    assert payload(25_003, "a18") != whole.replace(b"A17-", b"A18-")


def test_fewer_rows_are_the_first_of_more() -> None:
    more = payload(12_345, "a")
    assert more.startswith(payload(10_001, "a"))
    assert more.startswith(payload(3, "a"))


def test_rows_do_not_change_from_one_version_to_the_next() -> None:
    """Benchmarks compare runs by these rows; a new Faker that draws others has to be noticed."""
    assert hashlib.sha256(payload(1000, "a17")).hexdigest()[:16] == "64b7b0652354fa38"


def test_batches_count_on() -> None:
    batches = list(generate_rows(ORDERS, 25_003, "b", 500_000))
    assert [batch.first_row for batch in batches[:2]] == [1, 1 + batches[0].rows]
    assert sum(batch.rows for batch in batches) == 25_003
    assert all(batch.payload.count(b"\n") == batch.rows == len(batch.keys) for batch in batches)
    assert all(250_000 < len(batch.payload) < 600_000 for batch in batches[:2])
    assert all(batch.source_bytes == 0 and batch.lines is None for batch in batches)
    assert batches[1].payload.startswith(f"{batches[1].first_row},".encode())


def test_big_batches_join_blocks() -> None:
    assert [batch.rows for batch in generate_rows(ORDERS, 45_000, "b", 4 << 20)] == [20_000, 20_000, 5_000]


def test_order_numbers_are_unique_and_carry_the_seed() -> None:
    keys = [key for batch in generate_rows(ORDERS, 30_000, "a17", 1 << 20) for key in batch.keys]
    assert keys[41][1] == "A17-0000042"
    assert len({number for _, number in keys}) == 30_000
    assert {number[:4] for _, number in keys} == {"A17-"}


def test_the_sample_is_what_is_generated_and_passes_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    write_csv_sample(path, 20_500, "z9")
    read = b"".join(batch.payload for batch in read_rows(path, ORDERS, FileFormat("csv"), 300_000))
    assert read == payload(20_500, "z9")


def test_rows_look_like_orders() -> None:
    rows = payload(10_000, "look").decode().splitlines()
    assert sum('"1","' in row for row in rows) > 6000  # most orders are for one piece
    assert {row.split(",")[1] for row in rows} >= {'"Amazon"', '"eBay"', '"Etsy"', '"Walmart"', '"Shopify"'}
    assert all("@example." in row for row in rows)  # reserved domains: nobody's address


@pytest.mark.parametrize("seed", ["", "A17", "a-1", "a" * 25, "é", "a\n", " a"])
def test_bad_seeds(seed: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed"):
        generate_rows(ORDERS, 1, seed, 1000)
    with pytest.raises(ValueError, match="seed"):
        write_csv_sample(tmp_path / "orders.csv", 1, seed)


def test_bad_numbers_and_datasets() -> None:
    with pytest.raises(ValueError, match="rows"):
        generate_rows(ORDERS, 0, "a", 1000)
    with pytest.raises(ValueError, match="batch_bytes"):
        generate_rows(ORDERS, 1, "a", 0)
    with pytest.raises(ValueError, match="orders only"):
        generate_rows(Dataset("notes", (), ()), 1, "a", 1000)


def test_the_longest_seed_fits_the_column(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    write_csv_sample(path, 10, "z" * 24)
    assert sum(batch.rows for batch in read_rows(path, ORDERS, FileFormat("csv"), 1 << 20)) == 10
