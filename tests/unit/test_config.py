"""Settings: a mistake ends the process with a sentence, a secret may come from a file."""

import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.config import Settings, read_settings

URLS = {
    "BACKOUT_DATABASE_URL": "mysql+pymysql://app@db:3306/backout",
    "BACKOUT_BROKER_URL": "amqp://app@broker:5672//",
}


@pytest.fixture(autouse=True)
def urls(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in URLS.items():
        monkeypatch.setenv(name, value)


def test_a_password_takes_its_place_in_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOUT_DATABASE_PASSWORD", "p@ss/word\n")
    assert Settings().database.password == "p@ss/word"
    assert (
        Settings().database.render_as_string(hide_password=False) == "mysql+pymysql://app:p%40ss%2Fword@db:3306/backout"
    )


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOUT_DATABASE_URL", "mysql+pymysql://app:hush@db/backout")
    assert "hush" not in repr(Settings())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", ""])
def test_without_keys_only_loopback_is_served(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("BACKOUT_HOST", host)
    with pytest.raises(ValidationError, match="BACKOUT_API_KEYS_FILE"):
        Settings()
    monkeypatch.setenv("BACKOUT_API_KEYS_FILE", "/some/file")
    assert Settings().api_keys_file == Path("/some/file")
    monkeypatch.delenv("BACKOUT_API_KEYS_FILE")
    monkeypatch.setenv("BACKOUT_TOKENS", "1")
    assert Settings().asks_who


def test_trusted_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().trusted_proxies == ()
    monkeypatch.setenv("BACKOUT_TRUSTED_PROXIES", "10.0.0.5, 192.168.7.0/24,2001:db8::/32,")
    assert [str(one) for one in Settings().trusted_proxies] == ["10.0.0.5/32", "192.168.7.0/24", "2001:db8::/32"]
    monkeypatch.setenv("BACKOUT_TRUSTED_PROXIES", "*")
    with pytest.raises(ValidationError, match="addresses or networks"):
        Settings()


@pytest.mark.parametrize("name", ["QUOTAS", "HANDLING_RATES", "HANDLING_SERVICES"])
@pytest.mark.parametrize("text", ["hush", "[1]", "[" * 100_000, ""])
def test_a_setting_that_is_no_json_object_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    monkeypatch.setenv(f"BACKOUT_{name}", text)
    with pytest.raises(SystemExit):
        read_settings()
    said = capsys.readouterr().err
    assert f"BACKOUT_{name}: " in said and "hush" not in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "must read amqp://"),
        ("amqp://app@broker//?ssl_ca=/etc/hostname", "must begin with amqps://"),
        ("amqps://app@broker//?ssl_ca=/not/there", "one file that is there"),
        ("amqps://app@broker//?ssl_ca=/etc/hostname&ssl_ca=/etc/hosts", "one file that is there"),
        ("", "it must read amqp://"),
        (" ; ", "it must read amqp://"),
        ("redis://broker//", "it must read amqp://"),
        ("amqp://app:hush@one//;amqp://app:hush@:5672//", "address 2 of 2 must read amqp://"),
        ("amqp://app:hu;sh@one//", "address 1 of 2 must read amqp://.*%3B"),
        ("amqp://app@one//;two", "address 2 of 2 must read amqp://"),
        ("amqp://app@one:no//;amqp://two//", "address 1 of 2 must read amqp://"),
        ("amqp://app@one//;amqps://app@two//", "address 2 of 2 has another scheme"),
        ("amqp://app@one//;amqp://app@two/other", "address 2 of 2 has another scheme, virtual host"),
        ("amqps://one//?ssl_ca=/etc/hostname;amqps://two//?ssl_ca=/etc/hosts", "or ssl_ca than the first"),
        ("amqps://one//?ssl_ca=/etc/hostname;amqps://two//?ssl_ca=/not/there", "see address 2 of 2"),
        ("amqp://app@one//;amqp://app@two//;amqp://you@one//", "address 3 of 3 is of a node that was named before"),
        ("amqp://one//;amqp://ONE:5672//", "address 2 of 2 is of a node that was named before"),
        ("amqps://one:5671//;amqps://one//", "address 2 of 2 is of a node that was named before"),
    ],
)
def test_a_broker_that_would_not_be_verified_as_wanted_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("BACKOUT_BROKER_URL", url)
    with pytest.raises(ValidationError, match=said):
        Settings()


def test_no_mistake_in_addresses_of_brokers_shows_a_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKOUT_BROKER_URL", "amqp://app:hush@one//;amqps://app:hush@two//")
    with pytest.raises(SystemExit):
        read_settings()
    assert "address 2 of 2" in (said := capsys.readouterr().err) and "hush" not in said


def test_a_cluster_has_an_address_for_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOUT_BROKER_URL", "amqp://app@one:5672//; amqp://other:its%3Bown@two// ;amqp://app@one:1//;")
    assert Settings().broker == "amqp://app@one:5672//;amqp://other:its%3Bown@two//;amqp://app@one:1//"
    monkeypatch.setenv("BACKOUT_BROKER_PASSWORD", "p;q\n")
    assert Settings().broker == "amqp://app:p%3Bq@one:5672//;amqp://other:its%3Bown@two//;amqp://app:p%3Bq@one:1//"
    monkeypatch.setenv("BACKOUT_BROKER_URL", "amqp://app:old@one//")
    assert Settings().broker == "amqp://app:p%3Bq@one//"


def test_a_broker_with_tls_must_prove_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOUT_BROKER_URL", "amqps://app@broker:5671//?ssl_ca=/etc/hostname")
    assert Settings().broker == "amqps://app@broker:5671//"
    assert Settings().broker_tls == {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": "/etc/hostname",
        "server_hostname": "broker",
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_loopback_needs_no_keys(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("BACKOUT_HOST", host)
    assert Settings().is_loopback


def test_a_lock_wait_that_outlasts_the_lease_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOUT_LOCK_WAIT_SECONDS", "15")
    with pytest.raises(ValidationError, match="shorter than"):
        Settings()


def test_a_mistake_ends_with_a_sentence_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BACKOUT_DATABASE_URL")
    monkeypatch.setenv("BACKOUT_PORT", "many")
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "BACKOUT_DATABASE_URL: Field required" in said and "BACKOUT_PORT:" in said


def test_an_old_name_of_a_setting_is_refused_with_the_new_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKOUT_DRAIN_SECONDS", "3")
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "BACKOUT_DRAIN_SECONDS is called BACKOUT_SHUTDOWN_GRACE_SECONDS now" in said
