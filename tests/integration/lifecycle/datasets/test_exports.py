"""Exports: the lines that the database makes are those that we would write, and files are whole or visibly not."""

import gc
import gzip
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from backports import zstd
from flask.testing import FlaskClient

from app.db.datasets import lines, row_queries
from app.domain.dataset import Dataset
from app.domain.errors import DatabaseUnavailable
from app.domain.requests.export import ExportForm
from app.domain.requests.selection import Selection
from app.domain.states import State
from app.formats.child.runner import ChildFailed
from app.formats.export import make_line
from app.formats.parquet.write import write_parquet
from app.lifecycle.datasets import adopt, create
from app.lifecycle.services import Services
from tests.integration.lifecycle.parts import ODD_NAMES, send
from tests.integration.lifecycle.test_adopt import Owner, owner  # noqa: F401 — a fixture
from tests.integration.lifecycle.test_dataset_rows import EVERY_ROW, EVERY_TYPE
from tests.invariants import converge, find
from tests.servers import DatabaseServer
from tests.waiting import patience, wait_for

WORDS = {
    "name": "words",
    "columns": [
        {"name": "id", "type": "integer"},
        {"name": "a", "type": "text", "length": 2000, "controls": "any", "empty": True, "nullable": True},
    ],
    "key": ["id"],
}
POINTS = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
ADOPTED = """CREATE TABLE strange (
    id INT(9) UNSIGNED ZEROFILL NOT NULL PRIMARY KEY, price DECIMAL(9, 3) ZEROFILL, flag TINYINT(1), small SMALLINT,
    latin VARCHAR(20) CHARACTER SET latin1, fixed CHAR(5), kind ENUM('a "b"', 'é') CHARACTER SET latin1,
    folded VARCHAR(20) COLLATE utf8mb4_unicode_ci, wide VARCHAR(20) CHARACTER SET utf16,
    kanji VARCHAR(20) CHARACTER SET sjis, at TIMESTAMP(3) NULL, day DATE, big BIGINT UNSIGNED)"""


def fill(services: Services, body: dict[str, Any], rows: list[dict[str, Any]]) -> Dataset:
    dataset = create.create_dataset(services, body).dataset
    number = send(services, dataset, "".join(json.dumps(row) + "\n" for row in rows), format="ndjson")
    assert converge(services, number).state is State.COMMITTED, find(services, number).error
    return dataset


def require_equal(services: Services, dataset: Dataset) -> list[dict[str, Any]]:
    """The rows as JSON, after each line of each form was compared with what we write of its values."""
    assert lines.fits(dataset)
    selection, rows = Selection(dataset), []
    with services.database.snapshot() as connection:
        values = list(row_queries.stream_rows(connection, row_queries.select_rows(selection)))
    assert values
    for form in ExportForm:
        with services.database.snapshot() as connection:
            made = list(lines.stream_lines(connection, selection.dataset, row_queries.select_rows(selection), form))
        ours = list(map(make_line(dataset, form), values))
        if form in (ExportForm.CSV, ExportForm.SPREADSHEET):
            assert made == ours
        else:  # JSON may be escaped in more than one way
            assert [list(json.loads(line).items()) for line in made] == [list(json.loads(one).items()) for one in ours]
            assert all(line.count("\n") == 1 and line.endswith("}\n") for line in made)
            rows = [json.loads(line) for line in made]
    return rows


def test_each_character_leaves_as_it_came(services: Services) -> None:
    texts = ["".join(POINTS[start : start + 1000]) for start in range(0, len(POINTS), 1000)]
    texts += [f"{point}x" for point in POINTS[:0x3000]] + [f"{chr(point)}x" for point in range(0xFE00, 0x10000)]
    dataset = fill(services, WORDS, [{"id": at, "a": text} for at, text in enumerate(["", None, "x  ", *texts])])
    assert [row["a"] for row in require_equal(services, dataset)] == ["", None, "x  ", *texts]


def test_each_type_and_odd_name_leaves_as_it_came(services: Services) -> None:
    every = {"name": "every", "columns": EVERY_TYPE, "key": ["id"]}
    names = [str(column["name"]) for column in EVERY_TYPE]
    sent = [dict(zip(names, row, strict=True)) for row in EVERY_ROW]
    dataset = fill(services, every, sent)
    found = require_equal(services, dataset)
    assert found == [{**row, "paid": None if row["paid"] is None else int(row["paid"])} for row in sent]
    odd = [{"name": name, "type": "text", "length": 9, "nullable": True} for name in ODD_NAMES]
    body = {"name": "odd", "columns": [*odd, {"name": "n", "type": "integer"}], "key": ["n"]}
    require_equal(services, fill(services, body, [{**dict.fromkeys(ODD_NAMES, "=v"), "n": 1}, {"n": 2}]))


def test_a_strangers_table_leaves_as_it_is(services: Services, owner: Owner) -> None:  # noqa: F811
    owner.make(ADOPTED)
    owner.make("""INSERT INTO strange VALUES
        (7, 1.5, 1, -5, 'café € "', 'ab ', 'é', '⁼x', '="é', '表"ソ', '2026-01-02 03:04:05.670', '2026-02-28', 1),
        (8, NULL, 5, NULL, NULL, NULL, NULL, '﹢', '', NULL, NULL, NULL, 18446744073709551615),
        (9, 0, 0, 0, '', '', 'a "b"', '=1', '＝', '-ｱ', '2026-01-02 03:04:05', '2026-02-28', 0)""")
    found = require_equal(services, adopt.adopt_table(services, {"name": "strange", "adopt": True}).dataset)
    assert found[0]["id"] == 7 and found[0]["price"] == "1.500" and found[0]["latin"] == 'café € "'
    assert found[1]["big"] == 2**64 - 1 and found[0]["at"] == "2026-01-02T03:04:05.670Z"


def test_a_dataset_with_long_texts_leaves_the_same_way(services: Services, web: FlaskClient) -> None:
    body = {**WORDS, "columns": [WORDS["columns"][0], {**WORDS["columns"][1], "length": 3_000_000}]}  # type: ignore[index, dict-item]
    long = 'ä"\n' * 700_000
    dataset = fill(services, body, [{"id": 1, "a": long}, {"id": 2, "a": None}, {"id": 3, "a": ""}])
    assert not lines.fits(dataset)
    found = [json.loads(line) for line in web.get("/v1/datasets/words/rows?format=ndjson").text.splitlines()]
    assert found == [{"id": 1, "a": long}, {"id": 2, "a": None}, {"id": 3, "a": ""}]
    frame = pl.read_parquet(io.BytesIO(web.get("/v1/datasets/words/rows?format=parquet").data))
    assert frame.rows() == [(1, long), (2, None), (3, "")]
    assert (
        web.get("/v1/datasets/words/rows?format=csv").data
        == f'"id","a"\n1,"{long.replace(chr(34), chr(34) * 2)}"\n2,\n3,""\n'.encode()
    )


@pytest.fixture
def every(services: Services) -> Dataset:
    columns = [*EVERY_TYPE, {"name": "digits", "type": "decimal", "precision": 60, "scale": 5, "nullable": True}]
    names = [str(column["name"]) for column in columns]
    rows = [dict(zip(names, (*row, "1" * 55 + ".00001"), strict=True)) for row in EVERY_ROW]
    return fill(services, {"name": "every", "columns": columns, "key": ["id"]}, rows)


def test_parquet_has_the_values_and_their_types(services: Services, web: FlaskClient, every: Dataset) -> None:
    answer = web.get("/v1/datasets/every/rows?format=parquet", headers={"Accept-Encoding": "gzip"})
    assert answer.mimetype == "application/vnd.apache.parquet" and "Content-Encoding" not in answer.headers
    frame = pl.read_parquet(io.BytesIO(answer.data))
    kinds = dict(frame.schema)
    assert kinds["price"] == pl.Decimal(38, 10) and kinds["paid"] == pl.Boolean and kinds["day"] == pl.Date
    assert kinds["at"] == pl.Datetime("us", "UTC") and kinds["least"] == pl.Int64
    assert kinds["digits"] == kinds["words"] == pl.String
    # read back by our own import, from the same bytes
    body = {"name": "again", "columns": [column.as_json() for column in every.columns], "key": ["id"]}
    again = create.create_dataset(services, body).dataset
    answer = web.post("/v1/imports?dataset=again", data=answer.data, content_type="application/octet-stream")
    assert converge(services, answer.json["number"]).state is State.COMMITTED, answer.json
    for form in ("ndjson", "csv"):
        texts = [web.get(f"/v1/datasets/{name}/rows?format={form}").text for name in (every.name, again.name)]
        assert texts[0] == texts[1]
    empty = web.get("/v1/datasets/every/rows?format=parquet&filter[id]=8").data
    assert dict(pl.read_parquet(io.BytesIO(empty)).schema) == kinds


@pytest.mark.parametrize(("accepted", "read"), [("gzip, deflate", gzip.decompress), ("br, zstd", zstd.decompress)])
def test_exports_are_compressed_for_who_asks(
    web: FlaskClient, every: Dataset, accepted: str, read: Callable[[bytes], bytes]
) -> None:
    for path in (*(f"/v1/datasets/every/rows?format={form}" for form in ("csv", "ndjson", "spreadsheet")), "/get_data"):
        plain = web.get(path, headers={"Accept-Encoding": "identity, gzip;q=0"})
        assert "Content-Encoding" not in plain.headers and plain.vary == {"Accept-Encoding"}
        packed = web.get(path, headers={"Accept-Encoding": accepted})
        assert packed.headers["Content-Encoding"] in accepted and packed.vary == {"Accept-Encoding"}
        assert read(packed.data) == plain.data == web.get(path).data


def children() -> list[int]:
    """Process ids of this process's writers."""
    pids: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # the thread has just ended
            pids |= set((task / "children").read_text().split())
    return [int(pid) for pid in pids if b"write_child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_parquet_file_without_an_end_is_an_error(every: Dataset) -> None:
    def broken() -> Iterator[str]:
        yield '{"id": 1}\n'
        raise KeyError("the database has gone")

    with pytest.raises(KeyError):
        list(write_parquet(every, broken()))
    going_on = threading.Event()

    def endless() -> Iterator[str]:
        while not going_on.is_set():
            yield '{"id": 1}\n'

    pieces = write_parquet(every, endless())
    assert next(pieces)
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    with pytest.raises(ChildFailed):
        list(pieces)
    assert children() == []


def test_who_leaves_an_export_leaves_nothing_behind(services: Services, every: Dataset) -> None:
    ended: list[int] = []

    def endless() -> Iterator[str]:
        try:
            while True:
                yield '{"id": 1}\n'
        finally:
            ended.append(1)

    feed = endless()
    pieces = write_parquet(every, feed)
    assert next(pieces)
    pieces.close()
    feed.close()
    assert ended == [1] and children() == []
    wait_for(lambda: "parquet" not in {thread.name for thread in threading.enumerate()}, "its thread has ended")
    assert patience()


def test_who_leaves_in_the_middle_waits_for_no_row(services: Services, web: FlaskClient) -> None:
    others = "customer, email, ship_to, sku, quantity, unit_price, currency, status, ordered_at"
    with services.database.begin() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO orders (import_no, row_no, marketplace, order_number, {others})"
            " VALUES (1, 1, 'Bay', 'N-1', 'Jane', 'j@x.de', 'Weg 1', 'S-1', 2, '1.50', 'EUR', 'paid', '2026-01-02')"
        )
        for doubled in range(14):
            connection.exec_driver_sql(
                f"INSERT INTO orders (import_no, row_no, marketplace, order_number, {others})"
                f" SELECT 1, row_no + {2**doubled}, 'Bay', UUID(), {others} FROM orders"
            )
    for path in ("/get_data", "/v1/datasets/orders/rows?format=csv", "/v1/datasets/orders/rows?format=parquet"):
        answer = web.get(path, buffered=False)
        assert answer.status_code == 200 and next(iter(answer.response))
        answer.close()
    answer = web.head("/get_data")
    assert answer.status_code == 200
    answer.close()
    with services.database.snapshot() as connection:  # the rest is given up before the snapshot ends
        streamed = connection.execution_options(stream_results=True)
        streamed.exec_driver_sql("SELECT * FROM orders").close()
    gc.collect()  # a result that is half read would raise here
    assert (web.get("/get_data/count").json or {})["count"] == 2**14


@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_lost_connection_is_a_database_that_is_away(
    services: Services, database: DatabaseServer, is_streaming: bool
) -> None:
    with database.root() as root, pytest.raises(DatabaseUnavailable), services.database.snapshot() as connection:
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
        if is_streaming:
            tables = "information_schema.columns a, information_schema.columns b"
            streamed = connection.execution_options(stream_results=True)
            found = streamed.exec_driver_sql(f"SELECT a.column_name, REPEAT('x', 999) FROM {tables} LIMIT 100000")
            assert found.fetchone() is not None
        root.execute(f"KILL {number}")
        if is_streaming:
            found.all()
        connection.exec_driver_sql("SELECT 1")
