"""Exports: the forms in which rows leave, and what holds their parts together."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ETAG = re.compile('"([0-9]{1,10})-([0-9a-f]{1,16})((?:-[0-9]{1,10}){0,100})"')


class ExportForm(StrEnum):
    """How the rows of an export are written."""

    CSV = "csv"
    NDJSON = "ndjson"
    SPREADSHEET = "spreadsheet"  # CSV for people: no text is a formula
    PARQUET = "parquet"


# what makes a spreadsheet calculate the text that begins with it, also in its wide form
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Version:
    """Which imports are in an export whose first part was read `at` an instant of the database's clock: those up to the
    number `newest` that had committed then, so none of those that were `committing`."""

    newest: int
    at: datetime
    committing: tuple[int, ...] = ()

    @property
    def etag(self) -> str:
        """It as an entity tag (RFC 9110, section 8.8.3)."""
        microseconds = (self.at.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
        return f'"{"-".join([str(self.newest), f"{microseconds:x}", *map(str, self.committing)])}"'


def parse_etag(etag: str) -> Version | None:
    """The version that an entity tag names; None for a tag that is none of ours."""
    found = _ETAG.fullmatch(etag.strip())
    if found is None:
        return None
    try:
        at = _EPOCH + timedelta(microseconds=int(found[2], 16))
    except OverflowError:
        return None
    return Version(int(found[1]), at.replace(tzinfo=None), tuple(map(int, found[3].split("-")[1:])))


@dataclass(frozen=True)
class Part:
    """Some rows of an export: at most `limit`, behind the one with these values of the selection's order. Of a
    `version`, only rows of imports that are in it."""

    limit: int
    after: tuple[object, ...] | None = None
    version: Version | None = None
