"""Access: whether the caller of this request may do what it asks for.

The guard calls `check_operation` before every route: the scopes that the route has declared, and whether the import,
handling, order or dataset that its path names is within the caller's reach. What a query or a body names is checked by
the same functions, where it is read. Where no one is asked for a key, everything is allowed and nothing is queried.
"""

from collections.abc import Iterable

from flask import current_app, g, request

from app.db.access import owners
from app.domain.caller import ANYWHERE, Access, Owner, Reach, Scope
from app.domain.errors import DatasetNotAllowed, HandlingNotFound, ImportNotFound, OrderNotFound, ScopeRequired
from app.domain.handling import parse_order_id
from app.routes import services
from app.routes.openapi.operations import Operation, operation_of

_DATASET_PATHS = ("/v1/datasets/", "/rows/")  # in which `name` is a dataset


def access() -> Access:
    """What the caller may do."""
    found = g.access
    assert isinstance(found, Access)
    return found


def reach() -> Reach:
    """Which imports the caller may know of."""
    return access().reach


def has_scope(name: str) -> bool:
    """Whether the caller has this scope; for templates of the page."""
    return name in access().scopes


def list_missing() -> str:
    """The scopes that the caller lacks, with blanks between them; the page hides what needs one of them."""
    return " ".join(sorted(scope for scope in Scope if scope not in access().scopes))


def find_operation() -> Operation | None:
    """What the asked route is described as; None for a path without a route, and for files of the page."""
    return operation_of(current_app.view_functions[request.endpoint]) if request.endpoint else None


def check_operation() -> None:
    """Raise `ScopeRequired`, `DatasetNotAllowed`, `ImportNotFound`, `HandlingNotFound` or `OrderNotFound` where the
    caller may not do what this request's method and path ask for. What is foreign is not found, rather than refused:
    to say that it is there is to say too much."""
    if request.endpoint in (None, "static"):
        return
    operation = find_operation()
    require_scopes((Scope.ADMIN,) if operation is None or operation.scopes is None else operation.scopes)
    if reach() == ANYWHERE:
        return
    named = request.view_args or {}
    if operation is not None and operation.dataset is not None:
        require_dataset(operation.dataset)
    if "name" in named and request.path.startswith(_DATASET_PATHS):
        require_dataset(named["name"])
    if id := named.get("id") or named.get("task_id"):
        require_imports([id])
    if id := named.get("handling_id"):
        _require_handling(id)
    if (id := named.get("order_id")) and (order := parse_order_id(id)) is not None and not _has_number(order.import_no):
        raise OrderNotFound(f"there is no order {order}", order=str(order))


def require_scopes(scopes: Iterable[Scope]) -> None:
    """Raise `ScopeRequired` unless the caller has all of them."""
    missing = sorted(scope for scope in scopes if scope not in access().scopes)
    if missing:
        raise ScopeRequired(
            f"this needs the scope {' and '.join(missing)}, which the token of {access().client} lacks: an"
            " administrator can create another token",
            scope=missing[0],
        )


def require_dataset(name: str) -> None:
    """Raise `DatasetNotAllowed` where the caller is bound to other datasets."""
    allowed = access().datasets
    if allowed is not None and name not in allowed:
        raise DatasetNotAllowed(
            f"the token of {access().client} is bound to {', '.join(sorted(allowed))}, and this is about"
            f" {name[:80]}: an administrator can create another token"
        )


def require_all_datasets() -> None:
    """Raise `DatasetNotAllowed` where the caller is bound to some."""
    if access().datasets is not None:
        raise DatasetNotAllowed(f"this is about all datasets, and the token of {access().client} is bound to some")


def require_imports(ids: Iterable[str]) -> None:
    """Raise `ImportNotFound` for an import that is out of the caller's reach. One that does not exist is left to the
    route, whose answer is the same."""
    if reach() == ANYWHERE:
        return
    for id in ids:
        if not knows_import(id):
            raise ImportNotFound(f"there is no import {id}", import_id=id)


def knows_import(id: str) -> bool:
    """Whether an import is within the caller's reach, or does not exist."""
    if reach() == ANYWHERE:
        return True
    with services().database.begin() as connection:
        return not _is_foreign(owners.find_of_import(connection, id))


def require_orders_of(numbers: Iterable[int]) -> None:
    """Raise `OrderNotFound` where an import with one of these numbers is out of the caller's reach."""
    if reach() == ANYWHERE:
        return
    for number in sorted(set(numbers)):
        if not _has_number(number):
            raise OrderNotFound(f"there is no order of an import with the number {number}")


def require_rows_of(named: str | None) -> None:
    """Raise where rows are asked for that the caller may not have: `ScopeRequired` if they are not those of one import,
    since others have rows in the dataset, too; `ImportNotFound` if the import, by its id or number, is foreign."""
    if reach().client is None:
        return
    if named is None:
        raise ScopeRequired(
            f"rows of all imports need the scope {Scope.IMPORTS_ANY}; choose one of your imports with import=ID",
            scope=Scope.IMPORTS_ANY,
        )
    if not named.isdecimal() or not named.isascii():
        require_imports([named])
    elif len(named) > 9 or not _has_number(int(named)):
        raise ImportNotFound(f"there is no import {named[:80]!r}")


def may_know(client: str, dataset: str) -> bool:
    """Whether an import of this client into this dataset is within the caller's reach."""
    return reach().includes(client, dataset)


def _require_handling(id: str) -> None:
    if reach().client is None:
        return
    with services().database.begin() as connection:
        client = owners.find_client_of_handling(connection, id)
    if client is not None and client != reach().client:
        raise HandlingNotFound(f"there is no handling {id}", handling_id=id)


def _has_number(number: int) -> bool:
    """Whether an import is known and not foreign: rows may outlive the history of their import, and then whose they
    were is unknown."""
    with services().database.begin() as connection:
        owner = owners.find_of_number(connection, number)
    return (owner is not None or reach().client is None) and not _is_foreign(owner)


def _is_foreign(owner: Owner | None) -> bool:
    return owner is not None and not reach().includes(owner.client, owner.dataset)
