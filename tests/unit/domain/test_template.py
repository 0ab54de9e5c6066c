"""Names, versions and fingerprints of import templates."""

import pytest

from app.domain.errors import InvalidContent
from app.domain.template import fingerprint, is_name, parse_reference


def test_a_reference_has_a_name_and_perhaps_a_version() -> None:
    assert parse_reference("amazon-de") == ("amazon-de", None)
    assert parse_reference("amazon-de@12") == ("amazon-de", 12)


@pytest.mark.parametrize(
    "text", ["", "@1", "a@", "a@0", "a@01", "a@-1", "a@1@1", "a@\u0661", "A", "a b", "a\n", "\u00e4", "x" * 65]
)
def test_other_references_are_refused(text: str) -> None:
    with pytest.raises(InvalidContent):
        parse_reference(text)


def test_a_name_has_no_blank_at_its_end() -> None:
    assert is_name("a") and is_name("0_a-b") and not is_name("a ") and not is_name("-a") and not is_name("a\n")


def test_a_fingerprint_is_of_names_in_their_order() -> None:
    assert fingerprint(["Order", "sku"]) == fingerprint([" ORDER\u00a0", "Sku"])
    assert fingerprint(["Stra\u00dfe"]) == fingerprint(["STRASSE"])
    assert fingerprint(["\u00e4"]) == fingerprint(["a\u0308"])
    different = [["a", "b"], ["b", "a"], ["ab"], ["a", "", "b"], ["a", "b", None], ["a\x1fb"]]
    assert len({fingerprint(names) for names in different}) == len(different)
    assert fingerprint([]) is None and fingerprint([None, " "]) is None
