"""The pools from which orders are generated: names, addresses, products. Built once per process, always the same."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from faker import Faker
from numpy.typing import NDArray

_SEED = 20261122
FIRST_NAMES, LAST_NAMES, STREETS, CITIES, PRODUCTS = 200, 300, 300, 200, 4000

# Marketplace, locale of its customers, currency, weight. Weights are guesses; the mix only has to look real.
CHANNELS = (
    ("Amazon", "en_US", "USD", 22),
    ("Amazon", "en_GB", "GBP", 8),
    ("Amazon", "de_DE", "EUR", 10),
    ("Amazon", "fr_FR", "EUR", 5),
    ("Amazon", "ja_JP", "JPY", 6),
    ("eBay", "en_US", "USD", 8),
    ("eBay", "en_GB", "GBP", 5),
    ("eBay", "de_DE", "EUR", 4),
    ("Etsy", "en_US", "USD", 5),
    ("Etsy", "en_GB", "GBP", 2),
    ("Walmart", "en_US", "USD", 8),
    ("Shopify", "en_US", "USD", 8),
    ("Shopify", "nl_NL", "EUR", 2),
    ("bol", "nl_NL", "EUR", 3),
    ("Allegro", "pl_PL", "PLN", 4),
    ("Mercado Livre", "pt_BR", "BRL", 4),
    ("Rakuten", "ja_JP", "JPY", 3),
    ("Otto", "de_DE", "EUR", 2),
    ("Cdiscount", "fr_FR", "EUR", 2),
)
LOCALES = tuple(dict.fromkeys(locale for _, locale, _, _ in CHANNELS))
CURRENCIES = tuple(dict.fromkeys(currency for _, _, currency, _ in CHANNELS))
_PER_DOLLAR = {"USD": 1.0, "GBP": 0.8, "EUR": 0.9, "JPY": 150.0, "PLN": 4.0, "BRL": 5.5}
_COUNTRIES = {
    "en_US": "USA",
    "en_GB": "United Kingdom",
    "de_DE": "Deutschland",
    "fr_FR": "France",
    "ja_JP": "日本",
    "nl_NL": "Nederland",
    "pl_PL": "Polska",
    "pt_BR": "Brasil",
}
_UNFOLDABLE = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d"})


@dataclass(frozen=True)
class SamplePools:
    """Series with a part of fixed length for each locale in the order of LOCALES (prices: for each currency)."""

    first_names: pl.Series
    first_mail: pl.Series
    last_names: pl.Series
    last_mail: pl.Series
    streets: pl.Series
    cities: pl.Series
    skus: pl.Series
    prices: pl.Series
    dates: pl.Series  # one for each day, the oldest first
    times: pl.Series  # one for each second of the day
    mail_ends: pl.Series
    channel_table: NDArray[np.int64]  # each channel as often as its weight


@cache
def pools(last_day: np.datetime64, days: int) -> SamplePools:
    """The pools, with the dates of `days` days up to `last_day`. Takes some tenths of a second."""
    first: list[str] = []
    first_mail: list[str] = []
    last: list[str] = []
    last_mail: list[str] = []
    streets: list[str] = []
    cities: list[str] = []
    for number, locale in enumerate(LOCALES):
        fake = Faker(locale)
        fake.seed_instance(_SEED + number)
        given, family = _names(fake, locale)
        first += [name for name, _ in given]
        first_mail += [mail for _, mail in given]
        last += [name for name, _ in family]
        last_mail += [mail for _, mail in family]
        # Some locales write a building on its own line, but values have no line breaks.
        streets += [", ".join(fake.street_address().split("\n")).strip() for _ in range(STREETS)]
        cities += [f"{_city(fake, locale)}, {_COUNTRIES[locale]}" for _ in range(CITIES)]
    random = np.random.default_rng(_SEED)
    dates = np.datetime_as_string(last_day - np.arange(days - 1, -1, -1), unit="D")
    mail_ends = [f"{n or ''}@example.{end}" for n in range(300) for end in ("com", "com", "org", "net")]
    return SamplePools(
        first_names=pl.Series(first),
        first_mail=pl.Series(first_mail),
        last_names=pl.Series(last),
        last_mail=pl.Series(last_mail),
        streets=pl.Series(streets),
        cities=pl.Series(cities),
        skus=pl.Series(_skus(random)),
        prices=pl.Series(_prices(random)),
        dates=pl.Series(dates.tolist()),
        times=pl.Series([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86400)]),
        mail_ends=pl.Series(mail_ends),
        channel_table=np.repeat(np.arange(len(CHANNELS)), [weight for *_, weight in CHANNELS]),
    )


def _names(fake: Faker, locale: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The first and the last parts of names, each with its form in an e-mail address."""
    if locale == "ja_JP":  # the family name first, and romanised in the address
        first = [fake.last_name_pair() for _ in range(FIRST_NAMES)]
        last = [fake.first_name_pair() for _ in range(LAST_NAMES)]
        return [(n[0], _folded(n[2])) for n in first], [(n[0], _folded(n[2])) for n in last]
    given = [fake.first_name() for _ in range(FIRST_NAMES)]
    family = [fake.last_name() for _ in range(LAST_NAMES)]
    return [(name, _folded(name)) for name in given], [(name, _folded(name)) for name in family]


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(_UNFOLDABLE))
    return re.sub("[^a-z0-9-]", "", plain)


def _city(fake: Faker, locale: str) -> str:
    city, code = fake.city(), fake.postcode()
    if locale == "en_US":
        return f"{city}, {fake.state_abbr(include_territories=False)} {code}"
    if locale == "en_GB":
        return f"{city} {code}"
    if locale == "pt_BR":
        return f"{city} - {fake.estado_sigla()}, {code[:5]}-{code[-3:]}"
    return f"{code} {city}"


def _skus(random: np.random.Generator) -> list[str]:
    letters = np.array(list("ABCDEFGHJKLMNPRSTUVWXYZ"))
    lines = ["".join(line) for line in random.choice(letters, (PRODUCTS, 3))]
    variants = random.choice(np.array(["S", "M", "L", "XL", "BLK", "WHT", "RED", "BLU", "2PK", "STD"]), PRODUCTS)
    # The number makes it unique, the rest makes it look like one.
    return [f"{line}-{1000 + n}-{variant}" for n, (line, variant) in enumerate(zip(lines, variants, strict=True))]


def _prices(random: np.random.Generator) -> list[str]:
    dollars = np.clip(np.exp(random.normal(3.2, 1.0, PRODUCTS)), 0.99, 2500)
    endings = random.choice(np.array([0, 0.49, 0.5, 0.95, 0.99, 0.99]), PRODUCTS)
    prices = []
    for currency in CURRENCIES:
        whole = np.floor(dollars * _PER_DOLLAR[currency])
        exact = whole if currency == "JPY" else np.maximum(whole, 1) + endings
        prices += [f"{price:.2f}" for price in np.maximum(exact, 1).tolist()]
    return prices
