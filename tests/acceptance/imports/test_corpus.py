"""Files of the corpus over HTTP: what is in the table in the end is what stands beside them."""

from typing import Any

import pytest

from app.domain.dataset import ORDERS
from tests.corpus.cases import Case, read_cases
from tests.stack import Stack

pytestmark = pytest.mark.in_turn

CASES = [case for case in read_cases() if case.dataset is ORDERS and case.error is None]
FAILING = [case for case in read_cases() if case.dataset is ORDERS and case.error is not None]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.name)
def test_the_file_comes_to_rows(stack: Stack, case: Case) -> None:
    options = case.options | {"file_name": case.path.name}
    options |= {"on_error": "reject"} if case.rejects else {}
    body = case.path.read_bytes()
    looked_at = stack.post("/v1/previews", data=body, params=options).json()
    assert looked_at["problem"] is None and looked_at["rejected"] == len(case.rejects)
    accepted = stack.send(body, "application/octet-stream", params=options)
    assert accepted.status_code == 202, accepted.text
    done = stack.wait_state(accepted.json()["id"])
    assert (done["state"], done["rows_done"], done["rows_rejected"]) == ("committed", len(case.rows), len(case.rejects))
    assert done["rows_blank"] == looked_at["blank"] == case.blank
    rows = sorted(stack.get("/get_data").json()["data"], key=lambda row: row["row_no"])
    numbers = [row["row_no"] for row in rows]
    assert [[row[name] for name in ORDERS.column_names] for row in rows] == [as_shown(row) for row in case.rows]
    rejects = stack.get(f"/v1/imports/{done['id']}/rejects").json()["rejects"]
    assert [{name: reject[name] for name in ("line", "code", "column")} for reject in rejects] == case.rejects
    numbers += [reject["row"] for reject in rejects]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.path.name)
def test_the_file_is_refused_and_nothing_of_it_stays(stack: Stack, case: Case) -> None:
    assert case.error is not None
    options = case.options | {"file_name": case.path.name}
    body = case.path.read_bytes()
    looked_at = stack.post("/v1/previews", data=body, params=options).json()
    assert looked_at["problem"]["code"] == case.error["code"]
    for on_error in ("abort", "reject"):
        refused = stack.send(body, "application/octet-stream", params=options | {"on_error": on_error})
        if refused.status_code == 202:  # a worker finds it
            ended = stack.wait_state(refused.json()["id"])
            assert ended["state"] == "failed" and ended["rows_done"] == 0
            assert is_part(case.error, ended["error"])
        else:
            assert refused.status_code == 422 and is_part(case.error, refused.json()["errors"][0]), refused.text
    assert stack.count() == 0


def is_part(expected: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether an error says what is expected."""
    return {name: found.get(name) for name in expected} == expected


def as_shown(row: list[str | None]) -> list[object]:
    """The values as the API shows them."""
    values: dict[str, object] = dict(zip(ORDERS.column_names, row, strict=True))
    values["quantity"] = int(str(values["quantity"]))
    values["unit_price"] = f"{float(str(values['unit_price'])):.2f}"
    values["ordered_at"] = str(values["ordered_at"]).replace(" ", "T") + "Z"
    return list(values.values())


def test_there_are_enough() -> None:
    assert len(CASES) >= 6
