"""Suggests the encoding of bytes that are no UTF-8. Only for messages: an encoding is never chosen by it."""

import re
from itertools import pairwise

_LATIN = ("cp1252", "mac_roman", "cp850")
_OTHER = ("cp1251", "shift_jis", "gb18030")
_NAMES = {"cp1252": "windows-1252", "mac_roman": "macintosh", "cp1251": "windows-1251"}
_COMMON = frozenset("äöüßéèêëàâáãçñíóôõúùøåæœ€’‘“”„–…«»°")
_ANY_CASE = _COMMON | {letter.upper() for letter in _COMMON if len(letter.upper()) == 1}
_WITHIN_WORD = re.compile(r"(?<=[A-Za-z])[^\w\x00-\x7f’](?=[a-z])")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")  # any two bytes of another encoding
_MAX_BYTES = 400


def guess_encoding(data: bytes) -> tuple[str, str] | None:
    """The name of the encoding that the bytes look most like, and their text in it; None if no text is likely."""
    data = data[:_MAX_BYTES]
    found = [
        (score, name, text)
        for name in (*_LATIN, *_OTHER)
        if (text := _decode(data, name)) and (score := _score(text, name)) > 0
    ]
    if not found:
        return None
    _, name, text = max(found, key=lambda each: each[0])
    return _NAMES.get(name, name), text


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
        letters = sum(each.isalpha() and not _HALF_WIDTH.match(each) for each in foreign)
        runs = sum(not one.isascii() and not other.isascii() for one, other in pairwise(text))
        if any(one.islower() and other.isupper() and not one.isascii() for one, other in pairwise(text)):
            return 0.0  # no word has a capital after a small letter
        likely = 0.5 if text.isupper() else 1.0
        return likely * letters / len(foreign) if 2 * runs >= len(foreign) else 0.0
    score = sum(
        (1.0 if each in _COMMON else 0.9 if each in _ANY_CASE else 0.4 if each.isalpha() else 0.2) for each in foreign
    )
    score -= sum(not one.isascii() and not other.isascii() for one, other in pairwise(text))
    score -= len(_WITHIN_WORD.findall(text))
    score -= sum(one.islower() and other.isupper() and not other.isascii() for one, other in pairwise(text))
    return score / len(foreign)
