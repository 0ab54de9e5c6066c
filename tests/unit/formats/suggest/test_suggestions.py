"""Suggestions for the columns of shops' exports: measured on 30 headers, made after the shops' descriptions."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.dataset import ORDERS, Dataset
from app.domain.file_format import FileFormat
from app.formats.column_names import find_columns
from app.formats.preview.preview import make_preview
from app.formats.preview.serializer import serialize_preview
from app.formats.suggest import suggestions
from app.formats.suggest.option import suggest_option
from app.formats.suggest.suggestions import suggest
from app.formats.suggest.words import words_of

HEADERS = json.loads((Path(__file__).parents[3] / "corpus" / "shop_headers.json").read_text(encoding="utf-8"))
WANTED = ORDERS.column_names


def matched(header: list[str], dataset: Dataset = ORDERS) -> dict[str, str]:
    """Columns of the file that are matched by name or suggested."""
    targets = find_columns(header, None, dataset).targets
    found = suggest_option(header, targets, FileFormat("csv"), dataset)
    own = {name: to for name, to in zip(header, targets, strict=True) if to in dataset.column_names}
    return own | {each.name: each.column for each in found.suggestions}


def test_thirty_headers_of_six_shops() -> None:
    assert len(HEADERS) == 30
    assert len({each["shop"] for each in HEADERS}) == 6
    expected = sum(len(each["expected"]) for each in HEADERS)
    right = sum(len(matched(each["header"]).items() & each["expected"].items()) for each in HEADERS)
    assert right / expected >= 0.9, (right, expected)


@pytest.mark.parametrize("case", HEADERS, ids=lambda case: f"{case['shop']}-{case['about']}")
def test_nothing_is_matched_wrongly(case: dict[str, Any]) -> None:
    assert matched(case["header"]).items() <= case["expected"].items()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Order-No."], {"Order-No.": "order_number"}),
        (["number_of_order"], {"number_of_order": "order_number"}),
        (["orderNumber"], {"orderNumber": "order_number"}),
        (["Bestell-Nr."], {"Bestell-Nr.": "order_number"}),
        (["E-Mail"], {"E-Mail": "email"}),
        (["Quantitty"], {"Quantitty": "quantity"}),  # typos
        (["Custommer Name"], {"Custommer Name": "customer"}),
        (["Order No", "Order Number"], {}),  # both, so neither
        (["Order No", "Order No"], {}),
        (["item-price"], {}),  # may be for all pieces
        (["Shipping Address1"], {}),  # a part of an address
        (["Payment Status"], {}),
        (["Buyer Username"], {}),
        (["Date"], {}),
        (["", "?"], {}),
    ],
)
def test_what_names_suggest(names: list[str], expected: dict[str, str]) -> None:
    assert {each.name: each.column for each in suggest(names, names, WANTED)} == expected


def test_without_the_library_for_typos_the_others_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "fuzz", None)
    assert suggest(["Quantitty", "Order No"], ["Quantitty", "Order No"], WANTED)[0].column == "order_number"
    assert len(suggest(["Quantitty"], ["Quantitty"], WANTED)) == 0


def test_a_name_means_what_its_export_means_by_it() -> None:
    shopify = ["Name", "Financial Status", "Lineitem name"]
    [found] = suggest(shopify, shopify, WANTED)
    assert (found.name, found.column, found.reason) == ("Name", "order_number", "Shopify calls it 'Name'")
    assert suggest(["Name"], ["Name"], WANTED) == []


def test_words() -> None:
    assert words_of("Order No.") == words_of("number_of_order") == words_of("ORDER #") == ("number", "order")
    assert words_of("customerEmail") == words_of("E-Mail (Customer)") == ("customer", "email")
    assert words_of("…") == ()


def test_a_preview_suggests_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("Order No,SKU,Notes\n1,a,x\n")
    found = make_preview(path, FileFormat("csv"), ORDERS, 10)
    shown = serialize_preview(found)
    assert shown["suggestions"] == [{"name": "Order No", "column": "order_number", "reason": "the same words"}]
    assert shown["suggested_columns"] == {"Order No": "order_number", "Notes": None}
    assert [each["status"] for each in shown["columns"]] == ["unknown", "mapped", "unknown"]
    assert shown["problem"]["code"] == "unknown_column"
