"""`make demo`: imports one file over HTTP, stops a second import half-way, and shows the counts of rows."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.cli import local
from app.cli.http import Answer, Web
from app.formats.generate.orders import write_csv_sample

ROWS = 200_000
LARGER = 5  # times as many rows, if the import ended before it could be stopped
SILENCE_SECONDS = 120
FINAL = ("committed", "stopped", "failed")

Import = dict[str, Any]


class BrokenPromise(click.ClickException):
    """The demo did not show what is promised; the message says why."""


def demo(checkout: Path) -> None:
    stack = local.up(checkout)
    try:
        _Demo(stack.web, checkout / ".run" / "demo").show()
    except OSError as error:
        raise BrokenPromise(f"{stack.web.url} does not answer: {error}") from error
    click.echo(
        f"\nThe stack goes on running. Its page: {stack.web.url}\n"
        f"  curl {stack.web.url}/get_data/count\n"
        f"  curl -H 'Content-Type: text/csv' --data-binary @.run/demo/second.csv {stack.web.url}/v1/imports\n"
        f"  curl {stack.web.url}/v1/imports\n"
        "Logs are in .run/logs/, addresses and credentials in .run/env. `make down` stops it all."
    )


class _Demo:
    def __init__(self, web: Web, folder: Path) -> None:
        self.web, self.folder = web, folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def show(self) -> None:
        before = self._count()
        click.echo(f"\n1. Before: {before:,} orders. Importing a new file of {ROWS:,}.")
        first = self._send("first", ROWS)
        ended = self._follow(first, lambda now: None)
        self._require(ended["state"] == "committed", f"the import ended {ended['state']}: {ended.get('error')}")
        after = self._count()
        click.echo(f"   After: {after:,} orders, {after - before:,} more.")
        self._require(after == before + ROWS, f"{ROWS:,} more were expected")

        click.echo("\n2. A second file, stopped half-way.")
        after += self._stop_half_way(after, "second", ROWS, again=True)

        click.echo("\n3. Too late: stopping the first import now.")
        refused = self.web.ask("POST", f"{first}/stop")
        self._require(refused.status == 409, f"a decided import's stop was answered {refused.status}: {refused.detail}")
        click.echo(f"   409: {refused.detail}")
        self._require(self._count() == after, "that changed the count")

    def _stop_half_way(self, before: int, name: str, rows: int, again: bool) -> int:
        """Returns how many orders were added: none, unless the import ended before the stop."""
        counts: list[int] = []
        answers: list[Answer] = []
        path = self._send(name, rows)

        def on_change(now: Import) -> None:
            if not answers and ((now.get("percent") or 0) >= 50 or now["state"] in FINAL):
                answers.append(self.web.ask("POST", f"{path}/stop"))
                self._line_end()
                click.echo(f"   Stop, at {now.get('rows_done') or 0:,} rows: {answers[0].status}, {_words(answers[0])}")
            if now["state"] != "committed":
                counts.append(self._count())

        ended = self._follow(path, on_change)
        if answers[0].status == 409 and ended["state"] == "committed":
            self._require(self._count() == before + rows, "a committed import must have added all of its rows")
            if not again:
                raise BrokenPromise("this machine loads the files faster than the demo can stop them")
            click.echo(f"   The stop was too late: the import has committed. Again, with {rows * LARGER:,} rows.")
            return rows + self._stop_half_way(before + rows, f"{name}-larger", rows * LARGER, again=False)
        self._require(answers[0].status == 202, f"the stop was answered {answers[0].status}: {answers[0].detail}")
        self._require(ended["state"] == "stopped", f"after an accepted stop it ended {ended['state']}")
        counts.append(self._count())
        click.echo(f"   The count while it loaded: {_range(counts)} (read {len(counts)} times); now: {counts[-1]:,}.")
        self._require(set(counts) == {before}, f"the count should stay {before:,}")
        return 0

    def _send(self, name: str, rows: int) -> str:
        """Send a new file; returns the path of its import."""
        path = self.folder / f"{name}.csv"
        write_csv_sample(path, rows, f"d{time.time_ns():x}")
        click.echo(f"   .run/demo/{path.name}: {path.stat().st_size / 1e6:.1f} MB")
        answer = self.web.ask("POST", "/v1/imports", {"Content-Type": "text/csv"}, body=path)
        self._require(answer.status == 202, f"the file was answered {answer.status}: {answer.detail}")
        return f"/v1/imports/{answer.body['id']}"

    def _follow(self, path: str, on_change: Callable[[Import], None]) -> Import:
        """Wait until it has ended, and draw its progress."""
        drawn, updated_at, last = -1.0, time.monotonic(), None
        while True:
            answer = self.web.ask("GET", path)
            self._require(answer.status == 200, f"{path} was answered {answer.status}: {answer.detail}")
            now = answer.body
            percent = float(now.get("percent") or 0)
            if sys.stdout.isatty():
                click.echo(f"\r   {_progress(now)}\x1b[K", nl=False)
            elif percent >= drawn + 25 or now["state"] in FINAL:
                drawn = percent
                click.echo(f"   {_progress(now)}")
            on_change(now)
            if now["state"] in FINAL:
                self._line_end()
                return now
            if (seen := (now["state"], percent, now.get("rows_done"))) != last:
                last, updated_at = seen, time.monotonic()
            quiet = time.monotonic() - updated_at
            self._require(quiet < SILENCE_SECONDS, f"{path} made no progress for {quiet:.0f} s while {now['state']}")
            time.sleep(0.05)

    def _count(self) -> int:
        answer = self.web.ask("GET", "/get_data/count")
        self._require(answer.status == 200, f"/get_data/count was answered {answer.status}: {answer.detail}")
        return int(answer.body["count"])

    def _line_end(self) -> None:
        if sys.stdout.isatty():
            click.echo()

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise BrokenPromise(f"not as promised: {otherwise}")


def _progress(now: Import) -> str:
    percent = float(now.get("percent") or 0)
    bar = "#" * int(percent / 5) + "." * (20 - int(percent / 5))
    rate = f" {now['rows_per_second']:,.0f} rows/s" if now.get("rows_per_second") else ""
    return f"{bar} {percent:5.1f} %  {now.get('rows_done') or 0:>9,} rows{rate}  {now['state']}"


def _words(answer: Answer) -> str:
    return str(answer.body.get("state") or answer.detail) if answer.status == 202 else answer.detail


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
