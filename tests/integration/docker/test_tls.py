"""docker/tls.yml without Docker: the services prove who they are to each other, and nothing is plain."""

import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import amqp
import pymysql
import pytest

from tests.integration.docker.composed import Composed
from tests.integration.docker.files import SERVICES, TEXT, TLS
from tests.servers import ROOT


@pytest.fixture
def composed() -> Iterator[Composed]:
    folder = Path(tempfile.mkdtemp(prefix="backout-compose-"))
    folder.chmod(0o755)
    try:
        composed = Composed(folder, TLS)
        try:
            composed.up()
            yield composed
        finally:
            composed.down()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_every_address_of_the_compose_file_is_one_with_tls() -> None:
    for name, service in SERVICES.items():
        plain = {
            key for key, value in service.get("environment", {}).items() if "database:" in value or "broker:" in value
        }
        assert plain <= set(TLS["services"].get(name, {}).get("environment", {})), name
    assert "ssl_ca" not in TEXT
    for service in TLS["services"].values():
        for value in service.get("environment", {}).values():
            assert value.endswith("?ssl_ca=/run/secrets/authority") and not value.startswith("amqp:")


def test_the_services_work_over_tls_alone(composed: Composed) -> None:
    composed.wait_state(composed.send(json={"generate": 1_000}), "committed")
    user = {"user": "backout", "password": composed.secret("backout_database_password")}
    here = {"host": "127.0.0.1", "port": composed.database.port}
    with pytest.raises(pymysql.err.OperationalError) as refused:
        pymysql.connect(**here, **user, ssl_disabled=True)
    assert refused.value.args[0] == 3159  # insecure transport
    pymysql.connect(**here, **user, ssl={"ca": str(composed.secrets / "authority.pem")}).close()
    with pytest.raises((OSError, amqp.AMQPError)):
        password = composed.secret("backout_broker_password")
        amqp.Connection(f"127.0.0.1:{composed.broker.port}", "backout", password, connect_timeout=2).connect()


def test_certificates_are_renewed_before_they_end(tmp_path: Path) -> None:
    program = ROOT / "docker" / "make-certificates"

    def make() -> list[str]:
        return subprocess.run([program, tmp_path], check=True, capture_output=True, text=True).stdout.splitlines()

    def text_of(name: str) -> str:
        return (tmp_path / name).read_text()

    assert make() == ["made authority.pem", "made database.pem", "made broker.pem"] and make() == []
    old = text_of("broker.pem")
    for name in ("database", "broker"):
        context = ssl.create_default_context(cafile=tmp_path / "authority.pem")
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # Python's default from 3.13 on
        context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
    request = ["openssl", "x509", "-in", tmp_path / "broker.pem", "-signkey", tmp_path / "broker.key", "-days", "20"]
    subprocess.run([*request, "-out", tmp_path / "broker.pem"], check=True, capture_output=True)
    assert make() == ["made broker.pem"] and text_of("broker.pem") != old
    assert {path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077 == 0} == {
        "authority.key",
        "authority.srl",
    }
    verified = ["openssl", "verify", "-x509_strict", "-CAfile", tmp_path / "authority.pem"]
    for name in ("database", "broker"):
        subprocess.run([*verified, "-verify_hostname", name, tmp_path / f"{name}.pem"], check=True, capture_output=True)
