"""A real OpenID provider, of npm's package oidc-provider, for as long as a test needs it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc.jwk import RSAKey

from app.cli.processes import free_ports
from tests.npm.install import LOCKED, find_npm, install
from tests.waiting import wait_for

CLIENT, SECRET = "backout", "not-so: secret/+%"
PEOPLE = {
    "anna": {"preferred_username": "anna@example.org", "groups": ["staff", "backout-admins"]},
    "ben": {"preferred_username": "ben", "groups": ["viewers"]},
    "carl": {"preferred_username": "carl", "groups": ["staff"]},
    "dora": {"email": "dora@example.org"},
}


class OpenIDProvider:
    """Knows `PEOPLE`; each start signs by a new key."""

    def __init__(self, folder: Path, redirect_uri: str) -> None:
        self.folder, self.redirect_uri = folder, redirect_uri
        self.people: Mapping[str, Any] = PEOPLE
        (self.port,) = free_ports(1)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def settings(self, **roles: str) -> dict[str, object]:
        """What a web server needs to know of it."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_roles": json.dumps(roles or {"backout-admins": "admin", "viewers": "viewer"}),
        }

    def start(self) -> "OpenIDProvider":
        self._starts += 1
        key = RSAKey.generate_key(2048, {"kid": f"key-{self._starts}", "use": "sig", "alg": "RS256"}, private=True)
        settings = {
            "packages": str(install("oidc")),
            "port": self.port,
            "keys": [key.as_dict(private=True)],
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uris": [self.redirect_uri],
            "people": self.people,
        }
        file, log = self.folder / "provider.json", self.folder / f"provider-{self._starts}.log"
        file.write_text(json.dumps(settings))
        with log.open("wb") as output:
            command = [find_npm()[0], LOCKED / "oidc" / "provider.mjs", file]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        process = self._process

        def listens() -> bool:
            assert process.poll() is None, log.read_text()
            return "listening" in log.read_text()

        wait_for(listens, "the provider listens")
        return self

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
