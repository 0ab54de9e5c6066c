"""A short storm a database, of which one always runs; `make storm` has longer ones."""

from pathlib import Path

import pytest

from tests.storm import plan
from tests.storm.run import run_storm

SECONDS = 25
STORMS = [  # kills, holds, cuts and losses in each
    pytest.param("mariadb", "rabbitmq-3", 1, 8, id="mariadb", marks=pytest.mark.long),
    pytest.param("mysql", "rabbitmq-4", 2, 6, id="mysql"),
]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("database", "broker", "branches", "seed"), STORMS)
def test_every_promise_holds_after_a_storm(
    servers_folder: Path, database: str, broker: str, branches: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = servers_folder / f"storm-{database}"
    folder.mkdir()
    outcome = run_storm(folder, seed, SECONDS, database, broker, branches)
    with capsys.disabled():
        print(f"\n{outcome.table()}")  # noqa: T201 — what it went through
    assert not outcome.explanations, "\n".join(outcome.explanations)
    assert {"committed", "stopped", "failed"} <= {row.state for row in outcome.rows}


def test_a_seed_gives_the_same_plan_again() -> None:
    assert plan.derive(7, 60) == plan.derive(7, 60) != plan.derive(8, 60)
