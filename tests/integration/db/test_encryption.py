"""Encryption of connections: none on one machine, once it is known, unless somebody wants it; and what the URL asks."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import make_url

from app.db.database import Database
from app.db.driver import DriverConnection
from app.domain.errors import DatabaseUnavailable
from tests.servers import DATABASES, DatabaseServer, new_database


@pytest.fixture(scope="module")
def certificate(servers_folder: Path) -> Path:
    """A certificate of its own, and its key behind it; MySQL makes the like when it is set up."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server")])
    begun = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(begun).not_valid_after(begun + timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = servers_folder / "server.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + text)
    return path


@pytest.fixture(scope="module", params=DATABASES)
def server(request: pytest.FixtureRequest, servers_folder: Path, certificate: Path) -> Iterator[DatabaseServer]:
    """One that can encrypt."""
    own = (f"--ssl-cert={certificate}", f"--ssl-key={certificate}") if request.param == "mariadb" else ()
    server = new_database(request.param, servers_folder / f"encrypting-{request.param}", own)
    yield server
    server.server.kill()


@pytest.fixture
def database(server: DatabaseServer) -> Iterator[Database]:
    database = Database(make_url(server.url))
    DriverConnection._is_near.clear()
    yield database
    database.dispose()
    with server.root() as cursor:
        cursor.execute("SET GLOBAL require_secure_transport = OFF")
        cursor.execute("ALTER USER app REQUIRE NONE")
    DriverConnection._is_near.clear()


def is_encrypted(connection: DriverConnection) -> bool:
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        _, version = cursor.fetchone() or ("", "")
        return bool(version)


def test_on_one_machine_nothing_is_encrypted_once_that_is_known(database: Database, server: DatabaseServer) -> None:
    assert is_encrypted(database.connect_branch())
    assert not is_encrypted(database.connect_branch())
    with server.root() as cursor:
        cursor.execute("FLUSH PRIVILEGES")  # MySQL forgets whom it knows, and wants the password again
    assert not is_encrypted(database.connect_branch())


def test_a_server_that_insists_is_given_what_it_wants(database: Database, server: DatabaseServer) -> None:
    database.ping()
    with server.root() as cursor:
        cursor.execute("SET GLOBAL require_secure_transport = ON")
    assert is_encrypted(database.connect_branch()) and is_encrypted(database.connect_branch())


def test_an_account_that_insists_is_given_what_it_wants(database: Database, server: DatabaseServer) -> None:
    database.ping()
    with server.root() as cursor:
        cursor.execute("ALTER USER app REQUIRE SSL")
    assert is_encrypted(database.connect_branch()) and is_encrypted(database.connect_branch())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param("ip_address", lambda address: ip_address("192.0.2.1"), id="another-address"),
        pytest.param("gethostname", lambda: "another", id="a-forwarder-on-this-machine"),
    ],
)
def test_a_server_elsewhere_is_spoken_to_encrypted(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str, value: object
) -> None:
    monkeypatch.setattr(f"app.db.driver.{place}", value)
    assert all(is_encrypted(database.connect_branch()) for _ in range(3))


def test_a_server_that_was_met_before_is_spared_half_of_the_handshake(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.driver.gethostname", lambda: "another")

    def meet(_: int) -> bool:
        with database.session() as session, session.cursor() as cursor:
            cursor.execute("SELECT 1")
            sock = session._sock  # type: ignore[has-type]
            return isinstance(sock, ssl.SSLSocket) and bool(sock.session_reused)

    meet(0)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(meet, range(40))) == {True}


def test_what_the_url_asks_for_holds_for_branches_too(server: DatabaseServer, certificate: Path) -> None:
    here = make_url(server.url)
    known = certificate if server.name == "mariadb" else server.server.folder / "data" / "ca.pem"
    for authority, trusted in ((str(known), True), (certifi.where(), False)):
        asked = Database(here.update_query_dict({"ssl_ca": authority, "ssl_check_hostname": "false"}))
        for connect in (asked.ping, lambda asked=asked: asked.connect_branch().close()):
            with nullcontext() if trusted else pytest.raises(DatabaseUnavailable, match="certificate"):
                connect()
        asked.dispose()
