"""How work went lately, by kind: the samples that figures are made of."""

from sqlalchemy import Connection, func, select, text

from app.db.ledger import seconds_from_now
from app.db.schema import handling_steps, imports
from app.domain.handling import StepState
from app.domain.requests.revert import Kind
from app.domain.states import State

SAMPLE = 1000  # the latest of a kind
Sample = tuple[bool, int, float]  # succeeded, tries, seconds


def sample_imports(connection: Connection, seconds: float) -> list[Sample]:
    """The imports that committed or failed within so many seconds."""
    micros = func.timestampdiff(text("MICROSECOND"), imports.c.started_at, imports.c.finished_at)
    query = (
        select(imports.c.state, imports.c.attempts, micros)
        .where(
            imports.c.finished_at >= seconds_from_now(-seconds),
            imports.c.state.in_([State.COMMITTED, State.FAILED]),
            imports.c.started_at.is_not(None),
            imports.c.kind == Kind.IMPORT,
        )
        .order_by(imports.c.finished_at.desc())
        .limit(SAMPLE)
    )
    return [
        (state == State.COMMITTED, int(tries), float(took) / 1e6) for state, tries, took in connection.execute(query)
    ]


def list_steps(connection: Connection, seconds: float) -> list[str]:
    """The names of the steps that ended within so many seconds."""
    lately = handling_steps.c.ended_at >= seconds_from_now(-seconds)
    return sorted(connection.scalars(select(handling_steps.c.name).where(lately).distinct()))


def sample_steps(connection: Connection, name: str, seconds: float) -> list[Sample]:
    """The steps of this name that were done or failed within so many seconds, if a service was asked for them."""
    micros = func.timestampdiff(text("MICROSECOND"), handling_steps.c.started_at, handling_steps.c.ended_at)
    query = (
        select(handling_steps.c.state, handling_steps.c.tries, micros)
        .where(
            handling_steps.c.name == name,
            handling_steps.c.ended_at >= seconds_from_now(-seconds),
            handling_steps.c.state.in_([StepState.DONE, StepState.FAILED]),
        )
        .order_by(handling_steps.c.ended_at.desc())
        .limit(SAMPLE)
    )
    return [
        (state == StepState.DONE, int(tries), float(took) / 1e6) for state, tries, took in connection.execute(query)
    ]
