"""How the web server runs. Threads, since a request waits for disk, database or client, never for the processor."""

import signal
from typing import Any

from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
from gunicorn.workers.gthread import ThreadWorker

from app.config import read_settings

settings = read_settings()  # a wrong setting ends the server here, with a sentence, before any worker starts

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
workers = 1
threads = settings.max_streams + 56  # a stream holds a thread: however many are open, these are there for the rest
timeout = 120
graceful_timeout = 10
keepalive = 5
forwarded_allow_ips = ""  # whose headers count is a setting of ours: `app/routes/access/proxies.py`
forwarder_headers = ""  # no header of a request says where the application is mounted
control_socket_disable = True


class Worker(ThreadWorker):
    """What was sent is never a fault of the server: gunicorn would answer a transfer coding that it lacks with 501."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that can't be read."""
        if isinstance(exc, UnsupportedTransferCoding):
            exc = InvalidHeader("TRANSFER-ENCODING", req=req)
        super().handle_error(req, client, addr, exc)


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
