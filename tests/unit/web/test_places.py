"""One client never has all places, unless it is the only one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from app.web.places import NoPlace, Places, Turns
from tests.waiting import patience


def test_half_of_the_places_for_one_client() -> None:
    places = Places(4)
    places.take("a")
    places.take("a")
    with pytest.raises(NoPlace) as refused:
        places.take("a")
    assert (refused.value.most, refused.value.is_own) == (2, True)
    places.take("b")
    places.take("b")
    with pytest.raises(NoPlace) as refused:
        places.take("c")
    assert (refused.value.most, refused.value.is_own) == (4, False)
    places.give_back("a")
    places.take("c")


def test_without_names_one_has_all() -> None:
    places = Places(4)
    for _ in range(4):
        places.take("")
    with pytest.raises(NoPlace):
        places.take("")


def test_one_turn_for_each_client() -> None:
    turns, impatient = Turns(patience()), Turns(0.05)
    entered, leave = Event(), Event()

    def hold() -> None:
        with turns.take("a"):
            entered.set()
            assert leave.wait(patience())

    def follow() -> None:
        with turns.take("a"):
            assert leave.is_set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert entered.wait(patience())
        second = pool.submit(follow)
        with turns.take("b"), turns.take(""), turns.take(""):
            leave.set()
        first.result()
        second.result()
    with impatient.take("a"), pytest.raises(NoPlace) as refused, impatient.take("a"):
        pass
    assert (refused.value.most, refused.value.is_own) == (1, True)
    with impatient.take("a"):
        pass  # given back
