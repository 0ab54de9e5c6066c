"""How columns take other spellings of numbers and dates."""

from decimal import Decimal

import polars as pl
from hypothesis import HealthCheck, settings

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.validate.columns import BadValue, validator_for
from app.formats.validate.vectorized_columns import validate_columns

PROPERTY = settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
MONEY = Column("c", ColumnType.DECIMAL, precision=20, scale=4, signed=True)
WHOLE = Column("c", ColumnType.INTEGER, minimum=-(10**15), maximum=10**15)
AT = Column("c", ColumnType.DATETIME)
DAY = Column("c", ColumnType.DATE)


def verdict(column: Column, text: str) -> str | None:
    try:
        found = validator_for(column)(text)
    except BadValue as bad:
        found = f"!{bad.code}"
    return found


def vectorized(column: Column, text: str) -> str | None:
    """What the vectorized check sends; None if it leaves the value to the validator."""
    frame = pl.DataFrame({"c": [text]})
    plain, accepted = validate_columns(frame, Dataset("d", (column,), ()), controls=True)
    return plain.item() if accepted.item() else None


def loads_as(column: Column, text: str) -> Decimal:
    """The number that is sent, in its plain spelling, the same on both ways."""
    found = validator_for(column)(text)
    assert found is not None
    assert vectorized(column, text) in (None, found)
    assert found == format(Decimal(found), "f") and not found.startswith(("+", "-0.0000"))
    return Decimal(found)
