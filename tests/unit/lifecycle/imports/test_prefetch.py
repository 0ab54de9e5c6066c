"""Reading ahead: who may be waited for, and who yields."""

import os
from collections.abc import Iterator

import pytest

from app.formats.batch import Batch
from app.lifecycle.imports.loading.prefetch import NICE, Prefetch


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)  # of this thread


@pytest.mark.parametrize("hands", [1, 2])
def test_what_is_read_after_the_first_batch_yields(hands: int) -> None:
    here, read_at = niceness(), []

    def source() -> Iterator[Batch]:
        for row in range(1, 4):
            read_at.append(niceness())
            yield Batch(row, 1, b"1\n", 0, ())

    deal = (lambda batch, hand: [batch if at == hand else empty for at in range(hands)]) if hands > 1 else None
    empty = Batch(1, 0, b"", 0, ())
    with Prefetch(source(), hands, deal) as ahead:
        assert sum(len(list(ahead.hand(hand))) for hand in range(hands)) == 3
    assert read_at == [here, min(here + NICE, 19), min(here + NICE, 19)]
    assert niceness() == here
