"""Loads that others measure: of a file, of generated rows, by the server's own client."""

import http.client
from datetime import datetime
from pathlib import Path
from time import perf_counter, sleep, time
from typing import Any
from urllib.parse import urlsplit

from app.domain.dataset import ORDERS
from app.formats.generate.orders import write_csv_sample
from benchmarks.places import Place
from tests.stack import Stack

PIECE_BYTES = 1024 * 1024
ASK_SECONDS = 0.5
COLUMNS = ", ".join(ORDERS.column_names)
# as the manual has it for a file with a header; numbers that our rows have, too
CLIENT_LOAD = (
    "SET @row = 0; LOAD DATA LOCAL INFILE '{path}' INTO TABLE {table} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','"
    " OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\n' IGNORE 1 LINES"
    f" ({COLUMNS}) SET import_no = 1, row_no = (@row := @row + 1);"
)


def sample(place: Place, rows: int) -> Path:
    """A CSV of orders, made once."""
    path = place.folder / f"orders-{rows}.csv"
    if not path.exists():
        write_csv_sample(path, rows, "bench")
        path.chmod(0o644)
    return path


def make_peer(place: Place, table: str = "peer", change: str = "") -> None:
    """An empty table like ours."""
    place.sql(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} LIKE orders; {change}")


def load_with_client(place: Place, path: Path, table: str = "peer") -> float:
    """Seconds for the client's LOAD DATA LOCAL of a file."""
    place.sql(f"TRUNCATE TABLE {table}")
    begun = perf_counter()
    place.sql(CLIENT_LOAD.format(path=path, table=table))
    taken = perf_counter() - begun
    place.sql(f"TRUNCATE TABLE {table}")
    return taken


def send_file(stack: Stack, path: Path, query: str = "") -> str:
    """POST a file; returns its import's id. With large pieces, as a client in C would send it."""
    address = urlsplit(stack.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, blocksize=PIECE_BYTES, timeout=600)
    with path.open("rb") as file:
        headers = {"Content-Type": "text/csv", "Content-Length": str(path.stat().st_size)}
        connection.request("POST", f"/v1/imports{query}", body=file, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    connection.close()
    return str(_json(answer.status, body)["id"])


def _json(status: int, body: bytes) -> dict[str, Any]:
    import json  # noqa: PLC0415

    if status >= 300:
        raise SystemExit(f"{status}: {body.decode()}")
    return dict(json.loads(body))


def load_file(place: Place, stack: Stack, path: Path, query: str = "") -> float:
    """Seconds from the first byte sent until `committed`."""
    begun = time()
    return wait_committed(place, stack, send_file(stack, path, query), begun)


def load_generated(place: Place, stack: Stack, rows: int) -> float:
    """Seconds from the request until `committed`."""
    begun = time()
    return wait_committed(place, stack, stack.get(f"/insert/{rows}").json()["task_id"], begun)


def wait_committed(place: Place, stack: Stack, id: str, begun: float, *, empty: bool = True) -> float:
    """Seconds from `begun` until the import committed, by the time that it tells itself: to ask often would measure the
    asking, on a machine whose processors are busy. The table is emptied then."""
    while (found := stack.find(id))["state"] != "committed":
        if found["state"] in ("failed", "stopped"):
            raise SystemExit(f"the import {found['state']}: {found['error']}")
        sleep(ASK_SECONDS)
    if empty:
        place.sql("TRUNCATE TABLE orders")
    return datetime.fromisoformat(found["finished_at"]).timestamp() - begun


def fill_slots(stack: Stack, rows: int, slots: int) -> list[str]:
    """Large imports that keep so many slots busy, each of which loads."""
    ids = [str(stack.get(f"/insert/{rows}").json()["task_id"]) for _ in range(slots)]
    for id in ids:
        stack.wait_rows(id)
    return ids


def stop_all(place: Place, stack: Stack) -> None:
    """Stop what is unfinished, wait for its end, and empty the table."""
    unfinished = "/v1/imports?state=queued,running,committing,stopping,failing&limit=200"
    while rows := stack.get(unfinished).json()["imports"]:
        for row in rows:
            if row["state"] in ("queued", "running"):
                stack.post(row["links"]["stop"])
        sleep(0.2)
    place.sql("TRUNCATE TABLE orders")
