"""The time budget of the crash matrix."""

import pytest

from tests.crash.__main__ import share_end


@pytest.mark.parametrize(("jobs", "parallel"), [(10, 3), (1, 3), (8, 3), (9, 3), (10, 1)])
@pytest.mark.parametrize("heaviest", [1, 5])
@pytest.mark.parametrize("needed", [0.25, 1.0], ids=["quick", "endless"])
def test_all_jobs_have_their_turn_and_none_is_over_the_budget(
    jobs: int, parallel: int, needed: float, heaviest: int
) -> None:
    weights = sorted((1 + number % heaviest for number in range(jobs)), reverse=True)
    end, slots = 60.0, [0.0] * parallel
    for number in range(jobs):
        begun = min(slots)
        until = share_end(begun, end, weights[number:], parallel)
        assert begun < until <= end + 1e-9
        slots[slots.index(begun)] = begun + (until - begun) * needed
