"""Nodes of a broker's cluster are killed or cut off while imports are accepted and loaded: nothing is lost."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from app.cli.processes import free_ports
from app.cli.servers import PrivateRabbitMQ
from tests.servers import DatabaseServer, empty, fetched
from tests.stack import Stack, find_port
from tests.waiting import patience, stretched, wait_for

pytestmark = pytest.mark.long
NODES = 3
ROWS = 500
AWAY_SECONDS = 20  # a cut off node: two heartbeats of 5 s, and 4 s for one more attempt to reach it


class Node(PrivateRabbitMQ):
    """One of a cluster; all have the same epmd and cookie."""

    others: list["Node"]
    cookie = "a-cookie-of-the-tests"

    def prepare(self) -> None:
        self._own_folder()
        self._write_private(".erlang.cookie", self.cookie, mode=0o400)
        super().prepare()
        named = "".join(
            f"cluster_formation.classic_config.nodes.{at} = {node.node}\n" for at, node in enumerate(self.others, 1)
        )
        discovery = "cluster_formation.peer_discovery_backend = classic_config\n"
        settings = (self.folder / "rabbitmq.conf").read_text()
        pauses = "cluster_partition_handling = pause_minority\n"
        self._write_private("rabbitmq.conf", settings + discovery + named + pauses)

    @property
    def password(self) -> str:
        return self.others[0]._secret("user.secret")  # the first node's, which makes the user

    def clear_leftovers(self) -> None:
        if not any(node.is_running for node in self.others):
            super().clear_leftovers()  # the daemon that all have in common

    def send_signal(self, number: int) -> None:
        os.killpg(self.pid, number)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[Node]]:
    (epmd,) = free_ports(1)
    nodes = [Node(tmp_path / f"node-{at}", *fetched("rabbitmq"), epmd_port=epmd) for at in range(NODES)]
    tmp_path.chmod(0o755)
    for node in nodes:
        node.others = nodes
    for node in nodes:
        node.prepare()
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait_ready(patience(120))
    wait_for(lambda: nodes[0].control("list_queues", "--silent") is not None, "the cluster answers")
    yield nodes
    for node in nodes:
        node.kill()


def insert(stack: Stack) -> str:
    return str(stack.post(f"/insert/{ROWS}").json()["task_id"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "cut off"])
def test_imports_go_on_while_the_node_of_all_is_away(
    cluster: list[Node], start_database: Callable[[str], DatabaseServer], tmp_path: Path, number: signal.Signals
) -> None:
    database = start_database("mysql")
    empty(database)
    urls = ";".join(node.url() for node in cluster)
    stack = Stack(tmp_path, database.url, urls, find_port(), sweep_seconds=2)
    try:
        stack.start()
        assert stack.get("/readyz").json()["parts"]["broker"] == "ok"
        ids = [insert(stack)]
        wait_for(lambda: all_committed(stack, ids), "it is loaded")
        first = cluster[0]  # which all of ours have tried first
        first.send_signal(number)
        gone_at = monotonic()
        ids += [insert(stack) for _ in range(5)]  # none is added meanwhile: what is lost here is found by the sweeper
        wait_for(partial(is_named, stack, f"127.0.0.1:{first.port}"), "the node is named")
        wait_for(lambda: all_committed(stack, ids), "all are loaded while it is away")
        print(f"{first.port} was away, and all were loaded after {monotonic() - gone_at:.1f} s")  # noqa: T201
        assert monotonic() - gone_at < stretched(AWAY_SECONDS)
        stack.kill("worker")
        stack.start("worker")  # it becomes ready although a node is away
        ids.append(insert(stack))
        wait_for(lambda: all_committed(stack, ids), "the new worker loads")
        if number == signal.SIGKILL:
            first.start()
        else:
            first.send_signal(signal.SIGCONT)
        wait_for(lambda: stack.get("/readyz").json()["parts"]["broker"] == "ok", "it is back", seconds=patience(120))
        cluster[1].send_signal(signal.SIGKILL)  # now it is one of the two that are left
        ids.append(insert(stack))
        wait_for(lambda: all_committed(stack, ids), "it is loaded by means of the one that came back")
        assert stack.get("/get_data/count").json()["count"] == ROWS * len(ids)
    finally:
        stack.kill()


def is_named(stack: Stack, node: str) -> bool:
    return node in stack.get("/readyz").json()["parts"]["broker"]


def all_committed(stack: Stack, ids: list[str]) -> bool:
    return all(stack.find(id)["state"] == "committed" for id in ids)
