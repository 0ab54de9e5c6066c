"""The mark in the spool folder, which every sweeper writes and every process reads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from app.domain.mark import Mark
from app.spool import Spool

INSTALLATION = "0123456789abcdef"
WRITERS, MARKS = 4, 200


def test_a_mark_is_whole_whoever_else_writes_it(tmp_path: Path) -> None:
    """Sweepers in containers that share the folder have one process id, as these threads have."""
    spool, done = Spool(tmp_path, 1), Event()
    spool.write_mark(INSTALLATION, Mark(1, 0))

    def write(writer: int) -> None:
        for number in range(MARKS):
            spool.write_mark(INSTALLATION, Mark(2 + number * WRITERS + writer, 0))

    def read() -> set[Mark | None]:
        found = {spool.read_mark(INSTALLATION)}
        while not done.is_set():
            found.add(spool.read_mark(INSTALLATION))
        return found

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reading = pool.submit(read)
        try:
            for writing in [pool.submit(write, writer) for writer in range(WRITERS)]:
                writing.result()
        finally:
            done.set()
        assert None not in reading.result()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_lower_mark_takes_no_higher_one_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    for mark in (Mark(7, 3), Mark(6, 9)):
        spool.write_mark(INSTALLATION, mark)
    assert spool.read_mark(INSTALLATION) == Mark(7, 3)
