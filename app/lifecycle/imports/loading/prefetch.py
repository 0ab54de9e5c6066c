"""Reads ahead: the next batches are made on a thread of their own while the server loads the last ones."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from types import TracebackType

from app.domain.errors import AttemptLost
from app.formats.batch import Batch

NICE = 10  # of a thread that reads ahead: a tenth of the weight of the others
DEPTH = 2  # batches waiting: memory stays flat however large the file


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Lane:
    def __init__(self) -> None:
        self.ready: SimpleQueue[Batch | _End] = SimpleQueue()
        self.room = Semaphore(DEPTH)
        self.given = self.done = 0  # batches; where they are dealt, each is counted by one thread

    def __lt__(self, other: "_Lane") -> bool:
        """Whether a batch should rather come here: this one has less to do, or has had less."""
        return (self.given - self.done, self.given) < (other.given - other.done, other.given)


class Prefetch:
    """Iterate over its hands from as many threads as there are branches. `deal` gives a batch to the hand that has the
    least to do, and makes a part of it for each hand; without it every batch goes to whichever hand is free.

    What the source raises is raised to every one of them. The first batch is waited for; what is read after it has
    time. Where the database shares the machine a load waits for its thread, so that one goes first: the reading thread
    is nicer from then on (nice(2): on Linux each thread has a value of its own).
    """

    def __init__(
        self, source: Iterator[Batch], hands: int = 1, deal: Callable[[Batch, int], Sequence[Batch]] | None = None
    ) -> None:
        self._source = source
        self._deal = deal
        self._lanes = [_Lane() for _ in range(hands if deal else 1)]
        self._closed = Event()
        self._thread = Thread(target=self._read, name="prefetch", daemon=True)

    def __enter__(self) -> "Prefetch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._thread.join()

    def close(self) -> None:
        """Nothing more is to be loaded: threads that wait for a batch or for room wake up."""
        self._closed.set()
        for lane in self._lanes:
            lane.room.release()
            lane.ready.put(_End(AttemptLost("the loads of this attempt were ended")))

    def hand(self, number: int) -> Iterator[Batch]:
        """What one branch is to load; they count from 0."""
        lane = self._lanes[number % len(self._lanes)]
        while True:
            item = lane.ready.get()
            if isinstance(item, _End):
                lane.ready.put(item)  # for the other branches
                if item.error is not None:
                    raise item.error
                return
            lane.room.release()
            yield item
            lane.done += 1

    def _read(self) -> None:
        end = _End()
        ahead = False
        try:
            for batch in self._source:
                hand = self._lanes.index(min(self._lanes))
                parts = self._deal(batch, hand) if self._deal else [batch]
                # the hand's own part first: it may have nothing to do while another has no room
                for number in sorted(range(len(parts)), key=lambda number: number != hand):
                    lane, part = self._lanes[number], parts[number]
                    if not part.rows and number != hand:
                        continue
                    lane.room.acquire()
                    if self._closed.is_set():
                        return
                    lane.given += 1
                    lane.ready.put(part)
                if not ahead:
                    ahead = True
                    with suppress(OSError):  # a sandbox may forbid it, and nothing but speed is lost
                        os.nice(NICE)
        except BaseException as error:  # noqa: BLE001 — carried to the threads that read
            end = _End(error)
        for lane in self._lanes:
            lane.ready.put(end)
