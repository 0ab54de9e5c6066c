"""The process that reads one file: run by `children` with LIMITS ROOT MODULE ARGUMENTS.

It writes what `MODULE.messages(*ARGUMENTS)` gives as JSON, a line each, and then null. Instead of null its last line
says why it can't go on: {"failed": parts of ImportFailed}, {"broken": text}. Where memory is short it ends with
OUT_OF_MEMORY. It imports little: a reader starts for every file.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
from typing import Any

OUT_OF_MEMORY = 3
MAX_LINE_BYTES = 64 * 1024**2  # of a message: the process that reads it keeps it in memory
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def _limit(parent: int, memory_bytes: int, cpu_seconds: int) -> None:
    """Raises OSError, ValueError where the system refuses."""
    # The process that waits for this one ends it; a stop that is meant for all would look like a broken file.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be followed
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if cpu_seconds:
        # the second one would end it without a word of the reason
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))


def _write(message: Any) -> None:
    line = json.dumps(message)
    if len(line) >= MAX_LINE_BYTES:
        raise MemoryError
    sys.stdout.write(line + "\n")


def _describe(error: BaseException) -> str:
    """What people are shown; the text of a panic is for the library's own developers."""
    if type(error).__name__ == "PanicException":
        return "its content is not what its reader expects"
    return f"{type(error).__name__}: {error}"[:1000]


def main(limits: str, root: str, module: str, *arguments: str) -> int:
    """The process's exit code."""
    _limit(*json.loads(limits))
    sys.path.append(root)
    try:
        for message in importlib.import_module(module).messages(*arguments):
            _write([message])
        last: Any = None
    except MemoryError:
        return OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 — a panic of Rust is no Exception; all of them are the file's fault
        if "PyObject pointer is null" in str(error):  # how PyO3 says it
            return OUT_OF_MEMORY
        errors = sys.modules.get("app.domain.errors")
        if errors is not None and isinstance(error, errors.ImportFailed):
            last = {"failed": error.as_dict()}
        else:
            last = {"broken": _describe(error)}
    with contextlib.suppress(BrokenPipeError):
        _write(last)
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # without the time that it takes to give back memory, and without a word of a pipe that was closed
