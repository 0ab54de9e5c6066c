"""A child's messages without a child: most tests of workbooks are about what is read, and a process takes longer than
that. Marked `child`, a test has real ones."""

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.domain.errors import ImportFailed
from app.formats.child import runner
from app.formats.child.runner import ChildFailed, Limits, OutOfMemory

WORKBOOKS = ("app.formats.xlsx.cells", "app.formats.xlsx.ods")


@contextmanager
def run_here(module: str, arguments: list[str], limits: Limits) -> Iterator[Iterator[Any]]:
    """As `runner.run` without its limits; each message goes through JSON. Raises ChildFailed and ImportFailed as it
    does."""

    def messages() -> Iterator[Any]:
        try:
            for message in importlib.import_module(module).messages(*arguments):
                yield json.loads(json.dumps(message))
        except (ImportFailed, GeneratorExit):
            raise
        except MemoryError as error:
            raise OutOfMemory("it needs too much memory") from error
        except BaseException as error:
            raise ChildFailed(f"{type(error).__name__}: {error}") from error

    yield messages()


@pytest.fixture(autouse=True)
def _workbooks_are_read_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other children (they make previews of Parquet) stay what they are."""
    if request.node.get_closest_marker("child"):
        return
    run = runner.run
    monkeypatch.setattr(
        runner, "run", lambda module, *given: (run_here if module in WORKBOOKS else run)(module, *given)
    )
