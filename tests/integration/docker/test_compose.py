"""docker-compose.yml without Docker: its rules are read from the file, and every service runs as the file says.

Our processes run in a folder that holds just what the Dockerfile copies, with just the packages of the lock, under an
ordinary account, with the file's commands, variables and secrets; the servers are private ones with the file's options.
"""

import importlib.metadata
import importlib.util
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest
import requests
import yaml

from app.cli.processes import free_ports, is_free, wait_until
from app.cli.servers import PrivateMySQL, PrivateRabbitMQ
from tests.conftest import ROOT, fetched
from tests.sandbox import Sandbox
from tests.waiting import patience

TEXT = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("migrate", "web", "worker", "sweeper", "handler")
STAYING = ("web", "worker", "sweeper", "handler")
PINNED = re.compile(r"[a-z]+:\d+\.\d+\.\d+(-[a-z0-9-]+)?")
UNITS = {"s": 1, "m": 60}


def interpolate(value: Any) -> Any:
    """As compose does where no variable is set: `${NAME:-default}` and `$$`."""
    if isinstance(value, dict):
        return {key: interpolate(item) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{\w+:-([^}]*)\}|\$(\$)", lambda found: found[1] or found[2] or "", value)
    return value


COMPOSE = interpolate(yaml.safe_load(TEXT))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IMAGE = re.sub(r"\\\n\s*", "", DOCKERFILE.rpartition("\nFROM ")[2])  # the last stage, an instruction a line


def seconds(duration: str) -> int:
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([sm])", duration))


# --- what the files say -----------------------------------------------------------------------------------------------


def test_the_schema_of_compose_files_accepts_it() -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("SKIPPED: check-jsonschema, which has the compose specification's schema, is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_docker_compose_accepts_it() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("SKIPPED: no `docker compose` here")
    done = subprocess.run([docker, "compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
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
    assert holders == {name: {service for service in SERVICES if name in _sources(service)} for name in holders}


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


def installed_locks() -> list[Path]:
    """The locks whose packages are in the image by default."""
    (extras,) = re.findall(r'^ARG EXTRA="(.*)"$', DOCKERFILE, re.MULTILINE)
    return [ROOT / "requirements.lock", *(ROOT / f"requirements-{name}.lock" for name in extras.split())]


def copied() -> list[str]:
    """What the image's last stage takes from the checkout."""
    lines = [line.split() for line in IMAGE.splitlines() if line.startswith("COPY ") and "--from" not in line]
    return [source for line in lines for source in line[1:-1]]


def _sources(service: str) -> dict[str, str]:
    """The secrets of a service: where each is seen, by its name."""
    entries = [{"source": entry} if isinstance(entry, str) else entry for entry in SERVICES[service].get("secrets", [])]
    return {entry["source"]: entry.get("target", f"/run/secrets/{entry['source']}") for entry in entries}


# --- the services as processes ----------------------------------------------------------------------------------------


def ordinary_account() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def find_python() -> str:
    """One that an ordinary account can run: root's own may be out of its reach."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (sys.executable, f"/usr/local/bin/{name}", f"/usr/bin/{name}"):
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([path, "-c", ""], check=True, capture_output=True, **as_account(ordinary_account()))
            return path
    pytest.skip(f"SKIPPED: no {name} that an ordinary account can run")


def build_image(folder: Path) -> Path:
    """What `docker build` would: the packages of the locks and the files that are copied, nothing else."""
    subprocess.run([find_python(), "-m", "venv", "--without-pip", folder / "packages"], check=True)
    packages = next((folder / "packages" / "lib").glob("python3.*")) / "site-packages"
    locks = "".join(path.read_text() for path in installed_locks())
    for name in re.findall(r"^([\w.-]+)==", locks, re.MULTILINE):
        with suppress(importlib.metadata.PackageNotFoundError):  # one for other systems
            install(importlib.metadata.distribution(name), packages, folder / "packages" / "bin")
    target = folder / "backout"
    target.mkdir()
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    return target


def install(package: importlib.metadata.Distribution, packages: Path, programs: Path) -> None:
    """A package that is installed here, where an image would have it: linked, if an ordinary account can follow."""
    for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
        original, copy = Path(str(package.locate_file(top))), packages / top
        if copy.exists():
            continue
        test = subprocess.run(["test", "-r", original], check=False, **as_account(ordinary_account()))
        if test.returncode == 0:
            copy.symlink_to(original)
        elif original.is_dir():
            shutil.copytree(original, copy)
        else:
            shutil.copy(original, copy)
    for script in package.entry_points.select(group="console_scripts"):
        program = programs / script.name
        program.write_text(
            f"#!{programs}/python\nimport sys\nfrom {script.module} import {script.attr}\nsys.exit({script.attr}())\n"
        )
        program.chmod(0o755)


class Broker(PrivateRabbitMQ):
    """With the user that the compose file's own configuration makes, instead of one of its own."""

    configuration: Path
    secret: str

    @property
    def password(self) -> str:
        return self.secret

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"RABBITMQ_CONFIG_FILES": str(self.configuration)}

    def prepare(self) -> None:
        super().prepare()
        lines = (self.folder / "rabbitmq.conf").read_text().splitlines(keepends=True)
        self._write_private("rabbitmq.conf", "".join(line for line in lines if not line.startswith("default_")))

    def clear_leftovers(self) -> None:
        """epmd stays until it has noticed that its node is gone."""
        ask = super().clear_leftovers
        assert wait_until(lambda: ask() or is_free(self.epmd_port), patience())


class Composed:
    """The compose file's services on this machine. Containers' paths and addresses become those of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.account = ordinary_account()
        self.secrets = folder / "made"
        subprocess.run([ROOT / "docker" / "make-secrets", self.secrets], check=True, capture_output=True)
        self.sandbox = Sandbox(folder / "sandbox")
        (self.secrets / "backout_handling_services").write_text(json.dumps(self.sandbox.services()))
        self.image = build_image(folder / "image")
        self.spool = self.own_folder(folder / "spool")
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {self.secret('backout_api_keys').rpartition(':')[2]}"

        mysqld, self.mysql = fetched("mysql")
        options = [
            *SERVICES["database"]["command"],
            "--log-bin=binlog",
        ]  # which is the default, but not a private one's
        self.database = PrivateMySQL(folder / "database", mysqld, extra_options=options)
        self.database.folder.mkdir()
        (self.database.folder / "root.secret").write_text(self.secret("backout_root_database_password"))
        server, self.rabbitmqctl = fetched("rabbitmq")
        self.broker = Broker(folder / "broker", server, self.rabbitmqctl)
        self.broker.secret = self.secret("backout_broker_password")
        self.broker.configuration = self.mount("broker", self.broker.account) / "etc" / "rabbitmq" / "conf.d"

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def own_folder(self, path: Path, account: pwd.struct_passwd | None = None) -> Path:
        path.mkdir(mode=0o700, parents=True)
        if account := account or self.account:
            os.chown(path, account.pw_uid, account.pw_gid)
        return path

    def mount(self, service: str, account: pwd.struct_passwd | None = None) -> Path:
        """The root of a service's secrets, as its account alone can see them."""
        root = self.folder / f"{service}.mounts"
        if not root.exists():
            self.own_folder(root, account)
            for source, target in _sources(service).items():
                path = root / target.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.secrets / Path(COMPOSE["secrets"][source]["file"]).name, path)
        return root

    def translate(self, service: str, text: str) -> str:
        for place, here in {
            "/run/secrets": f"{self.mount(service)}/run/secrets",
            "/spool": str(self.spool),
            "database:3306": f"127.0.0.1:{self.database.port}",
            "broker:5672": f"127.0.0.1:{self.broker.port}",
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
        }.items():
            text = text.replace(place, here)
        return text

    def environment(self, service: str, **changes: str | None) -> dict[str, str]:
        """The image's, the service's, and where things are on this machine."""
        of_image = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", IMAGE, re.MULTILINE))))
        values = {
            **of_image,
            **SERVICES[service]["environment"],
            "PATH": f"{self.folder}/image/packages/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "BACKOUT_SECRETS_DIR": "/run/secrets",
            "PYTHONWARNINGS": "default",
            **({"BACKOUT_PORT": str(self.port)} if service == "web" else {}),
            **changes,
        }
        return {name: self.translate(service, str(value)) for name, value in values.items() if value is not None}

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, service: str, name: str | None = None, **changes: str | None) -> subprocess.Popen[bytes]:
        """Its own command, from the image's files."""
        name = name or service
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [self.translate(service, word) for word in SERVICES[service]["command"]],
                cwd=self.image,
                env=self.environment(service, **changes),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_account(self.account),
            )
        return self.running[name]

    def finish(self, service: str, name: str, limit: float = 60, **changes: str | None) -> int:
        """Run a service that ends by itself; its exit code."""
        code = self.start(service, name, **changes).wait(limit)
        del self.running[name]
        return code

    def stop(self, name: str, service: str) -> int:
        """As compose stops it: SIGTERM to the main process, and its time."""
        self.running[name].send_signal(signal.SIGTERM)
        code = self.running[name].wait(seconds(SERVICES[service]["stop_grace_period"]))
        del self.running[name]
        return code

    def check(self, service: str, **changes: str) -> int:
        """The exit code of a service's health check, run as its container would."""
        kind, *words = (self.translate(service, word) for word in SERVICES[service]["healthcheck"]["test"])
        account, folder = self.account, Path("/")
        if service == "database":
            environment = {"PATH": f"{self.mysql.parent}:/usr/bin:/bin", "MYSQL_TCP_PORT": str(self.database.port)}
        elif service == "broker":
            account = self.broker.account
            environment = {**self.broker.environment, "PATH": f"{self.rabbitmqctl.parent}:/usr/bin:/bin"}
        else:
            environment, folder = self.environment(service), self.image
        return subprocess.run(
            words if kind == "CMD" else ["/bin/sh", "-c", *words],
            cwd=folder,
            env={**environment, **changes},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds(SERVICES[service]["healthcheck"]["timeout"]),
            check=False,
            **as_account(account),
        ).returncode

    def wait_healthy(self, service: str, name: str | None = None) -> None:
        process = self.running[name or service]

        def is_over() -> bool:
            return process.poll() is not None or self.check(service) == 0

        assert wait_until(is_over, patience(), every=0.3), f"{service}: {self.end_of_log(name or service)}"
        assert process.poll() is None, self.end_of_log(name or service)

    def end_of_log(self, name: str) -> str:
        return self.log(name).read_text()[-3000:]

    def up(self) -> None:
        for server in (self.database, self.broker):
            server.prepare()
            server.start()
        self.database.wait_ready(patience(120))
        assert self.finish("migrate", "migrate") == 0, self.end_of_log("migrate")
        self.start("web", BACKOUT_HANDLING="1")  # as with the profile
        self.sandbox.start()
        self.broker.wait_ready(patience(120))
        for service in ("worker", "sweeper", "handler"):
            self.start(service)
        for service in STAYING:
            self.wait_healthy(service)
        for name in ("worker", "handler"):
            assert wait_until(lambda name=name: " ready." in self.log(name).read_text(), patience()), self.end_of_log(
                name
            )

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def down(self) -> None:
        for name in list(self.running):
            self.kill(name)
        self.http.close()
        self.sandbox.kill()
        for server in (self.database, self.broker):
            server.kill()

    def send(self, **options: Any) -> str:
        answer = self.http.post(f"{self.url}/v1/imports", timeout=patience(), **options)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def find(self, id: str) -> dict[str, Any]:
        return dict(self.http.get(f"{self.url}/v1/imports/{id}", timeout=patience()).json())

    def wait_state(self, id: str, state: str) -> dict[str, Any]:
        assert wait_until(lambda: self.find(id)["state"] == state, patience(), every=0.1), self.find(id)
        return self.find(id)

    def count(self) -> int:
        return int(self.http.get(f"{self.url}/get_data/count", timeout=patience()).json()["count"])


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
    ready = composed.http.get(f"{composed.url}/readyz", timeout=patience())
    assert (ready.status_code, ready.json()["status"]) == (200, "ok"), ready.text


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
