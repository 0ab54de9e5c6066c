"""How many examples Hypothesis draws."""

import os

VARIABLE = "PROPERTY_FACTOR"
_FACTOR = float(os.environ.get(VARIABLE, "0.2"))


def examples(number: int) -> int:
    """A fifth of this number in `make test`, ten times as many in `make long`, and others each time."""
    return max(1, round(number * _FACTOR))
