"""Dates and times in every spelling that the documents name: a writer, and what a local time stands for in UTC.

Neither shares anything with the code that is tested.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"]
MONTHS += ["November", "December"]
ZONES = {"CET": "+01:00", "EST": "-05:00", "IST": "+05:30", "NST": "-03:30"}
PLACES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]
_DAYS = ["Y m d", "d m Y", "m d Y", "d b Y", "b d Y", "B d Y", "d B Y", "d m y", "m d y", "y b d", "Y j", "j y"]
_TIMES = ["", "", "H", "H M", "H M S", "H M S f", "H M S f", "I p", "I M p", "I M S p", "p I M", "I M S f p", "S M H"]
_NUMBERS: dict[str, Callable[[datetime], tuple[int, int]]] = {  # and how many digits they have
    "Y": lambda at: (at.year, 4),
    "y": lambda at: (at.year % 100, 2),
    "m": lambda at: (at.month, 2),
    "d": lambda at: (at.day, 2),
    "j": lambda at: ((at.date() - at.date().replace(month=1, day=1)).days + 1, 3),
    "H": lambda at: (at.hour, 2),
    "I": lambda at: ((at.hour + 11) % 12 + 1, 2),
    "M": lambda at: (at.minute, 2),
    "S": lambda at: (at.second, 2),
}


@st.composite
def date_formats(draw: st.DrawFn, *, times: bool) -> list[tuple[str, str]]:
    """A format: pairs of a directive and the literal text after it."""
    letters = draw(st.sampled_from(_DAYS)).split()
    if times:
        clock = draw(st.sampled_from(_TIMES)).split() + draw(st.sampled_from([[], ["z"], ["Z"]]))
        letters = letters + clock if draw(st.integers(0, 3)) else clock + letters
    marks = st.sampled_from(["", "-", "/", ".", ":", ", ", " ", " ", "%%", "_", "|"])
    return [(letter, draw(marks)) for letter in letters]


def format_of(parts: Sequence[tuple[str, str]]) -> str:
    return "".join(f"%{letter}{mark}" for letter, mark in parts)


@st.composite
def written(draw: st.DrawFn, parts: Sequence[tuple[str, str]], moment: datetime, offset: int, zone: str) -> str:
    """The moment in the format. `offset` is in minutes; `zone` an abbreviation."""
    text = ""
    for at, (letter, mark) in enumerate(parts):
        if letter in _NUMBERS:
            number, digits = _NUMBERS[letter](moment)
            stands_alone = (at == 0 or parts[at - 1][1] or parts[at - 1][0] in "bBpZ") and (
                mark or at + 1 == len(parts) or parts[at + 1][0] in "bBpzZ"
            )
            short = stands_alone and letter not in "Yy" and draw(st.booleans())
            text += str(number) if short else str(number).rjust(digits, "0")
        elif letter in "bBpZ":
            name = {"p": "PM" if moment.hour >= 12 else "AM", "Z": zone}.get(letter, MONTHS[moment.month - 1])
            text += draw(any_case(name[:3] if letter == "b" else name))
        elif letter == "f":
            digits = f"{moment.microsecond:06}".rstrip("0") or "0"
            text += digits + "0" * draw(st.integers(0, 8))
        else:
            text += draw(offset_text(offset))
        text += mark.replace("%%", "%")
    return text


def any_case(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), name.lower()])


@st.composite
def offset_text(draw: st.DrawFn, offset: int, *, hours: bool = False) -> str:
    """An offset of so many minutes, with or without its colon; of hours alone if they are allowed to be."""
    size = abs(offset)
    if not offset and draw(st.booleans()):
        return "Z"
    colon = draw(st.sampled_from([":", ""]))
    sign = "-" if offset < 0 else "+"
    if hours and not size % 60 and draw(st.booleans()):
        return f"{sign}{size // 60:02}"
    return f"{sign}{size // 60:02}{colon}{size % 60:02}"


def shown(parts: Sequence[tuple[str, str]], moment: datetime) -> datetime:
    """The moment without what the format leaves out."""
    letters = {letter for letter, _ in parts}
    return moment.replace(
        hour=moment.hour if letters & {"H", "I"} else 0,
        minute=moment.minute if "M" in letters else 0,
        second=moment.second if "S" in letters else 0,
        microsecond=moment.microsecond if "f" in letters else 0,
    )


def stored(moment: datetime) -> str:
    """As the server gets it, without zeros at the end."""
    text = "-".join((str(moment.year), f"{moment.month:02}", f"{moment.day:02}"))
    text += f" {moment.hour:02}:{moment.minute:02}:{moment.second:02}.{moment.microsecond:06}"
    return text.rstrip("0").rstrip(".") if moment.microsecond else text[:19]


def from_local(moment: datetime, place: str) -> str:
    """What is stored of a local time, or the code of its refusal: by all moments at which clocks there show it."""
    zone = ZoneInfo(place)
    around = [(moment.replace(tzinfo=UTC) + timedelta(hours=hours)) for hours in range(-48, 49, 4)]
    offsets = {each.astimezone(zone).utcoffset() or timedelta() for each in around}
    possible = {moment.replace(tzinfo=UTC) - offset for offset in offsets}
    found = [each for each in possible if each.astimezone(zone).replace(tzinfo=None) == moment]
    if len(found) == 1:
        return stored(found[0])
    return "!ambiguous_time" if found else "!nonexistent_time"


def clock_changes(place: str, year: int) -> list[datetime]:
    """The local times near which clocks change in a year, to the hour."""
    zone, begin = ZoneInfo(place), datetime(year, 1, 1, tzinfo=UTC)
    hours = [(begin + timedelta(hours=each)).astimezone(zone) for each in range(0, 366 * 24)]
    changes = [before for before, after in pairwise(hours) if before.utcoffset() != after.utcoffset()]
    return [change.replace(tzinfo=None) for change in changes]


EPOCHS = {"1900": datetime(1899, 12, 31), "1904": datetime(1904, 1, 1)}


def serial_days(moment: datetime, system: str) -> tuple[int, Fraction]:
    """A spreadsheet's number of a day, and the share of the day that has passed. In 1900 there is one day too many."""
    days = (moment - EPOCHS[system]).days
    days += system == "1900" and moment >= datetime(1900, 3, 1)
    milliseconds = (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)) // timedelta(milliseconds=1)
    return days, Fraction(milliseconds, 86_400_000)
