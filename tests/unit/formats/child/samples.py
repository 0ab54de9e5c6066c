"""What children of the tests do: `messages` is called in a process of its own."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from app.domain.errors import ImportFailed


def messages(what: str, *arguments: str) -> Iterator[Any]:
    yield {"pid": os.getpid(), "group": os.getpgid(0)}
    if what == "say":
        yield from ([text, None, "é\n"] for text in arguments)
    elif what == "refuse":
        raise ImportFailed("no_rows", "there are none", line=7, value="x")
    elif what == "raise":
        raise ValueError("it is broken")
    elif what == "memory":
        yield len(bytearray(4 * 1024**3))
    elif what == "spin":
        while True:
            pass
    elif what == "sleep":
        yield "awake"
        sys.stdout.flush()
        time.sleep(60)
    elif what == "long":
        yield "x" * (65 * 1024**2)
    else:  # it ends within a line
        sys.stdout.write('["half a')
        sys.stdout.flush()
        os.kill(os.getpid(), getattr(signal, what))
        time.sleep(60)
    yield "end"
