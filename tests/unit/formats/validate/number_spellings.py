"""Numbers in every spelling that the documents name: a writer, and a reader of what a text can mean at most.

Neither shares anything with the code that is tested.
"""

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

BLANKS, MINUSES, APOSTROPHES = " \u00a0\u202f", "-\u2212", "'\u2019"
MONEY = ("$", "€", "£", "¥", "₹", "EUR", "USD", "CHF")
MARKS = [("." if mark == "," else ",", mark) for mark in ".,"] + [(mark, "") for mark in ".,"]
MARKS += [(mark, group) for mark in ".," for group in ("'", "\u2019", "_", " ", "\u00a0", "\u202f")]
NEGATIVE = [[], ["trailing_minus"], ["parentheses"], ["parentheses", "trailing_minus"]]


@st.composite
def formats(draw: st.DrawFn) -> dict[str, Any]:
    """The options of a column of numbers; in a third of the cases the plain way."""
    if draw(st.integers(0, 2)) == 0:
        return {"decimal_mark": ".", "grouping_mark": "none", "currency": False, "percent": False, "negative": []}
    decimal_mark, grouping_mark = draw(st.sampled_from(MARKS))
    return {
        "decimal_mark": decimal_mark,
        "grouping_mark": grouping_mark or "none",
        "currency": draw(st.sampled_from([False, True, "kr", "Rs.", "CHF"])),
        "percent": draw(st.sampled_from([False, False, True, "fraction"])),
        "negative": draw(st.sampled_from(NEGATIVE)),
    }


def alike(mark: str) -> str:
    """The characters that count as this mark."""
    return next((kind for kind in (BLANKS, APOSTROPHES) if mark in kind), mark)


def grouped(digits: str, mark: str, *, indian: bool) -> str:
    """The digits in groups of three; in India the groups before the last have two."""
    rest, groups = digits[:-3], [digits[-3:]]
    while rest:
        size = 2 if indian else 3
        rest, groups = rest[:-size], [rest[-size:], *groups]
    return mark.join(groups)


def digits_of(units: int, scale: int) -> tuple[str, str]:
    """The digits before and after the point of a number that is counted in units of its last digit."""
    digits = str(abs(units)).rjust(scale + 1, "0")
    return digits[: len(digits) - scale], digits[len(digits) - scale :]


@st.composite
def spelled(draw: st.DrawFn, units: int, scale: int, said: dict[str, Any]) -> str:
    """A spelling of the number in a format."""
    percent = said["percent"] and draw(st.booleans())
    if percent and said["percent"] == "fraction":
        units, scale = (units, scale - 2) if scale >= 2 else (units * 10 ** (2 - scale), 0)
    whole, fraction = digits_of(units, scale)
    mark, group = said["decimal_mark"], said["grouping_mark"].replace("none", "")
    kind = draw(st.sampled_from(["plain", "plain", "short", "zeros", "exponent", "grouped", "grouped", "indian"]))
    if kind in ("short", "exponent"):
        fraction = fraction.rstrip("0")
    elif kind == "zeros":
        fraction += "0" * draw(st.integers(1, 12))
    exponent = ""
    if kind == "exponent" and not percent:
        whole, fraction, exponent = draw(_shifted(whole, fraction))
    elif kind in ("grouped", "indian") and group:
        whole = grouped(whole, draw(st.sampled_from(alike(group))), indian=kind == "indian")
    if whole == "0" and fraction and draw(st.booleans()):
        whole = ""
    trailing = units < 0 and "trailing_minus" in said["negative"] and draw(st.booleans())
    point = mark if fraction or (draw(st.booleans()) and not trailing) else ""
    return draw(_dressed(f"{whole}{point}{fraction}{exponent}", units < 0, bool(percent), trailing, said))


@st.composite
def _shifted(draw: st.DrawFn, whole: str, fraction: str) -> tuple[str, str, str]:
    """The same number with an exponent."""
    shift = draw(st.integers(-12, 12))
    if shift < 0:
        fraction = fraction.ljust(-shift, "0")
        whole, fraction = whole + fraction[:-shift], fraction[-shift:]
    else:
        padded = whole.rjust(shift + 1, "0")
        whole, fraction = padded[: len(padded) - shift], padded[len(padded) - shift :] + fraction
    size = str(abs(shift)).rjust(draw(st.integers(1, 2)), "0")
    sign = "-" if shift < 0 else draw(st.sampled_from(["", "+"]))
    is_short = sign == "+" and len(size) > 1  # with a capital E it could lack digits
    return whole.lstrip("0") or "0", fraction, ("e" if is_short else draw(st.sampled_from("eE"))) + sign + size


@st.composite
def _dressed(draw: st.DrawFn, text: str, negative: bool, percent: bool, trailing: bool, said: dict[str, Any]) -> str:
    """The digits with their signs."""
    brackets = negative and not trailing and "parentheses" in said["negative"] and draw(st.booleans())
    sign = "" if trailing or brackets else draw(st.sampled_from(MINUSES if negative else ["", "", "+"]))
    inside = draw(st.booleans())  # the sign stands beside the digits, not beside the currency
    text = f"({text})" if brackets and inside else sign + text if inside else text
    blank = st.sampled_from(["", "", *BLANKS])
    text += f"{draw(blank)}%" if percent else ""
    if said["currency"] and draw(st.booleans()):
        money = draw(st.sampled_from(MONEY)) if said["currency"] is True else said["currency"]
        text = money + draw(blank) + text if draw(st.booleans()) else text + draw(blank) + money
    text = text if inside else f"({text})" if brackets else sign + text
    text += draw(st.sampled_from(MINUSES)) if trailing else ""
    return draw(blank) + text + draw(blank) if said["currency"] else text


def meaning(text: str, said: dict[str, Any]) -> Fraction | None:
    """The number that a text means if it means one at all, by the words of the documents.

    It is lenient in the order of the signs around the digits, and in nothing that could change the number.
    """
    mark, group = said["decimal_mark"], alike(said["grouping_mark"].replace("none", ""))
    money = MONEY if said["currency"] is True else (said["currency"],) if said["currency"] else ()
    rest, found = text.strip(BLANKS) if money else text, set()
    while True:
        before = rest
        for each in money:
            if "money" not in found and rest.startswith(each):
                rest, found = rest.removeprefix(each), found | {"money"}
                rest = rest[1:] if rest[:1] in (*BLANKS,) else rest
            elif "money" not in found and rest.endswith(each):
                rest, found = rest.removesuffix(each), found | {"money"}
                rest = rest[:-1] if rest[-1:] in (*BLANKS,) else rest
        if said["percent"] and "percent" not in found and rest.endswith("%"):
            rest, found = rest[:-1], found | {"percent"}
            rest = rest[:-1] if rest[-1:] in (*BLANKS,) else rest
        if not found & {"-", "+"}:
            if rest[:1] in (*MINUSES, "+"):
                rest, found = rest[1:], found | {"+" if rest[0] == "+" else "-"}
            elif rest[-1:] in (*MINUSES,) and "trailing_minus" in said["negative"]:
                rest, found = rest[:-1], found | {"-", "after"}
            elif rest[:1] + rest[-1:] == "()" and "parentheses" in said["negative"]:
                rest, found = rest[1:-1], found | {"-"}
        if rest == before:
            break
    digits, has_exponent, exponent = rest.replace("E", "e").partition("e")
    if has_exponent and (not _is_digits(exponent.lstrip("+-")[:5]) or len(exponent) - len(exponent.lstrip("+-")) > 1):
        return None
    if has_exponent and (set(digits) & set(group) or "percent" in found):
        return None
    if digits.endswith(mark) and "after" in found:
        return None  # `5,-` is a price
    whole, _, fraction = digits.partition(mark)
    if not _is_digits(whole + fraction, also=group) or not set(fraction) <= set("0123456789"):
        return None
    for each in group:
        whole = whole.replace(each, ",")
    sizes = [len(each) for each in whole.split(",")]
    if len(sizes) > 1 and not (
        sizes[-1] == 3 and sizes[0] >= 1 and any(sizes[0] <= size and set(sizes[1:-1]) <= {size} for size in (2, 3))
    ):
        return None
    whole = whole.replace(",", "")
    if whole.startswith("0") and len(whole) > 1:
        return None
    if rest[-4:-2] == "E+" and int(exponent) > len(fraction) and int(whole + fraction or "0"):
        return None  # a spreadsheet has left digits out
    if not int(whole + fraction):
        return Fraction(0)  # whatever its exponent: 10 to the power of a million takes minutes
    number = Fraction(int(whole + fraction), 10 ** len(fraction)) * Fraction(10) ** int(exponent or 0)
    number /= 100 if "percent" in found and said["percent"] == "fraction" else 1
    return -number if "-" in found else number


def _is_digits(text: str, also: str = "") -> bool:
    return any(each in "0123456789" for each in text) and set(text) <= {*"0123456789", *also}
