"""`make demo-handling`: imports orders, handles them, stops half-way, continues, and counts the calls of services."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from app.cli import local
from app.cli.demo import BrokenPromise
from app.cli.http import Answer, Web
from app.cli.stack import SANDBOX_SERVICES

ROWS = 1500  # a few dozen are pending
RESTING = ("done", "failed", "stopped")
TIMEOUT_SECONDS = 300


def demo(checkout: Path) -> None:
    os.environ["BACKOUT_HANDLING"] = "1"
    stack = local.up(checkout)
    folder = checkout / ".run" / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    sandbox = Web("127.0.0.1", stack.plan.sandbox_port)
    try:
        _Demo(stack.web, sandbox, folder).show()
    except OSError as error:
        raise BrokenPromise(f"the stack does not answer: {error}") from error
    click.echo(
        f"\nThe stack goes on running, with handling on. Its page: {stack.web.url}\n"
        f"  curl {stack.web.url}/v1/handlings\n"
        f"What the sandbox received: {sandbox.url}/effects and {sandbox.url}/mails. `make down` stops it all."
    )


class _Demo:
    def __init__(self, web: Web, sandbox: Web, folder: Path) -> None:
        self.web, self.sandbox, self.folder = web, sandbox, folder

    def show(self) -> None:
        click.echo(f"\n1. Importing {ROWS} orders, some of them pending.")
        row = self._post("/v1/imports", {"generate": ROWS})
        row = self._follow(f"/v1/imports/{row['id']}", ("committed", "failed", "stopped"))
        self._require(row["state"] == "committed", f"the import ended {row['state']}")

        click.echo("\n2. Handling all pending orders, one after another. 5 % of the services' responses are errors.")
        handling = self._post("/v1/handlings", {"filter": {"import": row["id"]}, "mode": "ordered"})
        path, total = handling["links"]["self"], handling["orders_total"]
        click.echo(f"   {total} orders, each: {', '.join(handling['pipeline'])}")
        now = self._follow(path, RESTING, stop_at=total // 2)
        counts = f"{now['orders_done']} done, {now['orders_failed']} failed, {now['orders_pending']} left"
        click.echo(f"   {now['state']}: {counts}. Completed steps stay done.")

        click.echo("\n3. Continuing with the rest.")
        for _ in range(20):
            if now["state"] == "done":
                break
            self._post(f"{path}/retry", {"pending": True})
            now = self._follow(path, RESTING)
        self._require(now["state"] == "done", f"it ended {now['state']}")
        slips = self.folder / "slips.pdf"
        slips.write_bytes(self.web.fetch(f"{path}/slips"))
        click.echo(f"   All {total} are done. Packing slips in their order: .run/demo/{slips.name}")

        click.echo("\n4. What the services did for each order:")
        ids = {f"{row['number']}-{number}" for number in range(1, ROWS + 1)}
        effects = self.sandbox.ask("GET", "/effects").body["detail"]
        for service in SANDBOX_SERVICES:
            counted = Counter(one["order_id"] for one in effects if one["service"] == service)
            ours = {id: count for id, count in counted.items() if id in ids}
            click.echo(f"   {service:<12} {len(ours)} orders, {sum(ours.values())} times")
            self._require(len(ours) == total == sum(ours.values()), f"{service} should be called once for each order")

    def _follow(self, path: str, until: tuple[str, ...], stop_at: int | None = None) -> dict[str, Any]:
        """Wait for its end; request a stop after `stop_at` orders."""
        deadline, last = time.monotonic() + TIMEOUT_SECONDS, -1
        while True:
            now = self._checked(self.web.ask("GET", path))
            ended = now.get("orders_done", 0) + now.get("orders_failed", 0)
            if ended != last and "orders_total" in now:
                last = ended
                click.echo(f"   {ended:>4} of {now['orders_total']}  {now['state']}")
            if now["state"] in until:
                return now
            if stop_at is not None and ended >= stop_at:
                stop_at = None
                answer = self.web.ask("POST", f"{path}/stop")
                click.echo(f"   Stop: {answer.status}, {answer.body.get('state') or answer.detail}")
            self._require(time.monotonic() < deadline, f"{path} did not end")
            time.sleep(0.1)

    def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        body = self.folder / "request.json"
        body.write_text(json.dumps(document), encoding="utf-8")
        return self._checked(self.web.ask("POST", path, {"Content-Type": "application/json"}, body=body))

    def _checked(self, answer: Answer) -> dict[str, Any]:
        self._require(answer.status in (200, 202), f"answered {answer.status}: {answer.detail}")
        return answer.body

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise BrokenPromise(f"not as promised: {otherwise}")
