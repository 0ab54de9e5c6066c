"""Reads ahead: the next batches are made on a thread of their own while the server loads the last ones."""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from types import TracebackType

from app.formats.batch import Batch

DEPTH = 2  # batches waiting: memory stays flat however large the file


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Prefetch:
    """Iterate over it from as many threads as there are branches: each batch goes to one of them.

    What the source raises is raised to every one of them.
    """

    def __init__(self, source: Iterator[Batch]) -> None:
        self._source = source
        self._ready: SimpleQueue[Batch | _End] = SimpleQueue()
        self._room = Semaphore(DEPTH)
        self._closed = Event()
        self._thread = Thread(target=self._read, name="prefetch", daemon=True)

    def __enter__(self) -> "Prefetch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._room.release()
        self._thread.join()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            item = self._ready.get()
            if isinstance(item, _End):
                self._ready.put(item)  # for the other branches
                if item.error is not None:
                    raise item.error
                return
            self._room.release()
            yield item

    def _read(self) -> None:
        try:
            for batch in self._source:
                self._room.acquire()
                if self._closed.is_set():
                    return
                self._ready.put(batch)
        except BaseException as error:  # noqa: BLE001 — carried to the threads that read
            self._ready.put(_End(error))
        else:
            self._ready.put(_End())
