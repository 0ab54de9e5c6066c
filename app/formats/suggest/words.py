"""Words for columns: normal forms of names, synonyms, and what exports of shops call their columns.

Only names that mean the same belong here. Those that often mean something else do not: an `item price` may be for all
pieces, an `item number` may be a shop's own, and a `financial status` is not the status of an order.
"""

import re
import unicodedata
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_E_MAIL = re.compile(r"\be mail\b")
_WORD = re.compile(r"[^\W_]+|#")
_ALIKE = {
    "no": "number",
    "nr": "number",
    "num": "number",
    "#": "number",
    "nummer": "number",
    "qty": "quantity",
    "addr": "address",
    "mail": "email",
    "lineitem": "line",
}
_FILLERS = {"of", "the", "at", "on", "by", "des", "der", "die", "das", "am", "de", "la", "le", "du"}


@lru_cache(maxsize=10_000)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, sorted, without those that make no difference: `Order No.` and `number_of_order` are alike.
    Empty if it has none."""
    spaced = unicodedata.normalize("NFC", _CAMEL.sub(" ", name)).casefold().replace("-", " ").replace("_", " ")
    words = [_ALIKE.get(word, word) for word in _WORD.findall(_E_MAIL.sub("email", spaced))]
    return tuple(sorted(set(words) - _FILLERS or set(words)))


# names for the same thing; the first ones are the surest
SYNONYMS = (
    (
        "order number", "order id", "amazon order id", "order reference", "increment id", "order", "sales order number",
        "Bestellnummer", "Auftragsnummer", "Bestell-Nr", "Auftrags-Nr", "numéro commande", "commande",
    ),
    (
        "customer", "customer name", "buyer name", "billing name", "bill-to name", "customer name billing", "buyer",
        "full name", "customer full name", "buyer full name", "buyer fullname", "billing full name", "client",
        "client name", "Kunde", "Kundenname", "Name Käufers", "vollständiger Name Käufers", "Käufer", "nom client",
    ),
    (
        "email", "email address", "customer email", "buyer email", "billing email", "E-Mail-Adresse",
        "E-Mail Käufers", "E-Mail Kunde", "courriel",
    ),
    (
        "ship to", "ship-to address", "shipping address", "delivery address", "Lieferadresse", "Versandadresse",
        "Lieferanschrift", "adresse livraison",
    ),
    (
        "sku", "item sku", "line sku", "product sku", "seller sku", "merchant sku", "custom label", "custom label sku",
        "Bestandseinheit", "article number", "Artikelnummer", "Artikel-Nr",
    ),
    (
        "quantity", "quantity purchased", "quantity ordered", "order quantity", "item quantity", "line quantity",
        "product quantity", "Anzahl", "Menge", "Stückzahl", "quantité",
    ),
    (
        "unit price", "price per unit", "price each", "item unit price", "line price", "item cost", "Einzelpreis",
        "Stückpreis", "prix unitaire",
    ),
    (
        "currency", "currency code", "order currency", "order currency code", "currency iso code", "Währung", "devise",
    ),
    ("status", "order status", "Bestellstatus", "Auftragsstatus", "statut"),
    (
        "ordered at", "order date", "order time", "order datetime", "order placed", "order created", "purchase date",
        "purchased", "date purchased", "sale date", "sold date", "date sold", "created", "created date",
        "order date created", "Bestelldatum", "Auftragsdatum", "Kaufdatum", "Verkaufsdatum", "verkauft", "bestellt",
        "date commande",
    ),
    (
        "marketplace", "sales channel", "channel", "channel id", "purchase point", "purchased from store",
        "store name", "store", "shop", "shop name", "Marktplatz", "Verkaufskanal", "Vertriebskanal",
    ),
    ("zip", "zip code", "postal code", "postcode", "PLZ", "Postleitzahl", "code postal"),
    ("city", "town", "Stadt", "Ort", "ville"),
    ("country", "country code", "Land", "pays"),
    ("phone", "phone number", "telephone", "Telefon", "Telefonnummer"),
)  # fmt: skip

# of an export that has all of these columns: what it calls by a name that means something else elsewhere, or is not a
# name for it; None for what is not to be suggested
EXPORTS: tuple[tuple[str, tuple[str, ...], dict[str, str | None]], ...] = (
    ("Shopify", ("Financial Status", "Lineitem name"), {"Name": "order number", "Id": None}),
    ("Matrixify", ("Name", "Line: SKU"), {"Name": "order number", "ID": None, "Number": None}),
    ("Etsy", ("Sale Date", "Item Name", "Listing ID"), {"Price": "unit price", "Ship Name": None}),
    ("Magento", ("Purchase Point", "Bill-to Name"), {"ID": "order number"}),
    ("WooCommerce", ("Order Number", "Item Cost"), {"Name": None, "Item Name": None}),
)
