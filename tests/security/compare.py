"""Web servers side by side, with an application that does nothing: `python -m tests.security.compare VENV
[NAME …]`.

VENV has the peers: granian, waitress, cheroot. Prints a table in Markdown.
"""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

from tests.security import attacks
from tests.stack import BIN, ROOT, find_port
from tests.waiting import wait_for

THREADS = 256
MEGABYTES = 200
HELD = 25.0
ATTACKS = {  # connections, what they send, every how many seconds a byte more
    "500 heads": (500, attacks.HEAD, None),
    "500 heads drip": (500, attacks.HEAD, 1),
    "260 bodies": (260, attacks.SIGN_IN, None),
    "260 bodies drip": (260, attacks.REFUSED, 1),
    "40 stay open": (40, attacks.LAST, None),
}
COLUMNS = ("server", "p50", "p99", "200 streams", "200 MB", *ATTACKS)


def commands(venv: Path, port: int) -> dict[str, list[str]]:
    peers = venv / "bin"
    app, plain = "tests.security.bare:app", ["--bind", f"127.0.0.1:{port}", "--threads", str(THREADS)]
    cheroot = (
        "from cheroot.wsgi import Server; from tests.security.bare import app;"
        f"Server(('127.0.0.1', {port}), app, numthreads={THREADS}, timeout=10).start()"
    )
    return {
        "gunicorn gthread": [str(BIN / "gunicorn"), "--worker-class", "gthread", "--keep-alive", "5", *plain, app],
        "gunicorn, our worker": [str(BIN / "gunicorn"), "--config", "gunicorn.conf.py", app],
        "granian": [str(peers / "granian"), "--interface", "wsgi", "--port", str(port), "--blocking-threads",
                    str(THREADS), app],
        "waitress": [str(peers / "waitress-serve"), f"--listen=127.0.0.1:{port}", f"--threads={THREADS}",
                     "--channel-timeout=10", "--connection-limit=2000", app],
        "cheroot": [str(peers / "python"), "-c", cheroot],
    }  # fmt: skip


def measure(port: int) -> list[str]:
    """One line of the table, without the name."""
    with ThreadPoolExecutor(4) as pool:
        alone = [one.result() for one in [pool.submit(attacks.ask, port, "/livez", 3) for _ in range(4)]]
    all_alone = attacks.Answers([each for one in alone for each in one.milliseconds], sum(one.lost for one in alone))
    figures = [f"{all_alone.percentile(0.5):.1f} ms", show(all_alone)]
    streams, begun = attacks.open_streams(port, "/stream", 200)
    with streams:
        figures.append(f"{begun}, {show(attacks.ask(port, '/livez', 3))}")
    wait_for(lambda: attacks.ask(port, "/livez", 0.01).milliseconds, "it answers again")
    figures.append(f"{sorted(upload(port) for _ in range(5))[2]:.1f} s")
    for count, data, drip in ATTACKS.values():
        with attacks.hold(port, count, data, drip) as held:
            began = monotonic()
            answers = show(attacks.ask(port, "/livez", 3))
            attacks.seconds_held(held, HELD - 3)
            ended = monotonic() - began
            figures.append(f"{answers}, {'stay' if ended >= HELD - 0.2 else f'{ended:.0f} s'}")
        wait_for(lambda: attacks.ask(port, "/livez", 0.01).milliseconds, "it answers again")
    return figures


def show(answers: attacks.Answers) -> str:
    worst = answers.percentile(0.99)
    return "no answer" if worst == float("inf") else f"{worst:.0f} ms"


def upload(port: int) -> float:
    began = monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/upload", body=bytes(MEGABYTES * 1024**2))
    assert int(connection.getresponse().read()) == MEGABYTES * 1024**2
    connection.close()
    return monotonic() - began


def main(venv: Path, names: list[str]) -> None:
    print("|", " | ".join(COLUMNS), "|\n|", " | ".join("---" for _ in COLUMNS), "|", flush=True)
    for name in names or commands(venv, 0):
        port = find_port()
        settings = {"PORT": port, "DATABASE_URL": "mysql+pymysql://u:p@127.0.0.1/x", "BROKER_URL": "amqp://127.0.0.1"}
        environment = {f"BACKOUT_{key}": str(value) for key, value in settings.items()}
        with tempfile.TemporaryFile() as log:
            server = subprocess.Popen(
                commands(venv, port)[name],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_for(lambda port=port: attacks.ask(port, "/livez", 0.01).milliseconds, f"{name} answers")
                print("|", " | ".join([name, *measure(port)]), "|", flush=True)
            finally:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
