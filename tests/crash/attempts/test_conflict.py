"""Two imports with the same orders: one waits a bounded time and then names the other, never a raw lock timeout."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from app.domain.states import State
from app.lifecycle.imports.loading.load import load_next
from app.lifecycle.imports.loading.shutdown import GracefulShutdown
from app.lifecycle.services import Services
from tests.crash.attempts.conftest import ROWS
from tests.crash.failpoints import at_failpoint
from tests.invariants import converge, find
from tests.waiting import patience


def test_an_order_that_another_import_is_loading(
    services: Services, accept_import: Callable[[], int], branches: int
) -> None:
    first, second = accept_import(), accept_import()
    reached, resume = Event(), Event()

    def hold() -> None:
        reached.set()
        assert resume.wait(patience())

    with ThreadPoolExecutor(1) as pool, at_failpoint("half loaded", branches, hold):
        holder = pool.submit(load_next, services, "holder", GracefulShutdown(0))
        assert reached.wait(patience())
        load_next(services, "waiter", GracefulShutdown(0))
        failed = find(services, second)
        resume.set()
        holder.result(patience())
    assert failed.state in (State.FAILING, State.FAILED)
    error = failed.error or {}
    assert error["code"] == "key_in_use"
    assert error["other_import"] == find(services, first).id and error["other_import"] in error["message"]
    assert error["value"].startswith("CRASH-") and error["value"] in error["message"]
    assert converge(services, second).state is State.FAILED
    assert converge(services, first).rows_done == ROWS


def test_an_order_that_was_loaded_before(services: Services, accept_import: Callable[[], int], branches: int) -> None:
    first, second = accept_import(), accept_import()
    assert converge(services, first).state is State.COMMITTED
    error = converge(services, second).error or {}
    assert (error["code"], error["line"]) == ("duplicate_key", error["row"] + 1)
    assert branches > 1 or error["row"] == 1  # of several, each has a first row
    assert error["other_import"] == find(services, first).id
    assert f"CRASH-{error['row']:07}" in error["message"]
