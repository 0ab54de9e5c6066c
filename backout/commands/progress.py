"""Follows an import to its end, with a progress bar on a terminal, and handles Ctrl-C."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from backout.client import BackoutError, Import, TooLate
from backout.commands.context import Session, is_watched
from backout.commands.exit_codes import Interrupted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """The progress bar of the upload or the import; draws only on a terminal, and is removed at the end."""

    def __init__(self, session: Session) -> None:
        self._progress = None if session.as_json or not is_watched() else _new_progress()
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def show_sent(self, done: int, whole: int | None) -> None:
        """Show the bytes of the upload; the total is None if unknown."""
        self._draw("sending", done, whole, f"{done / 1e6:,.1f} MB")

    def show(self, found: Import) -> None:
        """Show the import's progress."""
        speed = f", {found.rows_per_second:,.0f} rows/s" if found.rows_per_second else ""
        left = f", {found.eta_seconds:.0f} s left" if found.eta_seconds else ""
        self._draw(found.phase, found.percent, 100, f"{found.rows_done:,} rows{speed}{left}")

    def _draw(self, what: str, done: float, whole: float | None, text: str) -> None:
        if self._progress is None:
            return
        if self._task is None:
            self._task = self._progress.add_task(what, total=whole, text=text)
        self._progress.update(self._task, description=what, completed=done, total=whole, text=text)


def _new_progress() -> "Progress":
    from rich.console import Console  # noqa: PLC0415 — most runs draw nothing
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description:<10}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # standard output may be a file while the bar is on the screen
    )


def follow(session: Session, id: str, *, timeout: float | None = None, stop_on_interrupt: bool) -> Import:
    """Wait for an import's end; returns it. Raises `WaitTimeout`, and `Interrupted` on Ctrl-C."""
    last: list[Import] = []
    try:
        with Bar(session) as bar:

            def on_change(found: Import) -> None:
                last[:] = [found]
                bar.show(found)

            return session.client.wait(id, timeout, on_change=on_change)
    except KeyboardInterrupt:
        raise interrupt(session, id, last[0] if last else None, stop=stop_on_interrupt) from None


def interrupt(session: Session, id: str, last: Import | None, *, stop: bool) -> Interrupted:
    """The error for Ctrl-C, after the import was stopped if `stop` is set."""
    if not stop:
        return Interrupted(f"interrupted: import {id} goes on; `backout stop {id}` stops it", last)
    try:
        stopped = session.client.stop(id)
    except TooLate as error:
        return Interrupted(f"interrupted, but {error.message}", last)
    except BackoutError as error:
        return Interrupted(f"interrupted, and import {id} could not be stopped: {error.message}", last)
    return Interrupted(f"interrupted: import {id} was stopped, none of its rows will stay", stopped)


def report_end(session: Session, found: Import) -> None:
    """Report on standard error how it ended; without a terminal only what needs attention."""
    if not found.is_done:
        why = f": {found.failure.message}" if found.failure else ""
        session.report(f"import {found.id} {found.state}{why}; nothing of it was loaded")
        return
    rows = found.rows_done + found.rows_updated
    took = "" if found.seconds is None else f" in {found.seconds:.1f} s"
    sheet = found.document.get("source", {}).get("sheet")
    of = f" of {'all sheets' if sheet == '*' else f'the sheet {sheet}'}" if sheet else ""
    verb = "could be loaded" if found.dry_run else "were loaded"
    skipped = f", {found.rows_skipped:,} existed already" if found.rows_skipped else ""
    rejected = f", {found.rows_rejected:,} were rejected: `backout rejects {found.id}`" if found.rows_rejected else ""
    blank = f", {found.rows_blank:,} blank rows were skipped" if found.rows_blank else ""
    session.report(f"{rows:,} rows{of} {verb}{took}{skipped}{rejected}{blank}", only_people=not found.rows_rejected)
