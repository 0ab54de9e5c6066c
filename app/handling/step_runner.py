"""Step runner: runs one step of one order, and records it before and after. A crash in between leaves the step
`running`; the next worker asks the service again under the same key, and the service answers what it has done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog

from app.db.database import Database
from app.db.handlings import orders, queries
from app.domain.errors import DatabaseUnavailable, SpoolFull, SpoolUnavailable
from app.domain.handling import Handling, OrderId
from app.handling.service_calls import ServiceCall, ServiceClients, ServiceFailed, ServiceRefused
from app.handling.step_context import Step, StepContext
from app.handling.steps import all_steps
from app.lifecycle.imports.loading.shutdown import Released
from app.lifecycle.services import Services
from app.spool import Spool

log = structlog.get_logger(__name__)


class StepOutcome(Enum):
    """What came of an order's step."""

    NEXT = "next"  # the order's next step follows
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


def run_step(
    services: Services,
    clients: ServiceClients,
    handling: Handling,
    pending: PendingOrder,
    pause: Callable[[float], None],
) -> StepOutcome:
    """Run an order's next step. Raises `DatabaseUnavailable`, `SpoolFull`, and `Released` if the worker must go."""
    step = all_steps()[handling.pipeline[pending.step]]
    if not _begin(services.database, handling, pending, step):
        return StepOutcome.NOTHING
    if pending.answers is None:
        with services.database.begin() as connection:
            pending.order = queries.find_order(connection, pending.id)
            pending.answers = queries.list_answers(connection, pending.id)
    call = ServiceCall(clients, idempotency_key(services.installation, pending.id, step.name), pause)
    try:
        answer = _run(services.database, services.spool, pending, step, call)
    except (DatabaseUnavailable, Released, SpoolFull, SpoolUnavailable):
        raise
    except (ServiceRefused, ServiceFailed) as error:
        return _fail(services.database, handling, pending, call.tries, str(error))
    except Exception as error:  # the boundary of a step: another order may go through it well
        log.exception("step_broken", order=str(pending.id), step=step.name)
        return _fail(services.database, handling, pending, call.tries, f"unexpected: {type(error).__name__}: {error}")
    return _end(services.database, handling, pending, step, call.tries, answer)


def _at(handling: Handling, pending: PendingOrder) -> orders.OrderStep:
    return orders.OrderStep(handling.number, handling.epoch, pending.position, pending.id, pending.step)


def _begin(database: Database, handling: Handling, pending: PendingOrder, step: Step) -> bool:
    with database.begin() as connection:
        # a first step takes the order in hand; for the later ones that changes nothing
        return orders.take_in_hand(connection, handling.number, handling.epoch, pending.position) and orders.begin_step(
            connection, _at(handling, pending), step.name
        )


def _run(database: Database, spool: Spool, pending: PendingOrder, step: Step, call: ServiceCall) -> dict[str, Any]:
    assert pending.answers is not None
    if step.name in pending.answers:
        return pending.answers[step.name]  # done in an earlier handling, or recorded by a worker that then died
    if pending.order is None:
        raise ServiceRefused("the order is no longer in the table")
    return step.run(StepContext(database, spool, pending.id, pending.order, call, pending.answers))


def _end(
    database: Database, handling: Handling, pending: PendingOrder, step: Step, tries: int, answer: dict[str, Any]
) -> StepOutcome:
    last = pending.step + 1 == len(handling.pipeline)
    with database.begin() as connection:
        ours = orders.end_step(
            connection,
            _at(handling, pending),
            tries=tries,
            answer=answer,
            last=last,
            shipped=step.ships,
        )
    if not ours:
        return StepOutcome.NOTHING
    assert pending.answers is not None
    pending.answers[step.name] = answer
    pending.step += 1
    return StepOutcome.ORDER if last else StepOutcome.NEXT


def _fail(database: Database, handling: Handling, pending: PendingOrder, tries: int, reason: str) -> StepOutcome:
    with database.begin() as connection:
        ours = orders.fail_step(
            connection,
            _at(handling, pending),
            tries=tries,
            error=reason,
        )
    if not ours:
        return StepOutcome.NOTHING
    log.warning("order_failed", order=str(pending.id), step=handling.pipeline[pending.step], reason=reason)
    return StepOutcome.ORDER
