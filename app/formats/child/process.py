"""The child process that reads one file. `runner` starts it with the arguments LIMITS ROOT MODULE ARGUMENTS.

It writes each message of `MODULE.messages(*ARGUMENTS)` as a line of JSON, then null. After an error the last line is
{"failed": parts of ImportFailed} or {"broken": text} instead. If memory is short, its exit code is OUT_OF_MEMORY. It
imports little, because a child starts for every file.
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
MAX_LINE_BYTES = 64 * 1024**2  # of a message: the parent keeps it in memory
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def limit(parent: int, memory_bytes: int, cpu_seconds: int) -> None:
    """Set the limits, and end with the parent. Raises OSError or ValueError if the system refuses."""
    # Only the parent ends this process: a signal to the whole group would look like a damaged file.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415

        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before prctl could take effect
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if cpu_seconds:
        # reaching the hard limit would kill the process without the reason
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
    """Read the file; returns the exit code."""
    limit(*json.loads(limits))
    sys.path.append(root)
    try:
        for message in importlib.import_module(module).messages(*arguments):
            _write([message])
        last: Any = None
    except MemoryError:
        return OUT_OF_MEMORY
    except BaseException as error:  # noqa: BLE001 — a Rust panic is no Exception; all are the file's fault
        if "PyObject pointer is null" in str(error):  # PyO3's message for it
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
    os._exit(code)  # saves the time to free memory, and ignores a closed pipe
