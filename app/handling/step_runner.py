"""Perform: one step of one order, recorded before and after. A crash in between leaves the step begun; whoever takes
the order up next asks the service again under the same key, which answers what it has done already."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog

from app.db.database import Database
from app.db.handlings import orders, queries
from app.domain.errors import DatabaseUnavailable, SpoolFull
from app.domain.handling import Handling, OrderId
from app.handling.service_calls import ServiceCall, ServiceClients, ServiceFailed, ServiceRefused
from app.handling.steps import all_steps
from app.handling.work import Step, StepContext
from app.lifecycle.imports.loading.shutdown import Released
from app.lifecycle.services import Services
from app.spool import Spool

log = structlog.get_logger(__name__)


class StepOutcome(Enum):
    """What came of an order's step."""

    NEXT = "next"  # the order's next step is due
    ORDER = "order"  # the order is done, or has failed
    NOTHING = "nothing"  # it was not begun: the handling is stopped or no longer ours, or the order has ended


@dataclass
class PendingOrder:
    """An order on its way; `step` counts from 0 and is the next one."""

    position: int
    id: OrderId
    step: int
    order: Mapping[str, Any] | None = None
    answers: dict[str, dict[str, Any]] | None = None


def idempotency_key(installation: str, id: OrderId, step: str) -> str:
    """The same for ever: whichever handling, attempt or try it is, this step of this order happens once."""
    return f"backout-{installation}-{id}-{step}"


def perform(
    services: Services, outside: ServiceClients, handling: Handling, todo: PendingOrder, pause: Callable[[float], None]
) -> StepOutcome:
    """Do the next step of an order. Raises `DatabaseUnavailable`, `Released` if the worker must go, and `SpoolFull`."""
    step = all_steps()[handling.pipeline[todo.step]]
    if not _begin(services.database, handling, todo, step):
        return StepOutcome.NOTHING
    if todo.answers is None:
        with services.database.begin() as connection:
            todo.order = queries.find_order(connection, todo.id)
            todo.answers = queries.list_answers(connection, todo.id)
    call = ServiceCall(outside, idempotency_key(services.installation, todo.id, step.name), pause)
    try:
        answer = _run(services.database, services.spool, todo, step, call)
    except (DatabaseUnavailable, Released, SpoolFull):
        raise
    except (ServiceRefused, ServiceFailed) as error:
        return _fail(services.database, handling, todo, call.tries, str(error))
    except Exception as error:  # the boundary of a step: another order may go through it well
        log.exception("step_broken", order=str(todo.id), step=step.name)
        return _fail(services.database, handling, todo, call.tries, f"unexpected: {type(error).__name__}: {error}")
    return _end(services.database, handling, todo, step, call.tries, answer)


def _begin(database: Database, handling: Handling, todo: PendingOrder, step: Step) -> bool:
    number, epoch = handling.number, handling.epoch
    with database.begin() as connection:
        # a first step takes the order in hand; for the later ones that changes nothing
        return orders.take_in_hand(connection, number, epoch, todo.position) and orders.begin_step(
            connection, number, epoch, todo.position, todo.id, todo.step, step.name
        )


def _run(database: Database, spool: Spool, todo: PendingOrder, step: Step, call: ServiceCall) -> dict[str, Any]:
    assert todo.answers is not None
    if step.name in todo.answers:
        return todo.answers[step.name]  # done in an earlier handling, or recorded by a worker that then died
    if todo.order is None:
        raise ServiceRefused("the order is no longer in the table")
    return step.run(StepContext(database, spool, todo.id, todo.order, call, todo.answers))


def _end(
    database: Database, handling: Handling, todo: PendingOrder, step: Step, tries: int, answer: dict[str, Any]
) -> StepOutcome:
    last = todo.step + 1 == len(handling.pipeline)
    with database.begin() as connection:
        ours = orders.end_step(
            connection,
            handling.number,
            handling.epoch,
            todo.position,
            todo.id,
            todo.step,
            tries=tries,
            answer=answer,
            last=last,
            shipped=step.ships,
        )
    if not ours:
        return StepOutcome.NOTHING
    assert todo.answers is not None
    todo.answers[step.name] = answer
    todo.step += 1
    return StepOutcome.ORDER if last else StepOutcome.NEXT


def _fail(database: Database, handling: Handling, todo: PendingOrder, tries: int, reason: str) -> StepOutcome:
    with database.begin() as connection:
        ours = orders.fail_step(
            connection,
            handling.number,
            handling.epoch,
            todo.position,
            todo.id,
            todo.step,
            tries=tries,
            error=reason,
        )
    if not ours:
        return StepOutcome.NOTHING
    log.warning("order_failed", order=str(todo.id), step=handling.pipeline[todo.step], reason=reason)
    return StepOutcome.ORDER
