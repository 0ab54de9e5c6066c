"""The spool folder: the generation, which sweepers write and every process reads, and the files beside it."""

import fcntl
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from app.domain.errors import SpoolFull
from app.domain.generation import Generation
from app.spool import Spool
from tests.disks import no_file_beyond

INSTALLATION = "0123456789abcdef"
WRITERS, MARKS = 4, 200


@pytest.mark.slow
def test_a_generation_is_whole_while_others_write_it(tmp_path: Path) -> None:
    """Sweepers in containers that share the folder have one process id, as these threads have."""
    spool, done = Spool(tmp_path, 1), Event()
    spool.write_generation(INSTALLATION, Generation(1, 0))

    def write(writer: int) -> None:
        for number in range(MARKS):
            spool.write_generation(INSTALLATION, Generation(2 + number * WRITERS + writer, 0))

    def read() -> set[Generation | None]:
        found = {spool.read_generation(INSTALLATION)}
        while not done.is_set():
            found.add(spool.read_generation(INSTALLATION))
        return found

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        file_format = pool.submit(read)
        try:
            for writing in [pool.submit(write, writer) for writer in range(WRITERS)]:
                writing.result()
        finally:
            done.set()
        assert None not in file_format.result()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_lower_generation_does_not_replace_a_higher_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    for generation in (Generation(7, 3), Generation(6, 9)):
        spool.write_generation(INSTALLATION, generation)
    assert spool.read_generation(INSTALLATION) == Generation(7, 3)


def make_old(path: Path) -> Path:
    os.utime(path, (time.time() - 7200, time.time() - 7200))
    return path


def test_files_that_come_and_go_while_the_folder_is_listed_are_ordinary(tmp_path: Path) -> None:
    """As uploads and their temporary files do: what is listed may have vanished when it is looked at."""
    spool, done = Spool(tmp_path, 1), Event()
    old = tmp_path / "old"
    old.touch()
    make_old(old)

    def come_and_go(writer: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            paths = [tmp_path / f"{writer}-{number}-{at}.part" for at in range(20)]
            for path in paths:
                path.touch()
            for path in paths:
                path.unlink()

    with ThreadPoolExecutor(3) as pool:
        coming = [pool.submit(come_and_go, writer) for writer in range(3)]
        try:
            for _ in range(60):
                assert spool.list_untouched(3600) == ["old"]
                assert spool.delete_temporary(3600) == []
        finally:
            done.set()
        for each in coming:
            each.result()
    assert old.exists()


def test_what_vanishes_between_two_looks_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every time, which the test above may miss."""
    (tmp_path / "vanishing").touch()
    make_old(tmp_path / "vanishing")
    listed = os.scandir

    class Vanishing:
        def __init__(self, folder: Path) -> None:
            self._entries = list(listed(folder))

        def __enter__(self) -> None:
            pass

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            for entry in self._entries:
                entry.is_file()  # its kind is known from the listing
                Path(entry.path).unlink()
                yield entry

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("app.spool.folder.os.scandir", Vanishing)
    assert Spool(tmp_path, 1).list_untouched(0) == []


def test_old_temporary_files_go_unless_somebody_reads_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    spool.write_generation(INSTALLATION, Generation(1, 0))
    generation = make_old(tmp_path / f".generation-{INSTALLATION}")
    left = [tmp_path / name for name in (f".generation-{INSTALLATION}.0a1b2c3d", ".tmpabc123", ".1-2.pdf.0a1b2c3d")]
    read, young = tmp_path / ".read", tmp_path / ".young"
    for path in (*left, read, young):
        path.touch()
    for path in (*left, read):
        make_old(path)
    with read.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert sorted(spool.delete_temporary(3600)) == sorted(path.name for path in left)
        assert generation.exists() and read.exists() and young.exists()
    assert spool.delete_temporary(3600) == [".read"]
    assert sorted(tmp_path.iterdir()) == sorted([generation, young])


def test_a_generation_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    spool.write_generation(INSTALLATION, Generation(1, 0))
    with no_file_beyond(10), pytest.raises(SpoolFull):
        spool.write_generation(INSTALLATION, Generation(2, 0))
    assert [path.name for path in tmp_path.iterdir()] == [f".generation-{INSTALLATION}"]
    assert spool.read_generation(INSTALLATION) == Generation(1, 0)


def test_the_second_name_of_an_old_file_is_young_from_the_start(tmp_path: Path) -> None:
    """The sweeper would delete it before its import is recorded otherwise."""
    spool = Spool(tmp_path, 1)
    (tmp_path / "old").touch()
    make_old(tmp_path / "old")
    assert spool.hard_link("old", "new") and not spool.hard_link("gone", "other")
    assert spool.list_untouched(3600) == []
    assert not (tmp_path / "other").exists()


def test_figures_of_a_sweeper_that_has_ended_are_passed_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    for sweeper in ("0" * 16, "1" * 16):
        spool.write_figures(INSTALLATION, sweeper, {"failures": {sweeper: 1}})
    make_old(tmp_path / f".sweeper-{INSTALLATION}.{'0' * 16}")
    (tmp_path / f".sweeper-{INSTALLATION}.{'2' * 16}").write_text("[")
    assert spool.read_figures(INSTALLATION) == [{"failures": {"1" * 16: 1}}]
