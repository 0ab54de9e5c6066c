"""Bodies of the classic endpoints and of health."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from app.domain.dataset import ORDERS, Column, ColumnType
from app.domain.states import State
from app.routes.api.serializers import CELERY_STATUS
from app.routes.openapi.models import Id, Model
from app.routes.openapi.operations import JSON, Answer


class Greeting(Model):
    """That the service is there."""

    success: Literal[True]
    message: str


class ClassicAccepted(Greeting):
    """An import that was accepted."""

    task_id: Id
    state: State
    estimated_seconds: float | None


class ClassicDone(Greeting):
    """An import that has committed."""

    task_id: Id


class ClassicStopped(ClassicDone):
    """An import that will never commit."""

    state: State


class ClassicStatus(ClassicStopped):
    """How an import is doing."""

    status: Annotated[str, Field(json_schema_extra={"enum": sorted(set(CELERY_STATUS.values()))})]
    """In Celery's words."""
    progress: float
    """In percent."""
    rows_done: int
    rows_total: int | None
    eta_seconds: float | None


class Deleted(Greeting):
    """What was deleted."""

    num_rows_deleted: int


def _schema_of(column: Column) -> dict[str, Any]:
    if column.type is ColumnType.INTEGER:
        return {"type": "integer", "minimum": column.minimum, "maximum": column.maximum}
    if column.type is ColumnType.ENUM:
        return {"type": "string", "enum": list(column.choices)}
    return (
        {"type": "string", "description": "Decimals are text, so that they are read back exactly."}
        if (column.type is ColumnType.DECIMAL)
        else {"type": "string"}
    )


ORDER = {
    "type": "object",
    "description": "An order, with the number of its import and its row in it.",
    "properties": {
        "import_no": {"type": "integer"},
        "row_no": {"type": "integer"},
        **{column.name: _schema_of(column) for column in ORDERS.columns},
    },
    "required": ["import_no", "row_no", *ORDERS.column_names],
}


class Orders(Model):
    """Orders and their count."""

    success: Literal[True]
    count: int
    data: list[Annotated[dict[str, Any], WithJsonSchema(ORDER)]]
    """Every order; empty where only the count was asked."""


class Life(Model):
    """That the process answers."""

    status: Literal["ok"]


class Kind(Model):
    """How one kind of work went within the last hour: imports, or one step of handlings."""

    kind: str
    ended: int
    """How many succeeded or failed; a stop is neither."""
    success_rate: float | None
    error_rate: float | None
    """The share of attempts or tries that went wrong, also where a later one succeeded."""
    average_seconds: float | None
    p95_seconds: float | None


class HandlingQueue(Model):
    """How busy those are who handle orders."""

    depth: int
    """Handlings that wait for a worker."""
    running: int
    workers: int | None
    """Processes that are connected to the broker; null where it does not answer."""
    hints: int | None
    """Messages that wait in the broker."""


class Queue(Model):
    """How busy the installation is."""

    depth: int
    """Imports that wait for a worker."""
    running: int
    workers: int | None
    """Processes that are connected to the broker; null where it does not answer."""
    hints: int | None
    """Messages that wait in the broker."""
    oldest_seconds: float | None
    """For how long the oldest of those that wait has waited."""
    rows_per_second: float | None
    """Of the imports that committed lately."""
    handlings: HandlingQueue | None
    """Null where no orders are handled."""
    kinds: list[Kind]
    excess: list[str]
    """A sentence for each bound that is passed."""


class Readiness(Model):
    """What each part says."""

    status: Literal["ok", "degraded", "failing"]
    parts: dict[str, str]
    """"ok", or a sentence that says what is wrong, by part."""


_BY_ID = {"parameters": {"task_id": "$response.body#/task_id"}}
ACCEPTED = {
    200: Answer(
        "The import was accepted.",
        {JSON: ClassicAccepted},
        links={
            "status": {"operationId": "get_task_status", **_BY_ID},
            "stop": {"operationId": "stop_task", **_BY_ID},
            "stop_by_post": {"operationId": "stop_task_by_post", **_BY_ID},
        },
    )
}


class ClassicReverting(ClassicDone):
    """A revert that was accepted; `task_id` is its own."""

    state: State


REVERTING = {202: Answer("The revert, which waits for a worker.", {JSON: ClassicReverting})}
