"""docker-compose.yml without Docker: every service runs as the file says."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
import requests

from app.cli.processes import free_ports, wait_until
from tests.integration.docker.composed import Composed
from tests.integration.docker.files import STAYING
from tests.waiting import patience


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    folder = Path(tempfile.mkdtemp(prefix="backout-compose-"))
    folder.chmod(0o755)
    try:
        composed = Composed(folder)
        try:
            composed.up()
            yield composed
        finally:
            composed.down()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_an_import_needs_a_key_and_is_committed(composed: Composed) -> None:
    from app.formats.generate.orders import write_csv_sample  # noqa: PLC0415

    for path in ("/v1/imports", "/readyz", "/get_data/count"):
        assert requests.get(composed.url + path, timeout=patience()).status_code == 401
    assert requests.get(f"{composed.url}/livez", timeout=patience()).status_code == 200
    path = composed.folder / "orders.csv"
    write_csv_sample(path, 5_000, "compose")
    before = composed.count()
    refused = requests.post(f"{composed.url}/v1/imports", data=path.read_bytes(), timeout=patience())
    assert refused.status_code == 401
    done = composed.wait_state(composed.send(data=path.read_bytes(), headers={"Content-Type": "text/csv"}), "committed")
    assert done["rows_done"] == 5_000 and composed.count() == before + 5_000
    ready = []

    def is_ready() -> bool:  # a busy machine may answer for the broker too late, once
        ready.append(composed.http.get(f"{composed.url}/readyz", timeout=patience()))
        return (ready[-1].status_code, ready[-1].json()["status"]) == (200, "ok")

    assert wait_until(is_ready, patience()), ready[-1].text


def test_the_handler_handles(composed: Composed) -> None:
    row = composed.wait_state(composed.send(json={"generate": 1500}), "committed")
    wish = {"filter": {"import": row["id"]}, "mode": "parallel"}
    accepted = composed.http.post(f"{composed.url}/v1/handlings", json=wish, timeout=patience())
    assert accepted.status_code == 202, accepted.text
    path = composed.url + accepted.headers["Location"]

    def rests() -> bool:
        return bool(composed.http.get(path, timeout=patience()).json()["finished_at"])

    assert wait_until(rests, patience(), every=0.1), composed.end_of_log("handler")
    shown = composed.http.get(path, timeout=patience()).json()
    assert (shown["state"], shown["asked_by"]) == ("done", "first"), shown
    assert len(composed.sandbox.effects("payment")) == shown["orders_total"]
    assert composed.http.get(f"{path}/slips", timeout=patience()).content[:5] == b"%PDF-"


def test_a_running_import_is_stopped(composed: Composed) -> None:
    before = composed.count()
    id = composed.send(json={"generate": 2_000_000})
    assert wait_until(lambda: composed.find(id)["rows_done"] > 0, patience())
    assert composed.http.post(f"{composed.url}/v1/imports/{id}/stop", timeout=patience()).status_code == 202
    composed.wait_state(id, "stopped")
    assert composed.count() == before


def test_a_second_worker_works_beside_the_first_and_alone(composed: Composed) -> None:
    composed.start("worker", "worker-2")
    assert wait_until(lambda: " ready." in composed.log("worker-2").read_text(), patience()), composed.end_of_log(
        "worker-2"
    )
    assert composed.running["worker"].poll() is None
    ids = [composed.send(json={"generate": 20_000}) for _ in range(3)]
    for id in ids:
        composed.wait_state(id, "committed")
    assert composed.stop("worker", "worker") == 0, composed.end_of_log("worker")
    composed.wait_state(composed.send(json={"generate": 1_000}), "committed")
    composed.start("worker")
    composed.wait_healthy("worker")
    assert composed.stop("worker-2", "worker") == 0, composed.end_of_log("worker-2")


def test_migrating_again_changes_nothing(composed: Composed) -> None:
    before = composed.count()
    assert composed.finish("migrate", "migrate-again") == 0, composed.end_of_log("migrate-again")
    assert composed.count() == before


def test_the_servers_are_healthy_only_when_they_answer(composed: Composed) -> None:
    assert composed.check("database") == 0
    assert composed.check("database", MYSQL_TCP_PORT=str(free_ports(1)[0])) != 0
    assert composed.check("broker") == 0


def test_the_application_may_not_change_tables_that_are_there(composed: Composed) -> None:
    connection = pymysql.connect(
        host="127.0.0.1",
        port=composed.database.port,
        user="backout",
        password=composed.secret("backout_database_password"),
        database="backout",
    )
    with connection, connection.cursor() as cursor:
        for statement in (
            "ALTER TABLE orders ADD n INT",
            "CREATE INDEX i ON orders (sku)",
            "SELECT user FROM mysql.user",
        ):
            with pytest.raises(pymysql.err.OperationalError) as refusal:
                cursor.execute(statement)
            assert refusal.value.args[0] == 1142  # command denied


def test_the_broker_has_the_secret_user_alone(composed: Composed) -> None:
    users = composed.broker.control("--quiet", "list_users", "--no-table-headers").splitlines()
    assert [line.split()[0] for line in users] == ["backout"]


def test_the_web_server_serves_nothing_without_keys(composed: Composed) -> None:
    port, name = str(free_ports(1)[0]), "web-without-keys"
    process = composed.start("web", name, BACKOUT_API_KEYS_FILE=None, BACKOUT_PORT=port)
    assert wait_until(lambda: "set BACKOUT_API_KEYS_FILE" in composed.log(name).read_text(), patience())
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{port}/livez", timeout=1)
    composed.kill(name)
    assert process.returncode != 0


def test_our_processes_are_an_ordinary_account_s(composed: Composed) -> None:
    for name in STAYING:
        assert Path(f"/proc/{composed.running[name].pid}").stat().st_uid != 0
