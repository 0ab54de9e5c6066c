"""Where the stack's parts are to be: kept where they were, out of others' way, as the environment says."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.processes import free_ports
from app.cli.stack import Plan, PlanRefused, account_of, make_plan, write_secret


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_ports(1)[0]))
        other.listen()
        yield other.getsockname()[1]


def test_private_ports_are_kept_unless_taken_since(taken: int) -> None:
    free = free_ports(1)[0]
    plan = make_plan(Plan(database_port=free, broker_port=taken), {"BACKOUT_PORT": str(free_ports(1)[0])})
    assert (plan.database_port, plan.broker_port) == (free, 0)


def test_the_web_port_asked_for_is_the_one_or_none(taken: int) -> None:
    free = free_ports(1)[0]
    assert make_plan(None, {"BACKOUT_PORT": str(free)}).port == free
    with pytest.raises(PlanRefused, match=str(taken)):
        make_plan(None, {"BACKOUT_PORT": str(taken)})


def test_an_empty_setting_says_nothing() -> None:
    assert Plan().asked_by({"BACKOUT_PORT": "", "BACKOUT_DATABASE_URL": "", "BACKOUT_HOST": ""}) == Plan()


@pytest.mark.parametrize("text", ["0", "65536", "-1", "web"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(PlanRefused, match="is not a port"):
        make_plan(None, {"BACKOUT_PORT": text})


def test_servers_that_exist_are_taken_from_the_environment() -> None:
    url = "mysql+pymysql://u:p@db/orders"
    plan = Plan(port=1234).asked_by({"BACKOUT_DATABASE_URL": url})
    assert plan == Plan(port=1234, database_url=url, admin_database_url=url)
    owner = "mysql+pymysql://o:p@db/orders"
    assert (
        Plan().asked_by({"BACKOUT_DATABASE_URL": url, "BACKOUT_ADMIN_DATABASE_URL": owner}).admin_database_url == owner
    )
    assert plan.asked_by({}) == Plan(port=1234)


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    plan = Plan(port=8123, broker_url="amqp://u:p@mq//")
    plan.write(tmp_path)
    assert Plan.read(tmp_path) == plan
    assert Plan.read(tmp_path / "elsewhere") is None


def test_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    write_secret(tmp_path / "env", "one")
    write_secret(tmp_path / "env", "two")
    assert (tmp_path / "env").read_text() == "two"
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["env"]


def test_an_account_is_named_by_its_address() -> None:
    assert account_of("mysql+pymysql://owner:pass@127.0.0.1:3306/orders") == ("owner", "pass", "orders")
    assert account_of("mysql+pymysql://owner:p%40ss@db/orders") == ("owner", "p@ss", "orders")
