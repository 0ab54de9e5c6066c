"""What is answered to whoever sends an import is what was recorded, though it is not read again."""

import gzip
from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.db.imports import queries
from app.domain.caller import Caller
from app.domain.dataset import ORDERS
from app.domain.imports import Import
from app.lifecycle.imports.accept import accept_generated
from app.lifecycle.services import Services
from tests.integration.db.test_upserts import line
from tests.uploads import accept_file

pytestmark = pytest.mark.in_turn

ROWS = ("\t".join(ORDERS.column_names) + "\n" + line(1).replace(",", "\t")).encode()
ALL_SAID = {
    "format": "tsv",
    "null": "-",
    "on_conflict": "skip",
    "on_error": "reject",
    "max_rejects": "7",
    "priority": "3",
}


def require_recorded(services: Services, answered: Import) -> None:
    with services.database.begin() as connection:
        found = queries.find_import(connection, answered.id)
    assert found is not None
    assert found == replace(answered, read_at=found.read_at)
    assert answered.updated_at == answered.created_at == answered.read_at <= found.read_at


@pytest.mark.parametrize("inline", [False, True])
def test_of_generated_rows(services: Services, inline: bool) -> None:
    caller = Caller(client="night", key="one", request_id="r-1")
    require_recorded(services, accept_generated(services, ORDERS, 7, caller, seed="s", inline=inline, priority=-2).row)
    require_recorded(services, accept_generated(services, ORDERS, 1, Caller(), inline=inline).row)


@pytest.mark.parametrize("said", [{}, {"dry_run": "true"}, ALL_SAID], ids=["nothing", "dry run", "all"])
@pytest.mark.parametrize("packed", [False, True])
def test_of_a_file(services: Services, said: Mapping[str, str], packed: bool) -> None:
    body = gzip.compress(ROWS) if packed else ROWS
    caller = Caller(client="night", key="two")
    accepted = accept_file(services, ORDERS, body, caller=caller, file_name="Größe\t😀.csv" + "x" * 300, **said)
    require_recorded(services, accepted.row)
