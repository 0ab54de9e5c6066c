"""How the web server runs. Threads, since a request waits for disk, database or client, never for the processor."""

import signal
from typing import Any

from app.config import read_settings

settings = read_settings()  # a wrong setting ends the server here, with a sentence, before any worker starts

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = 1
threads = settings.max_streams + 56  # a stream holds a thread: however many are open, these are there for the rest
timeout = 120
graceful_timeout = 10
keepalive = 5
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Say where the server listens."""
    server.log.info("Backout listens at %s", bind)


def post_worker_init(worker: Any) -> None:
    """Let the streams end when the server is told to go, which otherwise waits for them."""
    watch, go = worker.wsgi.extensions.get("backout_watch"), signal.getsignal(signal.SIGTERM)
    if watch is None:
        return  # another application under these settings, as the benchmarks' peers are

    def end_streams(number: int, frame: Any) -> None:
        watch.close()
        go(number, frame)  # type: ignore[operator, misc]

    signal.signal(signal.SIGTERM, end_streams)
