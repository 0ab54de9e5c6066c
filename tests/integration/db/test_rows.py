"""What is read back from the server equals what stood in the file, whatever its type."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.db.datasets.rows import load_payload
from app.domain.file_format import FileFormat
from app.formats.reader import read_rows
from app.lifecycle.services import Services
from tests.servers import DatabaseServer
from tests.unit.formats.typed import BERLIN, ODD, ROWS, TYPED, quoted, text_of

DDL = """
CREATE TABLE typed (
    import_no INT UNSIGNED NOT NULL, row_no INT UNSIGNED NOT NULL, id BIGINT NOT NULL, small TINYINT UNSIGNED,
    price DECIMAL(12, 2) NOT NULL, ratio DECIMAL(30, 10), paid TINYINT(1), born DATE, seen DATETIME(6),
    local DATETIME(3), name VARCHAR(40) NOT NULL, note VARCHAR(2000), raw MEDIUMTEXT, kind VARCHAR(3) NOT NULL,
    email VARCHAR(60), currency CHAR(3), PRIMARY KEY (import_no, row_no), UNIQUE KEY (id)
) ENGINE InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""
NAMES = TYPED.column_names


@pytest.fixture(autouse=True)
def table(database: DatabaseServer) -> Iterator[None]:
    with database.root() as cursor:
        cursor.execute(DDL)
    yield
    with database.root() as cursor:
        cursor.execute("DROP TABLE typed")


def load(services: Services, path: Path, data: bytes, file_format: FileFormat) -> list[dict[str, Any]]:
    """Loads a file as an import does, and reads the table."""
    path.write_bytes(data)
    with services.database.session() as session, session.cursor() as cursor:
        session.begin()
        for batch in read_rows(path, TYPED, file_format, 1 << 22):
            assert not batch.rejects
            load_payload(session, TYPED, 7, batch.payload, batch.rows)
        cursor.execute(f"SELECT {', '.join(NAMES)} FROM typed ORDER BY row_no")
        rows = [dict(zip(NAMES, row, strict=True)) for row in cursor.fetchall()]
        session.rollback()
    return rows


def meant(row: dict[str, Any]) -> dict[str, Any]:
    """What a row of the file is in the table."""
    local = row["local"] and row["local"].replace(tzinfo=BERLIN).astimezone(UTC).replace(tzinfo=None)
    price = Decimal("0.50") if row["price"] is None else row["price"]
    return row | {"local": local, "price": price, "kind": row["kind"] or "a"}


def in_csv(rows: list[dict[str, Any]]) -> bytes:
    lines = [NAMES, *([quoted(text_of(row[name])) for name in NAMES] for row in rows)]
    return "\n".join(map(",".join, lines)).encode()


def in_ndjson(rows: list[dict[str, Any]]) -> bytes:
    objects = ({name: v if isinstance(v, int | None) else text_of(v) for name, v in row.items()} for row in rows)
    return "\n".join(map(json.dumps, objects)).encode()


PLAIN = dict.fromkeys(NAMES) | {"name": "x", "kind": "a"}


def test_every_odd_text_is_read_back(services: Services, tmp_path: Path) -> None:
    texts = [*ODD, "", None, "\\", "\\\\", "\\0", '\\"', "x" * 90_000, "".join(map(chr, range(256))), "😀" * 1000]
    rows = [PLAIN | {"id": at, "raw": text, "seen": datetime(2026, 1, 2)} for at, text in enumerate(texts)]
    expected = [meant(row) for row in rows]
    assert load(services, tmp_path / "t", in_csv(rows), FileFormat("csv")) == expected
    assert load(services, tmp_path / "t", in_ndjson(rows), FileFormat("ndjson")) == expected


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=12, unique_by=lambda row: row["id"]))
def test_values_of_every_type_are_read_back(services: Services, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    expected = [meant(row) for row in rows]
    assert load(services, tmp_path / "t", in_csv(rows), FileFormat("csv")) == expected
    assert load(services, tmp_path / "t", in_ndjson(rows), FileFormat("ndjson")) == expected


def test_other_ways_to_write_a_number(services: Services, tmp_path: Path) -> None:
    lines = ["id,small,price,ratio,name", "-0,-0,1.5,-0.0,x", "7,7,0,-0.50,x"]
    rows = load(services, tmp_path / "t", "\n".join(lines).encode(), FileFormat("csv"))
    numbers = [(row["id"], row["small"], row["price"], row["ratio"], row["kind"]) for row in rows]
    assert numbers == [
        (0, 0, Decimal("1.50"), Decimal(0), "a"),
        (7, 7, Decimal(0), Decimal("-0.5"), "a"),
    ]
