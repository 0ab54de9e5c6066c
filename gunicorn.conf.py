"""How the web server runs. Threads, since a request waits for disk, database or client, never for the processor."""

from typing import Any

from app.config import read_settings

settings = read_settings()  # a wrong setting ends the server here, with a sentence, before any worker starts

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = 1
threads = 32
timeout = 120
graceful_timeout = 10
keepalive = 5
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Say where the server listens."""
    server.log.info("Backout listens at %s", bind)
