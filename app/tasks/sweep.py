"""The sweeper's process: `python -m app.tasks.sweep`."""

import signal
from threading import Event
from types import FrameType

import structlog

from app.config import read_settings
from app.handling.extension import HandlingExtension
from app.lifecycle.recovery.sweeper import sweep_forever
from app.lifecycle.services import open_services
from app.logs import configure_logs

log = structlog.get_logger(__name__)


def main() -> None:
    """Sweep until SIGTERM or SIGINT; a sweep that has begun is finished."""
    settings = read_settings()
    configure_logs(settings.log_level)
    told = Event()

    def note(number: int, frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
    log.info("sweeper_ready", every_seconds=settings.sweep_seconds)
    sweep_forever(open_services(settings, pool_size=4, extensions=(HandlingExtension(),)), told.wait)


if __name__ == "__main__":
    main()
