"""The installation whose nights are reverted."""

import pytest

from app.lifecycle.services import Services
from tests.integration.lifecycle.reverts.nights import Nights


@pytest.fixture
def nights(services: Services) -> Nights:
    return Nights(services)
