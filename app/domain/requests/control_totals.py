"""Control totals: what a client knows of its file beforehand, compared with the accepted rows before the decision."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from statistics import median
from typing import Any

from app.domain.dataset import ColumnType, Dataset
from app.domain.errors import ImportFailed, InvalidContent

NAMES = ("control_totals", "min_rows", "max_rows", "like_last")
LAST = 10  # how many imports `like_last` looks at
MAX_CHARACTERS = 4000
ROWS = "rows"
EXAMPLE = '{"rows": 48211, "sum(quantity)": "99120"}'
DIGITS = 200  # sums are exact: a column has at most 65 digits, a file fewer than 10^12 rows
_SUM = re.compile(r"sum\((.{1,64})\)")
_NUMBER = re.compile(r"-?[0-9]{1,80}(?:\.[0-9]{1,40})?")
_COUNT = re.compile("[0-9]{1,12}")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,4})?%")


@dataclass(frozen=True)
class ControlTotals:
    """What must hold for an import's accepted rows: those that were inserted, updated or skipped.

    Attributes:
        totals: pairs of `rows` or `sum(column)` and the number that it must be, as a text.
        min_rows, max_rows: the least and the most rows.
        like_last: how far their number may be from the median of the dataset's last committed imports: "30%".
    """

    totals: tuple[tuple[str, str], ...] = ()
    min_rows: int | None = None
    max_rows: int | None = None
    like_last: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that are summed."""
        return [found[1] for name, _ in self.totals if (found := _SUM.fullmatch(name))]

    def as_json(self) -> dict[str, Any]:
        """The parts that were given, for `control_totals_from_json`; also what the API shows."""
        given = {"min_rows": self.min_rows, "max_rows": self.max_rows, "like_last": self.like_last}
        known = {name: value for name, value in given.items() if value is not None}
        return {"control_totals": dict(self.totals), **known} if self.totals else known

    def check_columns(self, dataset: Dataset) -> None:
        """Raises `InvalidContent` for a sum of anything but a number's column of the dataset."""
        numbers = [each.name for each in dataset.columns if each.type in (ColumnType.INTEGER, ColumnType.DECIMAL)]
        for column in self.columns:
            if column not in numbers:
                known = f"there is {', '.join(numbers)}" if numbers else "it has none"
                reason = f"control_totals: {dataset.name} has no column of numbers {column[:64]!r}; {known}"
                raise _refused("control_totals", reason)

    def check(self, rows: int, sums: Mapping[str, Decimal], last: Sequence[int]) -> None:
        """Compare with the accepted rows, the sums of `columns`, and the rows of the dataset's last imports. Raises
        `ImportFailed`, which names each total that differs, as it is and as it must be."""
        differences: list[tuple[str, str]] = []
        for name, expected in self.totals:
            found = Decimal(rows) if name == ROWS else sums[name[4:-1]]
            if found != Decimal(expected):
                differences.append(("control_totals", f"{name} is {found:f}, not {expected}"))
        if self.min_rows is not None and rows < self.min_rows:
            differences.append(("min_rows", f"rows is {rows}, less than min_rows={self.min_rows}"))
        if self.max_rows is not None and rows > self.max_rows:
            differences.append(("max_rows", f"rows is {rows}, more than max_rows={self.max_rows}"))
        if self.like_last is not None and last and not _is_like(rows, last, self.like_last):
            usual = (
                f"the last {len(last)} imports had {_usual(last):f}" if last[1:] else f"the last import had {last[0]}"
            )
            differences.append(("like_last", f"rows is {rows}, but {usual}: that is beyond like_last={self.like_last}"))
        if differences:
            said = "; ".join(reason for _, reason in differences)
            raise ImportFailed(
                differences[0][0],
                f"{said}: is it the right file, and is it whole? If it is, correct the totals or leave them out",
            )


NO_CONTROL_TOTALS = ControlTotals()


def _is_like(rows: int, last: Sequence[int], share: str) -> bool:
    return abs(rows - _usual(last)) * 100 <= Decimal(share[:-1]) * _usual(last)


def _usual(last: Sequence[int]) -> Decimal:
    return Decimal(str(median(last)))  # whole, or a half


def add_exactly(numbers: Sequence[str], to: Decimal) -> Decimal:
    """The sum of numbers, each written as in a payload, and another one; no digit is lost."""
    with localcontext(prec=DIGITS):
        return sum(map(Decimal, numbers), to)


def control_totals_from_json(kept: Mapping[str, Any]) -> ControlTotals:
    """The control totals that `as_json` returned this for."""
    totals = tuple(kept.get("control_totals", {}).items())
    return ControlTotals(totals, kept.get("min_rows"), kept.get("max_rows"), kept.get("like_last"))


def parse_control_totals(given: Mapping[str, str]) -> ControlTotals:
    """Parse those options of a query or a form. Raises `InvalidContent`, which names the field."""
    totals = _parse_totals(given["control_totals"]) if "control_totals" in given else ()
    least, most = (_parse_count(name, given.get(name)) for name in ("min_rows", "max_rows"))
    if least is not None and most is not None and least > most:
        raise _refused("max_rows", f"max_rows={most} is less than min_rows={least}")
    like = given.get("like_last")
    if like is not None and not _PERCENT.fullmatch(like):
        raise _refused(
            "like_last", "like_last must be a share such as 30%: how far the rows may be from the usual number"
        )
    return ControlTotals(totals, least, most, like)


def _parse_totals(text: str) -> tuple[tuple[str, str], ...]:
    """Numbers stay as they are written: as a float, a large one would be another."""
    wrong = _refused("control_totals", f"control_totals must be a JSON object such as {EXAMPLE}")
    if len(text) > MAX_CHARACTERS:
        raise wrong
    try:
        pairs = json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(pairs, _Pairs) or not pairs or any(isinstance(value, list) for _, value in pairs):
        raise wrong
    for name, value in pairs:
        if name != ROWS and not _SUM.fullmatch(name):
            reason = f"control_totals has {name[:80]!r}; it may have rows, and sums such as sum(quantity)"
            raise _refused("control_totals", reason)
        if not isinstance(value, str) or not _NUMBER.fullmatch(value):
            raise _refused("control_totals", f"control_totals: {name[:80]} must be a number such as 99120 or 1250.50")
        if name == ROWS and not _COUNT.fullmatch(value):
            raise _refused("control_totals", "control_totals: rows must be a whole number such as 48211")
    if len(dict(pairs)) < len(pairs):
        raise _refused("control_totals", "control_totals names a total twice")
    return tuple(pairs)


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object."""


def _parse_count(name: str, text: str | None) -> int | None:
    if text is not None and not _COUNT.fullmatch(text):
        raise _refused(name, f"{name} must be a whole number such as 1000")
    return None if text is None else int(text)


def _refused(field: str, reason: str) -> InvalidContent:
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
