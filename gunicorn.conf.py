"""How the web server runs. Threads, since a request waits for disk, database or client, never for the processor."""

import signal
from typing import Any

from app.config import read_settings
from app.web.places import DOWNLOADS, OTHERS, UPLOADS
from app.web.worker import Worker

settings = read_settings()  # a wrong setting ends the server here, with a sentence, before any worker starts

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
workers = 1
threads = settings.max_streams + UPLOADS + DOWNLOADS + OTHERS  # each holds one, and there are some for the rest
worker_connections = threads + 1000  # so many may be idle, or send a request; then the oldest of them go
sendfile = False  # it would not notice a client that does not read
timeout = 120
graceful_timeout = 10
keepalive = 5
forwarded_allow_ips = ""  # whose headers count is a setting of ours: `app/routes/access/proxies.py`
forwarder_headers = ""  # no header of a request says where the application is mounted
control_socket_disable = True

worker_class = Worker


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
