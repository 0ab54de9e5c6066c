"""A reader: counts rows all the time, and may only ever see whole imports."""

from collections.abc import Iterable
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import Any

import pymysql
import requests

from tests.chaos.installation import Installation
from tests.chaos.journal import Journal
from tests.waiting import patience

PAUSE_SECONDS = 0.2
MAX_SUMS = 100_000


class Reader:
    """Looks at the table in one consistent view, asks the web server for its count, and looks again.

    `seen` keeps the counts that were seen of each import, for comparison with what it turns out to be. `wrong` says
    what can't be right whatever the imports turn out to be, and `gone` whose rows were there once. `unexplained` are
    counts that are right only if imports came and were reverted between two looks: what was told, how many rows are
    too many, and the imports that may be among them.
    """

    def __init__(self, installation: Installation, journal: Journal) -> None:
        self._installation, self._journal = installation, journal
        self._done = Event()
        self._thread = Thread(target=self._read, name="reader", daemon=True)
        self._before: dict[int, int] | None = None
        self.seen: dict[int, set[int]] = {}
        self.wrong: list[str] = []
        self.gone: set[int] = set()
        self.unexplained: list[tuple[str, int, list[int]]] = []
        self.looks = self.counts = 0

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._done.wait(PAUSE_SECONDS):
            try:
                self._read_while_it_lives()
            except (pymysql.err.MySQLError, OSError):
                continue  # the server is being killed: what was seen before it counts all the same
            except Exception as error:  # noqa: BLE001 — shown with the verdict
                self._journal.broken.append(f"reader: {error!r}")
                return

    def _read_while_it_lives(self) -> None:
        with self._installation.database.root(
            read_timeout=patience(), init_command="SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        ) as cursor:
            while True:
                begun = monotonic()
                told = self._ask() if self._before is not None else None
                now = self._look(cursor)
                self._compare(self._before or {}, told, now)
                self._before = now
                if self._done.wait(max(PAUSE_SECONDS, monotonic() - begun)):  # half of the time at most
                    return

    def _look(self, cursor: Any) -> dict[int, int]:
        """Rows by import that a user of the table may see."""
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        cursor.execute("SELECT number FROM imports WHERE state = 'committing'")
        committing = {int(number) for (number,) in cursor.fetchall()}
        cursor.execute("SELECT import_no, COUNT(*) FROM orders GROUP BY import_no")
        counts = {int(number): int(count) for number, count in cursor.fetchall()}
        cursor.execute("COMMIT")
        self.looks += 1
        for number, count in counts.items():
            # several branches commit one after the other, and users leave out what is committing
            if self._installation.branches == 1 or number not in committing:
                self.seen.setdefault(number, set()).add(count)
        return {number: count for number, count in counts.items() if number not in committing}

    def _ask(self) -> int | None:
        with suppress(requests.RequestException):
            answer = requests.get(f"{self._installation.stack.url}/get_data/count", timeout=patience())
            if answer.ok:
                self.counts += 1
                return int(answer.json()["count"])
        return None

    def _compare(self, before: dict[int, int], told: int | None, now: dict[int, int]) -> None:
        if back := self.gone & set(now):
            self.wrong.append(f"rows of imports {sorted(back)} were gone and are there again")
        gone = {number for number in before if before[number] and number not in now}
        self.gone |= gone
        if told is None:
            return
        # what the web server counted lies between the two looks
        changed = [before[number] for number in gone] + [now[number] for number in now if number not in before]
        least = sum(count for number, count in before.items() if number not in gone)
        if not is_sum(told - least, changed):
            said = f"/get_data/count said {told}: {least} were there all the time, imports of {changed} came or went"
            self.unexplained.append((said, told - least, changed))


def is_sum(total: int, parts: Iterable[int]) -> bool:
    """Whether some of the parts make the total."""
    sums = {0}
    for part in parts:
        sums |= {found + part for found in sums}
        if len(sums) > MAX_SUMS:
            return True
    return total in sums
