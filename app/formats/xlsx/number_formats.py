"""Number formats of a workbook that show more than a number's digits, such as 00501 for 501.

Only formats count whose zeros or letters before the number look like a part of it: article numbers, ZIP codes, phone
numbers. `0.00`, `#,##0`, `0%` and currencies don't count.
"""

import re
import zipfile
from decimal import Decimal
from xml.parsers import expat

STYLES = "xl/styles.xml"
_MAX_BYTES = 16 * 1024**2
PERCENT = "percent"
_BUILT_IN_PERCENTAGES = {"9": "0%", "10": "0.00%"}
_SECTION = re.compile(r'((?:[^;"\\\[]|"[^"]*"|\\.|\[[^\]]*\])*)')
_GENERAL = re.compile("General", re.IGNORECASE)
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_.|\[[^\]]*\]|(.)', re.DOTALL)
_BARE = frozenset("$-+/():!^&'~{}<>= ")  # shown literally without quotes
_MOMENT = frozenset("ymdhsYMDHSbBeEgG")  # letters of dates and times


class Formatted(str):
    """A number's digits, if its cell shows another text that is too complex to compute here."""


def formats_of(path: str, *, percentages: bool = False) -> dict[str, str]:
    """The formats that count, by a cell's style number; `PERCENT` for one that shows percentages, if these are wanted.
    Raises ExpatError or ValueError for damaged styles."""
    with zipfile.ZipFile(path) as archive:
        if STYLES not in archive.namelist():
            return {}
        with archive.open(STYLES) as file:
            data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError("its styles are too large")
    codes: dict[str, str] = {}
    styles: list[str] = []
    within: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif local == "xf" and within[-1:] == ["cellXfs"]:
            styles.append(attributes.get("numFmtId", ""))
        within.append(local)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: within.pop()
    parser.Parse(data, True)
    counting = {id: code for id, code in codes.items() if keeps_prefix(code)}
    if percentages:
        codes = _BUILT_IN_PERCENTAGES | codes
        counting |= {id: PERCENT for id, code in codes.items() if is_percentage(code)}
    return {str(at): counting[id] for at, id in enumerate(styles) if id in counting}


def is_percentage(code: str) -> bool:
    """Whether the format shows 0.19 as 19%."""
    return ("%", True) in _tokens(_sections(code)[0])


def keeps_prefix(code: str) -> bool:
    """Whether the format shows something before a number's digits that may belong to it."""
    tokens = _tokens(_sections(code)[0])
    if any(mark and text in _MOMENT for text, mark in tokens):
        return False
    whole = tokens[: next((at for at, token in enumerate(tokens) if token == (".", True)), len(tokens))]
    zeros = [at for at, token in enumerate(whole) if token == ("0", True)]
    digits = [at for at, (text, mark) in enumerate(whole) if mark and text in "0#?"]
    before = "".join(text for text, mark in whole[: digits[0]] if not mark) if digits else ""
    between = any(char.isdigit() for text, mark in whole if not mark for char in text)
    return len(zeros) > 1 or between or any(char.isalpha() for char in before)


def show(number: float, code: str) -> str | None:
    """The number as the format shows it; None if that is too complex."""
    sections = _sections(code)
    tokens = _tokens(sections[0])
    if len(sections) > 1 or number != number // 1 or abs(number) >= 2**53:
        return None
    places = sum(mark for _, mark in tokens)
    if any(mark and text != "0" for text, mark in tokens) or (number < 0 and places < len(tokens)):
        return None
    digits = str(abs(int(number))).zfill(places)
    first, rest = digits[: len(digits) - places + 1], iter(digits[len(digits) - places + 1 :])
    shown = []
    for text, mark in tokens:
        if mark:
            shown.append(first or next(rest))
            first = ""
        else:
            shown.append(text)
    return "-" * (number < 0) + "".join(shown)


def plain(number: float) -> str:
    """The number as a sheet stores it, with at most 15 digits."""
    return format(Decimal(format(number, ".15g")), "f") if number != number // 1 else str(int(number))


def _sections(code: str) -> list[str]:
    code = _GENERAL.sub("0", code)
    sections, at = [], 0
    while True:
        found = _SECTION.match(code, at)
        assert found is not None
        sections.append(found[1])
        if found.end() >= len(code) or code[found.end()] != ";":
            return sections
        at = found.end() + 1


def _tokens(section: str) -> list[tuple[str, bool]]:
    """The section's literal texts (False) and its placeholders (True), without colours, conditions and blanks."""
    tokens: list[tuple[str, bool]] = []
    for found in _TOKEN.finditer(section):
        quoted, escaped, mark = found.groups()
        if found[0].startswith("[") and not found[0].startswith("[$-"):
            tokens.append(("[", True))  # a colour, a condition or a currency
        elif quoted or escaped:
            tokens.append((quoted or escaped, False))
        elif mark:
            tokens.append((mark, mark not in _BARE))
        elif found[0].startswith("_"):
            tokens.append((" ", True))
    return tokens
