"""The story that the tutorial tells, over HTTP."""

import gzip
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.formats.generate.orders import write_csv_sample
from tests.acceptance.conftest import Stack
from tests.waiting import stretched

pytestmark = pytest.mark.in_turn


@pytest.fixture(scope="session")
def orders_csv(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("csv") / "orders.csv"
    write_csv_sample(path, 30_000, "t1")
    return path.read_bytes()


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_accepted_loaded_and_counted(stack: Stack, orders_csv: bytes, packed: bool) -> None:
    answer = stack.send(gzip.compress(orders_csv, 1) if packed else orders_csv)
    assert answer.status_code == 202, answer.text
    accepted = answer.json()
    assert answer.headers["Location"] == accepted["links"]["self"] == f"/v1/imports/{accepted['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    done = stack.wait_state(accepted["id"])
    assert (done["state"], done["rows_done"], done["percent"]) == ("committed", 30_000, 100.0)
    assert [event["event"] for event in done["timeline"]] == ["queued", "running", "committing", "committed"]
    assert stack.count() == 30_000


def test_a_multipart_form_is_accepted(stack: Stack, orders_csv: bytes) -> None:
    answer = stack.post("/v1/imports", files={"file": ("night.csv", orders_csv, "text/csv")})
    assert answer.status_code == 202, answer.text
    done = stack.wait_state(answer.json()["id"])
    assert done["state"] == "committed" and done["source"]["name"] == "night.csv"


def test_stop_in_mid_load_leaves_nothing(stack: Stack) -> None:
    id = stack.post("/v1/imports", json={"generate": 2_000_000}).json()["id"]
    stack.wait_rows(id)
    answer = stack.post(f"/v1/imports/{id}/stop")
    assert answer.status_code == 202 and answer.json()["state"] in ("stopping", "stopped")
    again = stack.post(f"/v1/imports/{id}/stop")
    assert again.status_code == 202
    assert stack.wait_state(id)["state"] == "stopped"
    assert stack.count() == 0
    late = stack.get(f"/stop/{id}")
    assert late.status_code == 200 and late.json()["success"] is True


def test_stop_of_a_committed_import_is_refused(stack: Stack) -> None:
    id = stack.get("/insert/1000").json()["task_id"]
    stack.wait_state(id)
    for path in (f"/stop/{id}", f"/v1/imports/{id}/stop"):
        answer = stack.post(path)
        assert answer.status_code == 409
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "committed all of its 1,000 rows" in answer.json()["detail"]
    assert stack.count() == 1000


def test_queued_imports_are_stopped_while_all_slots_are_busy(stack: Stack) -> None:
    ids = [stack.post("/v1/imports", json={"generate": 2_000_000}).json()["id"] for _ in range(8)]
    stack.wait_rows(ids[0])
    took = []
    for id in reversed(ids):
        begun = time.perf_counter()
        answer = stack.post(f"/v1/imports/{id}/stop")
        took.append(time.perf_counter() - begun)
        assert answer.status_code == 202, answer.text
    assert {stack.wait_state(id)["state"] for id in ids} == {"stopped"}
    assert stack.count() == 0
    assert max(took) < stretched(10)  # nobody waits for what the slots do


def test_progress_never_goes_back_and_says_100_only_when_committed(stack: Stack, orders_csv: bytes) -> None:
    id = stack.send(orders_csv).json()["id"]
    seen = []
    while not seen or seen[-1]["state"] not in ("committed", "failed"):
        seen.append(stack.find(id))
    for field in ("percent", "rows_done", "bytes_done", "sequence"):
        values = [found[field] for found in seen]
        assert values == sorted(values)
    assert all(found["percent"] < 100 for found in seen if found["state"] != "committed")
    assert seen[-1]["percent"] == 100


def test_the_same_key_imports_once(stack: Stack, orders_csv: bytes) -> None:
    def send(body: bytes, key: str) -> tuple[int, dict[str, str]]:
        answer = stack.send(body, headers={"Idempotency-Key": key})
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(orders_csv, "night-1"), range(4)))
    accepted = {document["id"] for status, document in answers if status == 202}
    assert len(accepted) == 1
    assert {status for status, _ in answers} <= {202, 409}
    status, document = send(orders_csv, "night-1")
    assert status == 202 and {document["id"]} == accepted
    status, document = send(orders_csv + b"x", "night-1")
    assert status == 422 and document["import_id"] in accepted
    stack.wait_state(*accepted)
    assert stack.count() == 30_000


def test_a_stopped_import_frees_its_key(stack: Stack) -> None:
    headers = {"Idempotency-Key": "again"}
    first = stack.get("/insert/2000000", headers=headers).json()["task_id"]
    assert stack.get("/insert/2000000", headers=headers).json()["task_id"] == first
    stack.get(f"/stop/{first}")
    second = stack.get("/insert/10", headers=headers).json()["task_id"]
    assert second != first
    assert stack.wait_state(second)["state"] == "committed"


@pytest.mark.in_turn
def test_a_small_import_passes_large_ones(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(worker_slots=1).start()
    large = [stack.post("/v1/imports", json={"generate": 5_000_000}).json()["id"] for _ in range(3)]
    stack.wait_rows(large[0])
    small = stack.get("/insert/100").json()["task_id"]
    assert stack.wait_state(small)["state"] == "committed"
    assert [stack.find(id)["state"] for id in large] == ["running", "queued", "queued"]
    stack.post(f"/v1/imports/{large[0]}/stop")
    stack.wait_rows(large[1])  # the next one, though its hint came when there was no slot
