"""How many examples Hypothesis draws."""

import os

VARIABLE = "PROPERTY_FACTOR"
_FACTOR = float(os.environ.get(VARIABLE, "0.35"))


def examples(number: int) -> int:
    """A third of this number in `make test`, ten times as many in `make long`, and others each time."""
    return max(1, round(number * _FACTOR))
