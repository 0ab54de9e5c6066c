"""Suggests the encoding of bytes that are no UTF-8. Only for messages: an encoding is never chosen by it."""

import re
from itertools import pairwise

_LATIN = ("cp1252", "cp1250", "iso8859_15", "mac_roman", "cp850")
_OTHER = ("cp1251", "shift_jis", "cp932", "euc_jp", "euc_kr", "gb18030", "big5")
_NAMES = {
    "cp1252": "windows-1252",
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    "iso8859_15": "iso-8859-15",
    "mac_roman": "macintosh",
    "euc_jp": "euc-jp",
    "euc_kr": "euc-kr",
}
_CENTRAL = frozenset("ąćęłńóśźżáčďéěíňřšťúůýžäôĺľŕöőüűăâîșțşţđß")  # letters of the languages that are written in cp1250
_KANA = re.compile("[\u3041-\u30fa]")
_MIXED = re.compile("[a-zA-Z][\u0400-\u04ff]|[\u0400-\u04ff][a-zA-Z]")
_COMMON = frozenset("äöüßéèêëàâáãçñíóôõúùøåæœ")
_SIGNS = frozenset("€’‘“”„–…«»°")
_WITHIN_WORD = re.compile(r"(?<=[A-Za-z])[^\w\x00-\x7f’](?=[a-z])")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")  # any two bytes of another encoding
_MAX_BYTES = 4000


def guess_encodings(data: bytes) -> list[str]:
    """The encodings that the bytes look most like, the likeliest first: several if these bytes don't show which one it
    is, none if no text is likely. The more bytes there are of a file, the better."""
    data = data[:_MAX_BYTES]
    found = [
        (round(score, 3), name)
        for name in (*_LATIN, *_OTHER)
        if (text := _decode(data, name)) and (score := _score(text, name)) > 0
    ]
    best = [name for score, name in found if score == max(found)[0]]
    if "shift_jis" in best:
        best.remove("cp932")  # which has all of its characters, and more
    return [_NAMES.get(name, name) for name in best]


def guess_utf16(data: bytes) -> str | None:
    """utf-16-le or utf-16-be if the beginning of a file without a byte order mark is a text in it."""
    whole = data[: len(data) // 2 * 2][:_MAX_BYTES]
    for name in ("utf-16-le", "utf-16-be"):
        text = _decode(whole, name)
        if text and all(each.isprintable() or each in "\t\r\n" for each in text) and "\n" in text:
            return name
    return None


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return ""


def _score(text: str, name: str) -> float:
    """How likely a text is, by those of its characters that are not ASCII."""
    foreign = [each for each in text if not each.isascii()]
    if any("\x80" <= each <= "\x9f" or not (each.isprintable() or each in "\u00a0\u3000") for each in foreign):
        return -1.0
    if name in _OTHER:  # hardly ever a single letter, as in `Zoë`
        letters = sum((each.isalpha() or each.isnumeric()) and not _HALF_WIDTH.match(each) for each in foreign)
        runs = sum(not one.isascii() and not other.isascii() for one, other in pairwise(text))
        if any(one.islower() and other.isupper() and not one.isascii() for one, other in pairwise(text)):
            return 0.0  # no word has a capital after a small letter
        likely = 0.5 if text.isupper() else 1.0
        if name == "euc_kr":  # other bytes are syllables and Chinese characters there
            likely = 1.1 if all("\uac00" <= each <= "\ud7a3" for each in foreign) else 0.6
        elif len(_KANA.findall(text)) * 3 >= len(foreign):
            likely = 1.1
        elif name == "cp1251" and _MIXED.search(text):
            return 0.0  # no word has letters of both scripts
        elif name == "cp1251" and not text.isupper():
            likely = 1.05
        return likely * letters / len(foreign) if 2 * runs >= len(foreign) else 0.0
    common = _CENTRAL if name == "cp1250" else _COMMON
    score = sum(
        (1.0 if each in common or each in _SIGNS else 0.9 if each.lower() in common else 0.4 if each.isalpha() else 0.2)
        for each in foreign
    )
    score -= sum(not one.isascii() and not other.isascii() for one, other in pairwise(text))
    score -= len(_WITHIN_WORD.findall(text))
    score -= sum(one.islower() and other.isupper() and not other.isascii() for one, other in pairwise(text))
    return score / len(foreign)
