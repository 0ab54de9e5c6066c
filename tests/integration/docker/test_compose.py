"""docker-compose.yml and the Dockerfile without Docker: their rules are read from the files."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.docker.files import (
    COMPOSE,
    DOCKERFILE,
    IMAGE,
    OURS,
    PINNED,
    SERVICES,
    STAYING,
    TEXT,
    copied,
    find_secrets,
    seconds,
)
from tests.servers import ROOT


def test_the_schema_of_compose_files_accepts_it() -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("SKIPPED: check-jsonschema, which has the compose specification's schema, is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    files = (ROOT / "docker-compose.yml", ROOT / "docker" / "tls.yml")
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_docker_compose_accepts_it() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("SKIPPED: no `docker compose` here")
    files = ("--file", "docker-compose.yml", "--file", "docker/tls.yml")
    command = [docker, "compose", *files, "config", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_linter_accepts_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("SKIPPED: hadolint is not installed")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_services_are_the_promised_ones() -> None:
    assert set(SERVICES) == {"database", "broker", *OURS}
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "handler": ["handling"]
    }
    assert {SERVICES[name]["environment"]["BACKOUT_HANDLING"] for name in STAYING} == {"false"}
    assert SERVICES["database"]["image"].startswith("mysql:") and SERVICES["broker"]["image"].startswith("rabbitmq:4.")


def test_every_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    assert len(images) == 2 and len(set(bases)) == 1 and "-slim" in bases[0]
    assert [name for name in images + bases if not PINNED.fullmatch(name)] == []
    assert all(SERVICES[name].get("build") == "." for name in OURS)


def test_only_the_web_server_can_be_reached_from_outside() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert SERVICES["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    outside = {name for name, service in SERVICES.items() if service["networks"] != ["inside"]}
    assert outside == {"web", "handler"}  # the handler asks the services of others
    assert not any(key in service for service in SERVICES.values() for key in ("privileged", "network_mode", "expose"))


def test_keys_are_required_and_test_endpoints_off() -> None:
    environment = SERVICES["web"]["environment"]
    assert environment["BACKOUT_HOST"] == "0.0.0.0"
    assert environment["BACKOUT_API_KEYS_FILE"] == "/run/secrets/backout_api_keys"
    assert "BACKOUT_TEST_ENDPOINTS" not in TEXT + DOCKERFILE


def test_secrets_are_files_and_each_service_has_those_it_needs() -> None:
    for secret in COMPOSE["secrets"].values():
        assert set(secret) == {"file"} and secret["file"].startswith("./secrets/")
    assert not re.search(r"://[^@\s/]*:[^@\s/]*@", TEXT)  # no address has a password
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASS|KEY|SECRET|TOKEN", name) or value.startswith("/run/secrets/"), name
    holders = {
        "backout_root_database_password": {"database", "migrate"},
        "backout_admin_database_password": {"migrate"},
        "backout_api_keys": {"web"},
        "backout_handling_services": {"handler"},
    }
    assert holders == {
        name: {service for service in SERVICES if name in find_secrets(SERVICES[service])} for name in holders
    }


def test_nobody_is_root_and_nobody_can_become_it() -> None:
    for service in SERVICES.values():
        assert int(service["user"].split(":")[0]) > 0
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert all(SERVICES[name]["read_only"] is True for name in OURS)
    user = re.findall(r"^USER (\d+:\d+)$", IMAGE, re.MULTILINE)[-1]
    assert {SERVICES[name]["user"] for name in OURS} == {user}


def test_what_stays_up_has_a_health_check_and_comes_back() -> None:
    for name, service in SERVICES.items():
        if name == "migrate":
            assert service["restart"] == "no"
        else:
            assert service["restart"] == "unless-stopped" and service["healthcheck"]["test"], name


def test_everybody_waits_for_the_tables() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in STAYING:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_spool_is_shared_and_workers_can_be_many() -> None:
    for name in STAYING:
        assert "spool:/spool" in SERVICES[name]["volumes"]
        assert SERVICES[name]["environment"]["BACKOUT_SPOOL_DIR"] == "/spool"
    assert not {"container_name", "hostname", "ports"} & set(SERVICES["worker"])


def test_a_worker_may_drain_before_it_is_killed() -> None:
    from app.config import Settings  # noqa: PLC0415

    for name in ("worker", "handler"):
        assert (
            seconds(SERVICES[name]["stop_grace_period"]) > 4 * Settings.model_fields["shutdown_grace_seconds"].default
        )


def test_what_can_be_set_is_what_the_document_says() -> None:
    page = (ROOT / "docs" / "how-to" / "docker.md").read_text()
    asked = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))
    said = dict(re.findall(r"^\| `([A-Z_]+)` \| `(.*?)` \|", page, re.MULTILINE))
    assert said == asked


def test_secrets_are_random_private_and_kept(tmp_path: Path) -> None:
    def make(folder: Path) -> dict[str, str]:
        subprocess.run([ROOT / "docker" / "make-secrets", folder], check=True, capture_output=True)
        return {path.name: path.read_text() for path in folder.iterdir() if path.name != ".gitignore"}

    one, other = make(tmp_path / "one"), make(tmp_path / "other")
    assert make(tmp_path / "one") == one
    assert set(one) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert one.pop("backout_handling_services") == other.pop("backout_handling_services") == "{}\n"  # whose they are
    values = [*one.values(), *other.values()]
    assert len(set(values)) == len(values) and min(map(len, values)) > 48
    assert one["backout_broker_password"] in one["rabbitmq_user.conf"]
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "one").iterdir()} == {0o644}
    assert (tmp_path / "one" / ".gitignore").read_text() == "*\n"


def test_the_image_ignores_all_but_what_it_copies() -> None:
    first, *rest = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == {*copied(), "requirements*.lock"}


def test_connected_tells_a_connection_from_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, ROOT / "docker" / "connected.py", "URL"]
        environment = {"URL": f"amqp://u@127.0.0.1:{port}//"}
        assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 1
        with socket.create_connection(("127.0.0.1", port)):
            assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
