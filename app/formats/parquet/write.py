"""Writes Parquet: lines of JSON go into a child process, which has the memory and threads that the writing needs.

Decimals of more than 38 digits become texts: Parquet readers have no more.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import IO

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.child.runner import ChildFailed, ConcurrencyLimit
from app.formats.export import LINES, batched
from app.formats.parquet import write_child

WRITERS = ConcurrencyLimit("Parquet exports", most=2, seconds=10.0)
MEMORY_BYTES = 4 * 1024**3  # of address space; one thread's arenas are a part of it
_PIECE_BYTES = 64 * 1024
_MOST_DIGITS = 38
_ROOT = Path(__file__).parents[3]


def write_parquet(dataset: Dataset, lines: Iterable[str]) -> Iterator[bytes]:
    """A Parquet file of rows that are written as `ExportForm.PARQUET`, in pieces; memory here stays flat.

    Raises `Overloaded` where too many are being written, `ChildFailed` if the child can't go on, and what `lines` does:
    then the file has no end, and no reader takes it.
    """
    described = [[column.name, *_type(column, dataset)] for column in dataset.columns]
    limits = json.dumps([os.getpid(), MEMORY_BYTES, 0])
    with (
        WRITERS.take(),
        subprocess.Popen(
            [sys.executable, "-I", write_child.__file__, str(_ROOT), limits, json.dumps(described)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
            start_new_session=True,
        ) as child,
    ):
        assert child.stdin is not None and child.stdout is not None
        feeder = _Feeder(child.stdin, lines)
        try:
            while piece := child.stdout.read1(_PIECE_BYTES):  # type: ignore[attr-defined]
                yield piece
            code = child.wait()
            feeder.join()
            if feeder.error is not None:
                raise feeder.error
            if code:
                raise ChildFailed(f"the writer of Parquet ended with {code}")
        finally:
            child.kill()
            feeder.join()  # it uses the caller's connection


class _Feeder(Thread):
    """Writes lines into the child and closes its input: after the last one, or at an error, so that it ends."""

    def __init__(self, stdin: IO[bytes], lines: Iterable[str]) -> None:
        super().__init__(name="parquet", daemon=True)
        self.error: Exception | None = None
        self._stdin, self._lines = stdin, lines
        self.start()

    def run(self) -> None:
        """Feed. A child that is gone needs no more."""
        try:
            with self._stdin:
                for some in batched(self._lines, LINES):
                    self._stdin.write("".join(some).encode())
                self._stdin.write(b"\n")  # all were sent
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 — raised again by who reads
            self.error = error


def _type(column: Column, dataset: Dataset) -> tuple[str, int, int]:
    """What `_dtype` makes a type of."""
    match column.type:
        case ColumnType.INTEGER:
            return "unsigned" if column.maximum >= 2**63 else "integer", 0, 0
        case ColumnType.BOOLEAN:
            return "integer" if dataset.adopted else "boolean", 0, 0  # an adopted table may hold other numbers
        case ColumnType.DECIMAL if column.precision <= _MOST_DIGITS:
            return "decimal", column.precision, column.scale
        case ColumnType.DATE | ColumnType.DATETIME:
            return str(column.type), 0, 0
        case _:
            return "text", 0, 0
