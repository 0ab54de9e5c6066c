"""Entry points for tests: our processes as they are shipped, with a breakpoint or a mutant put in from outside.

`python -m tests.crash.entry worker|sweeper|web`; what is put in comes from `BACKOUT_TEST_BREAKPOINTS` (folders, with
colons between) and `BACKOUT_TEST_MUTANT` (a name).
"""

import os
import sys
from pathlib import Path

from app.config import Settings, read_settings
from app.lifecycle.imports.loading import load as attempts
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.imports.loading.slots import Slots
from app.lifecycle.services import Services
from app.tasks import load, sweep
from tests.crash import mutants, mutations
from tests.crash.breakpoints import Breakpoint
from tests.crash.failpoints import at_failpoint


def put_breakpoints(settings: Settings, breakpoints: list[Breakpoint]) -> None:
    """Let every attempt of this worker look whether it is to wait somewhere."""
    load_next = attempts.load_next

    def load_to_breakpoint(services: Services, worker: str, shutdown: GracefulShutdown, *slots: Slots) -> object:
        for breakpoint in breakpoints:
            if failpoint := breakpoint.armed:
                with at_failpoint(failpoint, settings.branches, breakpoint.wait):
                    return breakpoint.run(lambda: load_next(services, worker, shutdown, *slots))
        return load_next(services, worker, shutdown, *slots)

    mutations.replace_in(load, "load_next", load_to_breakpoint)


def main(kind: str) -> None:
    """Become the process of that kind."""
    if name := os.environ.get("BACKOUT_TEST_MUTANT"):
        mutants.MUTANTS[name].put_in()  # before anything is made of what it changes
    match kind:
        case "worker":
            settings = read_settings()
            if folders := os.environ.get("BACKOUT_TEST_BREAKPOINTS"):
                put_breakpoints(settings, [Breakpoint(Path(folder)) for folder in folders.split(":")])
            # a name of its own: two workers of one machine
            load.create_worker(settings).worker_main(["worker", "--hostname", f"worker-{os.getpid()}@%h"])
        case "sweeper":
            sweep.main()
        case "web":
            from gunicorn.app.wsgiapp import run  # noqa: PLC0415 — it reads its command line when imported

            sys.argv = ["gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]
            run()


if __name__ == "__main__":
    main(sys.argv[1])
