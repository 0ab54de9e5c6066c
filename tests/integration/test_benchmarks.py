"""The benchmarks work; how fast is not asked here."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from benchmarks.chart import draw
from benchmarks.figures import SMOKE, Figure, Goal, Report
from benchmarks.report import write
from tests.servers import ROOT
from tests.waiting import patience


@pytest.mark.timeout(300)  # half a minute on an idle machine
@pytest.mark.parametrize(
    "what", ["counting", *(pytest.param(name, marks=pytest.mark.long) for name in ("small", "reverting", "growth"))]
)
def test_the_smallest_benchmark_runs(what: str) -> None:
    command = [sys.executable, "-m", "benchmarks", "--smoke", "--only", what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=patience(280))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"\d+ figures, ", done.stdout.splitlines()[-1])


def figure(goal: Goal, target: float | None, *, per_second: bool = False) -> Figure:
    return Figure(
        "mariadb", "a load", "<a peer>", (2.0, 4.0, 3.0), (4.0, 4.0, 4.5), goal, target, per_second=per_second
    )


@pytest.mark.parametrize(
    ("goal", "target", "per_second", "ratio", "reached"),
    [
        (Goal.SPEED, 1.5, False, 1.5, True),
        (Goal.SPEED, 1.6, False, 1.5, False),
        (Goal.PRICE, 0.7, False, 2 / 3, True),
        (Goal.PRICE, 0.6, False, 2 / 3, False),
        (Goal.SPEED, 0.5, True, 2 / 3, True),
        (Goal.SPEED, None, False, 1.5, None),
    ],
)
def test_ratios_are_of_pairs(
    goal: Goal, target: float | None, per_second: bool, ratio: float, reached: bool | None
) -> None:
    found = figure(goal, target, per_second=per_second)
    assert found.ratio == pytest.approx(ratio) and found.reached is reached


def test_the_report_has_every_figure() -> None:
    report = Report(SMOKE, versions={"machine": "2 × a processor", "mariadb": "10.11"})
    report.add(figure(Goal.SPEED, 1.6))
    report.add(figure(Goal.PRICE, 0.7))
    page = write(report, "python -m benchmarks")
    assert "2 × a processor" in page and "## mariadb: 10.11" in page
    assert "|**1.50** (1.00–2.00)|**≥1.6**|" in page
    assert "|≤0.7|" in page
    drawn = ElementTree.fromstring(draw(report))
    assert "1.50" in [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
