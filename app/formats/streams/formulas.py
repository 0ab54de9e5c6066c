"""Digits that a CSV file has as a formula, `="00123"`: programs write them so that spreadsheets keep their zeros."""

import re
from collections.abc import Sequence

LONGEST_FORMULA = 100  # bytes, more than one has
MAX_DELIMITER_BYTES = 32
_FORMULA = re.compile(b'="(?:([0-9]{1,40})"|"([0-9]{1,40})"")')


def texts_for_formulas(data: bytes, delimiters: Sequence[bytes]) -> bytes:
    """The text with the digits in quotes, "00123", for each field that is `="00123"` as a whole, bare or in quotes.

    Everything else that begins with = stays as it is. Inside a field that is quoted soundly none of this is found:
    there each quote stands twice, and a delimiter before a lone one ends the field.
    """
    begins = (*delimiters, b"\n", b"\r")

    def replace(found: re.Match[bytes]) -> bytes:
        start, end = found.span()
        bare, quoted = found.groups()
        if quoted is not None:
            if data[start - 1 : start] != b'"' or data[end : end + 1] != b'"':
                return found[0]
            start, end = start - 1, end + 1
        begun = start == 0 or data[max(0, start - MAX_DELIMITER_BYTES) : start].endswith(begins)
        ended = end == len(data) or data[end : end + MAX_DELIMITER_BYTES].startswith(begins)
        if not (begun and ended):
            return found[0]
        return quoted if bare is None else b'"' + bare + b'"'

    return _FORMULA.sub(replace, data)
