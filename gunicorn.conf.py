"""How the web server runs. Threads, since a request waits for disk, database or client, never for the processor."""

import os

host = os.environ.get("BACKOUT_HOST", "127.0.0.1")
bind = (
    f"[{host}]:{os.environ.get('BACKOUT_PORT', '8000')}"
    if ":" in host
    else f"{host}:{os.environ.get('BACKOUT_PORT', '8000')}"
)
worker_class = "gthread"
workers = 1
threads = 32
timeout = 120
graceful_timeout = 10
keepalive = 5
control_socket = ""
