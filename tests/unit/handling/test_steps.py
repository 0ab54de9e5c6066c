"""What of handlings needs no server: steps, pipelines, ids, figures."""

import subprocess
import sys

import pytest

from app.domain.errors import InvalidContent
from app.domain.handling import HandlingState, OrderId, parse_order_id, require_legal
from app.domain.states import IllegalMove
from app.handling.steps import all_steps, read_pipeline
from app.lifecycle.work_stats import summarize


def test_payment_comes_before_mail_wherever_there_is_a_choice() -> None:
    steps = all_steps()
    assert steps["take_payment"].priority == max(step.priority for step in steps.values())
    assert steps["mail_confirmation"].priority == min(step.priority for step in steps.values())
    assert list(steps) == list(read_pipeline(None))
    assert all(len(name) <= 32 and step.name == name for name, step in steps.items())


def test_a_pipeline_is_what_was_asked_for_or_refused() -> None:
    assert read_pipeline(["mail_confirmation"]) == ("mail_confirmation",)
    for wrong in ([], ["take_payment", "take_payment"], ["tell_marketplace", "create_shipment"], ["fly"]):
        with pytest.raises(InvalidContent):
            read_pipeline(wrong)


@pytest.mark.parametrize("text", ["", "7", "7-", "-7-1", "7-1-1", "0-1", "1-0", "4294967296-1", "7-١", " 7-1"])
def test_what_is_no_order_id_is_none(text: str) -> None:
    assert parse_order_id(text) is None


def test_an_order_id_is_read_as_it_is_written() -> None:
    assert parse_order_id(str(OrderId(7, 12))) == OrderId(7, 12)


def test_what_is_done_is_left_by_nothing() -> None:
    for target in HandlingState:
        with pytest.raises(IllegalMove):
            require_legal({HandlingState.DONE}, target)


def test_figures_tell_success_from_errors_on_the_way() -> None:
    figures = summarize("import", [(True, 1, 1.0)] * 18 + [(True, 2, 10.0), (False, 5, 20.0)])
    assert (figures.ended, figures.success_rate, figures.p95_seconds) == (20, 0.95, 10.0)
    assert figures.error_rate == round(1 - 19 / 25, 4)
    assert summarize("import", []).success_rate is None


@pytest.mark.slow
def test_imports_run_without_the_packages_of_handling() -> None:
    """They are an extra: neither the web server nor the sweeper may need them where handling is off."""
    program = (
        "import sys\n"
        "for name in ('reportlab', 'pypdf', 'tenacity', 'circuitbreaker', 'pyrate_limiter', 'aiosmtpd'):\n"
        "    sys.modules[name] = None\n"
        "import app.tasks.sweep, app.tasks.load\n"
        "from app import create_app\n"
        "from app.config import Settings\n"
        "create_app(Settings(database_url='mysql+pymysql://u:p@127.0.0.1:1/x', broker_url='amqp://127.0.0.1:1//'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
