"""An export in parts is the export at once, whatever comes between them, or says that it can't be any more."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.requests.export import Version, parse_etag
from app.domain.states import State
from app.lifecycle.services import Services
from tests.integration.lifecycle.reverts.nights import Nights
from tests.integration.lifecycle.test_adopt import Owner, owner  # noqa: F401 — a fixture
from tests.invariants import converge, find

pytestmark = pytest.mark.in_turn

ROWS = "/v1/datasets/orders/rows"


@pytest.fixture
def nights(services: Services) -> Nights:
    return Nights(services)


def follow(web: FlaskClient, path: str, etag: str | None = None) -> Iterator[TestResponse]:
    """Part by part."""
    link: str | None = path
    while link:
        answer = web.get(link, headers={} if etag is None else {"If-Match": etag}, buffered=True)
        yield answer
        link = answer.headers.get("Link", "").partition("<")[2].partition(">")[0] or None
        etag = etag or answer.headers.get("ETag")


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("csv", ""),
        ("ndjson", "&sort=customer"),
        ("spreadsheet", "&sort=-quantity"),
        ("csv", "&filter[customer]=first"),
        ("ndjson", "&import=2"),
    ],
)
def test_the_parts_are_the_whole(nights: Nights, web: FlaskClient, form: str, wanted: str) -> None:
    first = nights.load(*range(1, 8))
    second = nights.load(*range(8, 13), customer="second")
    path = f"{ROWS}?format={form}{wanted.replace('import=2', f'import={second.number}')}"
    whole = web.get(path)
    assert "ETag" not in whole.headers and "Link" not in whole.headers
    for limit in (1, 5, 6, 12):
        parts = list(follow(web, f"{path}&limit={limit}"))
        assert [part.status_code for part in parts] == [200] * len(parts)
        assert b"".join(part.data for part in parts) == whole.data, (limit, [part.data for part in parts])
        (etag,) = {part.headers["ETag"] for part in parts}
        version = parse_etag(etag)
        assert version is not None and version.newest == second.number > first.number


@pytest.mark.parametrize("sort", ["", "&sort=customer"])
def test_imports_that_come_later_are_not_in_it(nights: Nights, web: FlaskClient, sort: str) -> None:
    waiting = nights.accept_file(101, 102, customer="zed")
    nights.load(1, 2, 3, priority="9")
    assert find(nights.services, waiting).state is State.QUEUED
    path = f"{ROWS}?format=csv{sort}"
    whole = web.get(path)
    parts = follow(web, f"{path}&limit=2")
    found = [next(parts).data]
    converge(nights.services, waiting)  # its number is lower
    nights.load(201, 202)
    found += [part.data for part in parts]
    assert b"".join(found) == whole.data
    assert len(web.get(path).data.splitlines()) == 8


def test_an_import_that_was_committing_is_not_in_it(nights: Nights, web: FlaskClient) -> None:
    nights.load(1)
    row = nights.load(2)
    nights.load(3, 4)
    state = "UPDATE imports SET state = '{}', finished_at = finished_at WHERE number = " + str(row.number)
    with nights.services.database.begin() as connection:
        connection.exec_driver_sql(state.format("committing"))
    whole = web.get(f"{ROWS}?format=csv")
    assert b"N-2" not in whole.data
    parts = follow(web, f"{ROWS}?format=csv&limit=1")
    found = [next(parts)]
    assert found[0].headers["ETag"].endswith(f'-{row.number}"')
    with nights.services.database.begin() as connection:
        connection.exec_driver_sql(state.format("committed"))
    found += parts
    assert b"".join(part.data for part in found) == whole.data


CHANGES: dict[str, Callable[[Nights, FlaskClient, list[int]], object]] = {
    "deleted": lambda _, web, numbers: web.delete(f"{ROWS}?import={numbers[0]}"),
    "all deleted": lambda _, web, __: web.delete(f"{ROWS}?confirm=orders"),
    "reverted": lambda nights, _, numbers: nights.revert(find(nights.services, numbers[0])),
    "updated": lambda nights, _, __: nights.load(1, 2, customer="other", on_conflict="update"),
    "erased": lambda _, web, __: web.post("/v1/erasures", json={"where": {"customer": "second"}, "dataset": "orders"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_it(nights: Nights, web: FlaskClient, change: str) -> None:
    numbers = [nights.load(1, 2, 3).number, nights.load(4, customer="second").number]
    parts = follow(web, f"{ROWS}?format=csv&limit=2")
    begun = next(parts)
    assert begun.status_code == 200
    CHANGES[change](nights, web, numbers)
    refused = next(parts)
    assert (refused.status_code, refused.json["type"]) == (412, "/problems/export-outdated")
    again = list(follow(web, f"{ROWS}?format=csv&limit=2"))
    assert b"".join(part.data for part in again) == web.get(f"{ROWS}?format=csv").data


def test_what_leaves_its_rows_alone_does_not_end_it(nights: Nights, web: FlaskClient) -> None:
    nights.load(1, 2, 3)
    parts = follow(web, f"{ROWS}?format=csv&limit=2")
    next(parts)
    later = nights.load(7)
    assert web.delete(f"{ROWS}?import={later.number}").status_code == 200
    nights.load(1, customer="other", on_conflict="skip")
    nights.load(1, on_conflict="update", dry_run="true")
    assert next(parts).status_code == 200


def test_a_table_of_others_has_no_version(services: Services, web: FlaskClient, owner: Owner) -> None:  # noqa: F811
    owner.make("CREATE TABLE theirs (id INT PRIMARY KEY, a VARCHAR(9))")
    owner.make("INSERT INTO theirs VALUES (1, 'x'), (2, NULL), (3, 'z')")
    assert web.post("/v1/datasets", json={"name": "theirs", "adopt": True}).status_code == 201
    for sort in ("", "&sort=a", "&sort=-a"):
        path = f"/v1/datasets/theirs/rows?format=csv{sort}"
        parts = list(follow(web, f"{path}&limit=1"))
        assert len(parts) == 3 and b"".join(part.data for part in parts) == web.get(path).data
        assert all("ETag" not in part.headers for part in parts)


def test_what_is_no_part(nights: Nights, web: FlaskClient) -> None:
    nights.load(1, 2)
    for path in ("limit=0", "limit=x", "limit=10000001", "cursor=x", "limit=1&cursor="):
        assert web.get(f"{ROWS}?format=csv&{path}").status_code == 400, path
    for etag, status in (('"x"', 412), ("x", 412), ('W/"1-5"', 412), (f'"1-{"f" * 16}"', 412), ("*", 200)):
        assert web.get(f"{ROWS}?format=csv&limit=1", headers={"If-Match": etag}).status_code == status, etag
    assert web.get(f"{ROWS}?limit=1001").status_code == 400


def test_a_tag_says_what_it_was_made_of() -> None:
    for version in (
        Version(0, datetime(1970, 1, 1)),
        Version(4_294_967_295, datetime(2026, 12, 1, 3, 4, 5, 678_901), (7, 12)),
    ):
        assert parse_etag(version.etag) == version
