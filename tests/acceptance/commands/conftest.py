"""Files of orders for the command line."""

from pathlib import Path

import pytest

from app.formats.generate.orders import write_csv_sample

ROWS = 3000


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    write_csv_sample(path, ROWS, "c1")
    return path


@pytest.fixture
def mixed(orders: Path) -> Path:
    """One of its rows is invalid."""
    lines = orders.read_text().splitlines(keepends=True)
    fields = lines[5].split(",")
    path = orders.with_name("mixed.csv")
    path.write_text("".join([*lines[:5], ",".join(["x" * 33, *fields[1:]]), *lines[6:]]))
    return path
