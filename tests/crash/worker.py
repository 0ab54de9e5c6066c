"""A worker that dies at an instant, as a process of its own."""

import os
import signal
import sys

from app.config import Settings
from app.lifecycle.drain import Draining
from app.lifecycle.load import load_next
from app.lifecycle.site import open_site
from tests.crash.instants import at_instant


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_until(instant: str, settings: Settings) -> None:
    """Load what is due and die at the instant."""
    with at_instant(instant, settings.branches, die):
        load_next(open_site(settings), "doomed", Draining(0))
    sys.exit("the instant was never reached")
