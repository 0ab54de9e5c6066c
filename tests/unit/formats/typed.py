"""A dataset with columns of every type, values near the borders of what they accept, and good rows of all formats."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from app.domain.dataset import Column, ColumnType, Controls, Dataset

TYPED = Dataset(
    "typed",
    (
        Column("id", ColumnType.INTEGER, minimum=-(2**63), maximum=2**63 - 1),
        Column("small", ColumnType.INTEGER, minimum=0, maximum=255, nullable=True),
        Column("price", ColumnType.DECIMAL, precision=12, scale=2, default="0.50"),
        Column("ratio", ColumnType.DECIMAL, precision=30, scale=10, signed=True, nullable=True),
        Column("paid", ColumnType.BOOLEAN, nullable=True),
        Column("born", ColumnType.DATE, nullable=True),
        Column("seen", ColumnType.DATETIME, scale=6, nullable=True),
        Column("local", ColumnType.DATETIME, zone="Europe/Berlin", scale=3, nullable=True),
        Column("name", ColumnType.TEXT, length=40),
        Column("note", ColumnType.TEXT, length=2000, controls=Controls.LINES, empty=True, nullable=True),
        Column("raw", ColumnType.TEXT, length=100_000, controls=Controls.ANY, empty=True, nullable=True),
        Column("kind", ColumnType.ENUM, choices=("a", "b c", "ü"), default="a"),
        Column("email", ColumnType.EMAIL, length=60, nullable=True),
        Column("currency", ColumnType.CURRENCY, nullable=True),
    ),
    ("id",),
)
BERLIN = ZoneInfo("Europe/Berlin")

ODD = [
    "NULL",
    "\\N",
    "\\",
    '"',
    '""',
    "'",
    "a,b",
    "a\nb",
    "a\r\nb",
    "\r",
    "\n",
    "a\tb",
    "\0",
    "\x7f",
    "\x1a",
    " ",
    " x ",
]
ODD += [
    "😀",
    "é" * 40,
    "大阪市",
    "\ufeff",
    "\u2028",
    "\x85",
    "null",
    "None",
    "#",
    "=1+1",
    '","',
    '"\n"',
    "\\\\n",
    "\U0010ffff",
]
MISREAD = "\ufeff\ufffe\uffff"  # and the controls from U+0080 to U+009F
CLEAN = [text for text in ODD if not any(c < " " or "\x7f" <= c <= "\x9f" or c in MISREAD for c in text)]
LINED = [text for text in ODD if text in CLEAN or set(text) & set("\t\n\r")]


def _texts(length: int, odd: list[str], categories: tuple[str, ...], least: int = 1) -> st.SearchStrategy[str]:
    letters = st.characters(
        codec="utf-8", exclude_categories=categories, exclude_characters=MISREAD if "Cc" in categories else ""
    )
    return st.one_of(
        st.sampled_from([text for text in odd if len(text) <= length]),
        st.text(letters, min_size=least, max_size=min(length, 12)),
    )


def _unambiguous(moment: datetime) -> bool:
    there = moment.replace(tzinfo=BERLIN)
    same = there.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) == moment
    return same and there.utcoffset() == there.replace(fold=1).utcoffset()


_MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30))
_STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(0, 255),
    "price": st.decimals(0, 9_999_999_999, places=2),
    "ratio": st.decimals(-(10**19), 10**19, places=10),
    "paid": st.booleans(),
    "born": st.dates(date(1000, 1, 1), date(9999, 12, 31)),
    "seen": _MOMENTS,
    "local": _MOMENTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
    .filter(_unambiguous),
    "name": _texts(40, CLEAN, ("Cc", "Cs")),
    "note": _texts(2000, [*LINED, ""], ("Cc", "Cs"), 0),
    "raw": _texts(3000, [*ODD, ""], ("Cs",), 0),
    "kind": st.sampled_from(["a", "b c", "ü"]),
    "email": st.sampled_from(["a@b", "ü@ü.de", 'a"b@c.d', "a'b@c"]),
    "currency": st.sampled_from(["EUR", "USD", "JPY"]),
}  # fmt: skip

# Rows as Python has their values; None where there is none.
ROWS = st.fixed_dictionaries(
    {
        column.name: _STRATEGIES[column.name] if column.required else st.one_of(st.none(), _STRATEGIES[column.name])
        for column in TYPED.columns
    }
)


def text_of(value: Any) -> str | None:
    """The value as a text file has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(" ", "auto" if value.microsecond % 1000 or not value.microsecond else "milliseconds")
    return format(value, "f") if isinstance(value, Decimal) else None if value is None else str(value)


def loaded(row: dict[str, Any]) -> tuple[str | None, ...]:
    """What is sent to the server of a row."""
    texts = {name: text_of(value) for name, value in row.items()}
    texts |= {column.name: column.default for column in TYPED.columns if texts[column.name] is None}
    if row["paid"] is not None:
        texts["paid"] = str(int(row["paid"]))
    if row["local"] is not None:
        there = row["local"].replace(tzinfo=BERLIN).astimezone(UTC).replace(tzinfo=None, microsecond=0)
        texts["local"] = there.isoformat(" ") + (text_of(row["local"]) or "")[19 : 22 + 1]
    return tuple(texts[name] for name in TYPED.column_names)


def quoted(value: str | None) -> str:
    """A field of CSV: only None without quotes."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'
