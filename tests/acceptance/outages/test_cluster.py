"""Nodes of a broker's cluster are killed or cut off while imports are accepted and loaded: nothing is lost."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.cli.processes import free_ports
from app.cli.servers import PrivateRabbitMQ
from tests.servers import DatabaseServer, empty, fetched
from tests.stack import Stack, find_port
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.long
NODES = 3
ROWS = 500


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


def test_imports_go_on_while_nodes_are_killed_and_cut_off(
    cluster: list[Node], start_database: Callable[[str], DatabaseServer], tmp_path: Path
) -> None:
    database = start_database("mysql")
    empty(database)
    urls = ";".join(node.url() for node in cluster)
    stack = Stack(tmp_path, database.url, urls, find_port(), sweep_seconds=60)  # so that only hints wake the worker
    try:
        stack.start()
        assert stack.get("/readyz").json()["parts"]["broker"] == "ok"
        ids = [insert(stack)]
        for node, number in ((cluster[0], signal.SIGKILL), (cluster[1], signal.SIGSTOP)):
            node.send_signal(number)
            ids += [insert(stack) for _ in range(5)]
            named = f"127.0.0.1:{node.port}"
            wait_for(partial(is_named, stack, named), "the node is named")
            if number == signal.SIGSTOP:
                node.send_signal(signal.SIGCONT)  # of three nodes two are gone: the last one alone takes nothing
            # a hint that was lost with a node is published again by those that follow
            wait_for(partial(insert_until_committed, stack, ids), "all have committed", every=1)
        stack.kill("worker")
        stack.start("worker")  # it becomes ready although a node is away
        ids.append(insert(stack))
        wait_for(lambda: all_committed(stack, ids), "the new worker loads")
        assert stack.get("/get_data/count").json()["count"] == ROWS * len(ids)
    finally:
        stack.kill()


def is_named(stack: Stack, node: str) -> bool:
    return node in stack.get("/readyz").json()["parts"]["broker"]


def insert_until_committed(stack: Stack, ids: list[str]) -> bool:
    ids.append(insert(stack))
    return all_committed(stack, ids)


def all_committed(stack: Stack, ids: list[str]) -> bool:
    return all(stack.find(id)["state"] == "committed" for id in ids)
