"""Files as shops, spreadsheets and databases write them: each command of the page loads its file as it is."""

from dataclasses import replace

import pytest

from app.formats.infer.schema import as_definition
from tests.backout import Backout
from tests.corpus.cases import FILES
from tests.files.origins import Command, read_page
from tests.stack import Stack

pytestmark = pytest.mark.in_turn


@pytest.mark.parametrize("command", read_page(), ids=lambda command: command.case.path.name)
def test_a_command_loads_its_file(stack: Stack, backout: Backout, command: Command) -> None:
    name = f"origin_{command.dataset}"
    definition = as_definition(replace(command.case.dataset, name=name, key=()))
    assert stack.post("/v1/datasets", json=definition).status_code == 201
    try:
        file = str(FILES / command.case.path.name)
        backout.run("import", file, "--dataset", name, *command.arguments, "--wait")
        assert stack.get(f"/v1/datasets/{name}/rows/count").json()["count"] == len(command.case.rows)
    finally:
        stack.http.delete(f"{stack.url}/v1/datasets/{name}/rows?confirm={name}", timeout=60)
        stack.http.delete(f"{stack.url}/v1/datasets/{name}?confirm={name}", timeout=60)
