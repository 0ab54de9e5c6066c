"""A reader: looks at the counts again and again, and must only ever see whole imports."""

from contextlib import suppress
from threading import Event, Thread

import pymysql
import requests

from tests.crash.harness import ROWS, Harness
from tests.waiting import stretched

PAUSE_SECONDS = 0.02


class Reader:
    """Reads on a thread while the block runs. `partial` collects counts that are neither none nor all, `looks`
    counts them.

    With one branch the bare table is read; with several, whose commits lie milliseconds apart, what the application
    shows. `alone` says that nobody else writes rows meanwhile.
    """

    def __init__(self, harness: Harness, id: str, *, alone: bool) -> None:
        self._harness, self._alone = harness, alone
        subject = harness.subject
        self._number = harness.find(id).number if subject is None else subject.number
        self._own, self._all = ({0, ROWS}, {0, ROWS}) if subject is None else subject.counts
        self._done = Event()
        self._thread = Thread(target=self._read, name="reader", daemon=True)
        self.partial: set[int] = set()
        self.looks = 0

    @property
    def is_blind(self) -> bool:
        """Whether there is nothing that it could judge: others write too, and the branches commit one by one."""
        return not self._alone and self._harness.place.branches > 1

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _read(self) -> None:
        """Looks at least once, however short the block is."""
        while True:
            # servers come and go here, which a reader survives
            with suppress(pymysql.err.MySQLError, requests.RequestException, OSError):
                self._read_while_they_live()
            if self._done.wait(PAUSE_SECONDS):
                return

    def _read_while_they_live(self) -> None:
        url = f"{self._harness.stack.url}/get_data/count"
        with self._harness.database.root() as cursor, requests.Session() as http:
            while True:
                if self._harness.place.branches == 1:
                    cursor.execute("SELECT COUNT(*) FROM orders WHERE import_no = %s", (self._number,))
                    self._note(int((cursor.fetchone() or (0,))[0]), self._own)
                if self._alone:
                    answer = http.get(url, timeout=stretched(5))
                    if answer.ok:
                        self._note(int(answer.json()["count"]), self._all)
                if self._done.wait(PAUSE_SECONDS):
                    return

    def _note(self, count: int, whole: set[int]) -> None:
        self.looks += 1
        if count not in whole:
            self.partial.add(count)
