"""The Dockerfile and docker-compose.yml, read."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.servers import ROOT

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
TLS = yaml.safe_load((ROOT / "docker" / "tls.yml").read_text())
IMAGE = re.sub(r"\\\n\s*", "", DOCKERFILE.rpartition("\nFROM ")[2])  # the last stage, an instruction a line


def seconds(duration: str) -> int:
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([sm])", duration))


def installed_locks() -> list[Path]:
    """The locks whose packages are in the image by default."""
    (extras,) = re.findall(r'^ARG EXTRA="(.*)"$', DOCKERFILE, re.MULTILINE)
    return [ROOT / "requirements.lock", *(ROOT / f"requirements-{name}.lock" for name in extras.split())]


def copied() -> list[str]:
    """What the image's last stage takes from the checkout."""
    lines = [line.split() for line in IMAGE.splitlines() if line.startswith("COPY ") and "--from" not in line]
    return [source for line in lines for source in line[1:-1]]


def merge(below: Any, above: Any) -> Any:
    """As compose does with a second file: mappings are merged, lists go on; a single value is replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def find_secrets(service: dict[str, Any]) -> dict[str, str]:
    """The secrets of a service: where each is seen, by its name."""
    entries = [{"source": entry} if isinstance(entry, str) else entry for entry in service.get("secrets", [])]
    return {entry["source"]: entry.get("target", f"/run/secrets/{entry['source']}") for entry in entries}
