"""One client never has all places, unless it is the only one."""

import pytest

from app.web.places import NoPlace, Places


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
