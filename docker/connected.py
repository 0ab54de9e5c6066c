"""`python connected.py BACKOUT_BROKER_URL`: exit code 0 while this container holds a connection to that server.

A worker without the broker gets no work, and a sweeper without the database sweeps nothing, though their processes
live. Reads the kernel's list of connections: the server itself is not asked, so a check costs it nothing.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

PORTS = {"amqp": 5672, "amqps": 5671}
ESTABLISHED = "01"


def main() -> int:
    urls = [urlsplit(address.strip()) for address in os.environ[sys.argv[1]].split(";") if address.strip()]
    ports = {url.port or PORTS.get(url.scheme, 3306) for url in urls}  # of one server, or of each node of a cluster
    return 0 if ports & remote_ports() else f"no connection to {', '.join(str(url.hostname) for url in urls)}"


def remote_ports() -> set[int]:
    """Of every connection that is up, in this network namespace."""
    lists = [path for name in ("tcp", "tcp6") if (path := Path("/proc/net", name)).exists()]
    fields = [line.split() for path in lists for line in path.read_text().splitlines()[1:]]
    return {int(field[2].rpartition(":")[2], 16) for field in fields if field[3] == ESTABLISHED}


if __name__ == "__main__":
    sys.exit(main())
