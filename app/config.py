"""Environment → typed, frozen settings. Read once at the top (`Settings()`), then passed down, never imported.

Secrets may come from files instead (one a value, named as the variable in lower case, below `/run/secrets` or
`BACKOUT_SECRETS_DIR`): a URL whole, or its password alone beside a URL without one.
"""

import json
import os
import socket
import ssl
import sys
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.brokers import parse_brokers

SECRETS = Path(os.environ.get("BACKOUT_SECRETS_DIR") or "/run/secrets")
Seconds = Annotated[float, Field(gt=0)]
HANDLING_MODULES = ("circuitbreaker", "pypdf", "pyrate_limiter", "reportlab", "tenacity")  # requirements-handling.lock

OIDC_MODULES = ("authlib", "joserfc")  # requirements-oidc.lock


class Settings(BaseSettings):
    """Every setting is an environment variable `BACKOUT_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="BACKOUT_", frozen=True, extra="ignore", secrets_dir=SECRETS if SECRETS.is_dir() else None
    )

    database_url: SecretStr
    database_password: SecretStr | None = None
    broker_url: SecretStr
    broker_password: SecretStr | None = None

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    api_keys_file: Path | None = None
    tokens: bool = False
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_roles: Annotated[dict[str, Literal["viewer", "sender", "operator", "admin"]], NoDecode] = {}
    oidc_groups_claim: str = "groups"
    audit_retention_days: float = Field(400, gt=0)
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    test_endpoints: bool = False
    log_level: str = "INFO"

    spool_dir: Path = Path("spool")
    spool_url: str | None = None
    spool_retention_hours: float = Field(24, ge=0)
    max_upload_bytes: int = Field(10 * 1024**3, ge=1)
    max_generated_rows: int = Field(10_000_000, ge=1)

    worker_slots: int = Field(2, ge=1)
    small_import_slots: int = Field(1, ge=0)
    branches: int = Field(1, ge=1, le=16)
    batch_bytes: int = Field(4 * 1024**2, ge=1024)
    max_attempts: int = Field(5, ge=1)
    lease_seconds: Seconds = 15
    lock_wait_seconds: int = Field(10, ge=1)
    shutdown_grace_seconds: float = Field(5, ge=0)
    sweep_seconds: Seconds = 2
    publish_timeout_seconds: Seconds = 0.5
    history_retention_days: float = Field(90, gt=0)
    revert_days: float = Field(30, gt=0)
    revert_needs_reason: bool = False
    max_streams: int = Field(200, ge=0, le=1000)
    stream_max_seconds: Seconds = 60

    max_queued: int = Field(1000, ge=1)
    quotas: Annotated[
        dict[Literal["imports", "rows", "bytes", "spool_bytes"], Annotated[int, Field(ge=0)]], NoDecode
    ] = {}
    overload_inline: bool = False
    overload_error_rate: float = Field(0.5, ge=0, le=1)

    handling: bool = False
    handling_services: Annotated[dict[str, SecretStr], NoDecode] = {}
    handling_rates: Annotated[dict[str, Annotated[int, Field(gt=0)]], NoDecode] = {}
    handling_slots: int = Field(2, ge=1)
    handling_slots_least: int = Field(0, ge=0)
    handling_concurrency: int = Field(16, ge=1, le=64)
    handling_tries: int = Field(6, ge=1)
    handling_timeout_seconds: Seconds = 5
    handling_pause_seconds: Seconds = 0.2
    handling_breaker_failures: int = Field(5, ge=1)
    handling_breaker_seconds: int = Field(5, ge=1)

    @field_validator("spool_url")
    @classmethod
    def _is_a_bucket(cls, url: str | None) -> str | None:
        if not url:
            return None
        place = urlsplit(url)
        if place.scheme != "s3" or not place.netloc or place.query or place.fragment or "@" in place.netloc:
            raise ValueError(
                "it must read s3://bucket or s3://bucket/prefix; the keys are in AWS_ACCESS_KEY_ID and others"
            )
        if find_spec("obstore") is None:
            raise ValueError(
                "a spool in an object store needs obstore: install the packages of requirements-s3.lock"
                " (`make setup EXTRA=s3` in a checkout), or set no URL to use the folder"
            )
        return url

    @field_validator("handling")
    @classmethod
    def _packages_are_installed(cls, wanted: bool) -> bool:
        missing = [name for name in HANDLING_MODULES if find_spec(name) is None]
        if wanted and missing:
            raise ValueError(
                f"handling orders needs {', '.join(missing)}: install the packages of requirements-handling.lock"
                " (`make setup EXTRA=handling` in a checkout), or set it to false"
            )
        return wanted

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        try:
            return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
        except ValueError as error:
            raise ValueError(f"it must list addresses or networks, such as 10.0.0.5,192.168.7.0/24: {error}") from None

    @field_validator("quotas", "oidc_roles", "handling_services", "handling_rates", mode="before")
    @classmethod
    def _is_json(cls, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError):  # without its words: they may show a secret
            raise ValueError('it must be a JSON object, such as {"name": 5}') from None

    @field_validator("broker_url")
    @classmethod
    def _is_a_broker(cls, addresses: SecretStr) -> SecretStr:
        parse_brokers(addresses.get_secret_value())
        return addresses

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        try:
            make_url(url.get_secret_value())
        except ArgumentError:
            raise ValueError("it must read mysql+pymysql://user:password@host:port/database") from None
        return url

    @model_validator(mode="after")
    def _waits_fit_in_lease(self) -> "Settings":
        if self.lock_wait_seconds >= self.lease_seconds:
            raise ValueError("BACKOUT_LOCK_WAIT_SECONDS must be shorter than BACKOUT_LEASE_SECONDS")
        return self

    @model_validator(mode="after")
    def _keys_where_others_can_reach(self) -> "Settings":
        if not self.is_loopback and not self.asks_who:
            raise ValueError(
                f"BACKOUT_HOST={self.host} can be reached from other machines: set BACKOUT_TOKENS=1 and make a token"
                " (`python -m app.cli tokens create`), or set BACKOUT_API_KEYS_FILE to a file with one key a line, or"
                " bind to 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> "Settings":
        said = {
            "BACKOUT_OIDC_ISSUER": self.oidc_issuer,
            "BACKOUT_OIDC_CLIENT_ID": self.oidc_client_id,
            "BACKOUT_OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "BACKOUT_OIDC_ROLES": self.oidc_roles,
        }
        missing = [name for name, value in said.items() if not value]
        if len(missing) == len(said):
            return self
        if missing:
            raise ValueError(
                f"people can sign in at an OpenID provider only if {' and '.join(missing)} is set too;"
                ' BACKOUT_OIDC_ROLES reads {"group": "admin"}, with viewer, sender, operator or admin'
            )
        url = urlsplit(str(self.oidc_issuer))
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in ("localhost", "127.0.0.1", "::1")):
            raise ValueError("BACKOUT_OIDC_ISSUER must begin with https://, since people sign in there")
        absent = [name for name in OIDC_MODULES if find_spec(name) is None]
        if absent:
            raise ValueError(
                f"BACKOUT_OIDC_ISSUER needs {' and '.join(absent)}: install the packages of requirements-oidc.lock"
                " (`make setup EXTRA=oidc` in a checkout)"
            )
        return self

    @property
    def asks_who(self) -> bool:
        """Whether every request needs a token, a key or a session."""
        return self.tokens or self.api_keys_file is not None or self.oidc_issuer is not None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the web server."""
        try:
            addresses = {str(info[4][0]) for info in socket.getaddrinfo(self.host or "0.0.0.0", None)}  # nosec B104
            return all(ip_address(address.partition("%")[0]).is_loopback for address in addresses)
        except (OSError, ValueError):
            return False

    @property
    def database(self) -> URL:
        """Where the ledger and the rows are, with the password in its place."""
        return _with_password(self.database_url, self.database_password)

    @property
    def broker(self) -> str:
        """The broker's address, or those of all nodes with `;` between them, with the passwords in their places. The
        password beside them is for the only address, or for those that have none."""
        urls = parse_brokers(self.broker_url.get_secret_value())
        if self.broker_password is not None:
            password = self.broker_password.get_secret_value().strip()
            urls = [url if url.password and urls[1:] else url.set(password=password) for url in urls]
        return ";".join(url.difference_update_query(["ssl_ca"]).render_as_string(hide_password=False) for url in urls)

    @property
    def broker_tls(self) -> dict[str, Any] | None:
        """How Celery meets the broker at an address with `amqps`: it must show a certificate for its name, of an
        authority in the file `ssl_ca` of the address, or of one that this machine trusts. None without TLS. The name is
        the first node's; `app.queue` asks each for its own."""
        url = parse_brokers(self.broker_url.get_secret_value())[0]
        if url.drivername != "amqps":
            return None
        return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": url.query.get("ssl_ca"), "server_hostname": url.host}


RENAMED = {
    "BACKOUT_DRAIN_SECONDS": "BACKOUT_SHUTDOWN_GRACE_SECONDS",
    "BACKOUT_HISTORY_KEEP_DAYS": "BACKOUT_HISTORY_RETENTION_DAYS",
    "BACKOUT_OVERLOAD_QUEUED": "BACKOUT_MAX_QUEUED",
    "BACKOUT_PUBLISH_SECONDS": "BACKOUT_PUBLISH_TIMEOUT_SECONDS",
    "BACKOUT_SMALL_SLOTS": "BACKOUT_SMALL_IMPORT_SLOTS",
    "BACKOUT_SPOOL_KEEP_HOURS": "BACKOUT_SPOOL_RETENTION_HOURS",
    "BACKOUT_STREAM_SECONDS": "BACKOUT_STREAM_MAX_SECONDS",
}


def read_settings(**given: str) -> Settings:
    """The settings of this process; ends it with a sentence a mistake and exit code 2 where one is missing or wrong.
    `given` settings count as set."""
    mistakes = list_mistakes(**given)
    if mistakes:
        print("\n".join(["Backout can't start:", *mistakes]), file=sys.stderr)  # noqa: T201 — before there are logs
        raise SystemExit(2)
    return Settings(**given)  # type: ignore[arg-type]


def list_mistakes(**given: str) -> list[str]:
    """A sentence for each setting that is missing, wrong or has another name now; `given` settings count as set."""
    mistakes = [f"{old} is called {new} now: set that instead" for old, new in RENAMED.items() if _is_set(old)]
    try:
        Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        return mistakes + [
            _variable(mistake["loc"]) + mistake["msg"].removeprefix("Value error, ") for mistake in error.errors()
        ]
    return mistakes


def _is_set(variable: str) -> bool:
    return variable in os.environ or (SECRETS / variable.lower()).is_file()


def complete_url(variable: str, url: str) -> str:
    """The URL that was read from a variable, with its password from a file where there is one: for
    `BACKOUT_DATABASE_URL` that is `backout_database_password`."""
    file = SECRETS / f"{variable.lower().removesuffix('_url')}_password"
    if not file.is_file():
        return url
    password = SecretStr(file.read_text(encoding="utf-8"))
    return _with_password(SecretStr(url), password).render_as_string(hide_password=False)


def _variable(location: tuple[int | str, ...]) -> str:
    return f"BACKOUT_{str(location[0]).upper()}: " if location else ""


def _with_password(url: SecretStr, password: SecretStr | None) -> URL:
    parsed = make_url(url.get_secret_value())
    return parsed if password is None else parsed.set(password=password.get_secret_value().strip())
