"""The broker: our user is no administrator there; over TLS it must show a certificate for its name that we trust."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.cli.processes import free_ports
from app.cli.servers import PrivateRabbitMQ
from app.queue import Hints, create_celery
from tests.proxy import Proxy
from tests.servers import BROKERS, fetched, make_settings
from tests.waiting import patience, stretched, wait_for

PUBLISH = b"\x00\x3c\x00\x28"  # Basic.Publish (AMQP 0-9-1: class 60, method 40)
DECLARE = b"\x00\x32\x00\x0a"  # Queue.Declare
NO_DATABASE = "mysql+pymysql://nobody@localhost/none"


class BrokerWithTLS(PrivateRabbitMQ):
    """Listens for TLS, too, with a certificate for `localhost`, of itself."""

    tls_port = 0

    def prepare(self) -> None:
        super().prepare()
        self.tls_port = self.tls_port or free_ports(1)[0]
        make_certificate(self.folder / "own.pem")
        own = self.folder / "own.pem"
        more = f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
        more += f"ssl_options.certfile = {own}\nssl_options.keyfile = {own}\nssl_options.cacertfile = {own}\n"
        settings = self.folder / "rabbitmq.conf"
        self._write_private("rabbitmq.conf", settings.read_text() + more)

    def listens_for_tls(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.tls_port)) == 0

    def tls_url(self, host: str = "localhost", query: str = "") -> str:
        return f"amqps://backout:{self.password}@{host}:{self.tls_port}/{query}"


def make_certificate(path: Path) -> None:
    """A certificate for `localhost`, of itself, and its key behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begun = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(begun).not_valid_after(begun + timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + text)
    path.chmod(0o644)  # the server runs under an account of its own, in a folder that is closed to others


@pytest.fixture(scope="module", params=BROKERS)
def broker(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[BrokerWithTLS]:
    folder = servers_folder / f"tls-{request.param}"
    broker = BrokerWithTLS(folder) if request.param == "rabbitmq-3" else BrokerWithTLS(folder, *fetched("rabbitmq"))
    broker.prepare()
    broker.start()
    broker.wait_ready(patience(120))
    wait_for(broker.listens_for_tls, "it listens for TLS, too")  # which begins later
    yield broker
    broker.kill()


def publishes(tmp_path: Path, url: str) -> bool:
    hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, url)), 5)
    try:
        return hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
    finally:
        hints.close()


def test_our_user_is_no_administrator(broker: BrokerWithTLS) -> None:
    listed = broker.control("list_users", "--silent", "--no-table-headers")
    assert listed.split() == ["backout", "[]"]


def test_only_a_broker_that_proves_its_name_is_used(broker: BrokerWithTLS, tmp_path: Path) -> None:
    trusted = f"?ssl_ca={broker.folder / 'own.pem'}"
    assert publishes(tmp_path, broker.url())
    assert publishes(tmp_path, broker.tls_url(query=trusted))
    assert not publishes(tmp_path, broker.tls_url())  # nobody whom this machine trusts has signed it
    assert not publishes(tmp_path, broker.tls_url("127.0.0.1", trusted))  # that is not the name in it


def test_each_node_of_a_cluster_proves_its_own_name(broker: BrokerWithTLS, tmp_path: Path) -> None:
    trusted = f"?ssl_ca={broker.folder / 'own.pem'}"
    named, nameless = broker.tls_url(query=trusted), broker.tls_url("127.0.0.1", trusted)
    away = named.replace(str(broker.tls_port), "1")
    assert publishes(tmp_path, f"{nameless};{named}")
    assert publishes(tmp_path, f"{away};{named}")
    assert not publishes(tmp_path, f"{away};{nameless}")


def test_nodes_that_are_away_are_named_and_others_are_used(broker: BrokerWithTLS, tmp_path: Path) -> None:
    away = [broker.url().replace(str(broker.port), str(port)) for port in (1, 2)]
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # the kernel accepts, and no one answers
        silent = broker.url().replace(str(broker.port), str(frozen.getsockname()[1]))
        urls = ";".join((silent, *away, broker.url()))
        hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, urls)), 1)
        try:
            began = monotonic()
            assert hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
            assert monotonic() - began < stretched(2)
            assert hints.depth() is not None
            began = monotonic()
            assert hints.list_silent_nodes() == [
                f"127.0.0.1:{port}" for port in (frozen.getsockname()[1], 1, 2)
            ] and monotonic() - began < stretched(3)
        finally:
            hints.close()
    only = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, away[0])), 1)
    assert only.list_silent_nodes() == [] and not only.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
    only.close()


def test_a_frozen_node_with_tls_costs_one_hint_at_most(broker: BrokerWithTLS, tmp_path: Path) -> None:
    trusted = f"?ssl_ca={broker.folder / 'own.pem'}"
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        silent = broker.tls_url(query=trusted).replace(str(broker.tls_port), str(frozen.getsockname()[1]))
        settings = make_settings(NO_DATABASE, tmp_path, f"{silent};{broker.tls_url(query=trusted)}")
        hints = Hints(create_celery(settings), 1)
        began = monotonic()
        hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
        assert monotonic() - began < stretched(3)
        assert hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
        hints.close()


def test_a_node_that_goes_away_costs_no_hint(broker: BrokerWithTLS, tmp_path: Path) -> None:
    with Proxy(broker.port) as first, Proxy(broker.port) as second:
        urls = [broker.url().replace(str(broker.port), str(proxy.port)) for proxy in (first, second)]
        hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, ";".join(urls))), 2)
        for proxy, other in ((first, second), (second, first)):
            assert hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
            proxy.refuse()
            proxy.cut()
            assert hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
            proxy.accept()
            other.cut()
            assert hints.queue_stats() is not None
        hints.close()


def test_a_node_that_answers_nothing_more_costs_one_hint(broker: BrokerWithTLS, tmp_path: Path) -> None:
    """It takes connections, but has lost the others of its cluster, and with them the queue's leader."""
    with Proxy(broker.port) as alone:
        urls = f"{broker.url().replace(str(broker.port), str(alone.port))};{broker.url()}"
        hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, urls)), 1)
        alone.swallowed = DECLARE
        assert hints.queue_stats() is not None
        hints.close()
        hints = Hints(create_celery(make_settings(NO_DATABASE, tmp_path, urls)), 1)
        alone.swallowed = PUBLISH
        began = monotonic()
        assert not hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
        assert monotonic() - began < stretched(2)
        assert hints.publish("3c4ce6d6-1f0c-4b52-a2a1-0e2f0dcd2b1d")
        hints.close()
