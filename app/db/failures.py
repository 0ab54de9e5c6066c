"""Failures: what an error of the database means for the caller.

Only what another try may bring about is `DatabaseUnavailable`. A text that the server can't take is the caller's fault,
and an unknown error stays as it is: a person has to look.
"""

import json
import re
from typing import Any

from pymysql.err import InterfaceError

from app.domain.errors import DatabaseUnavailable, InvalidContent, Refused

_UNREACHABLE = range(2000, 2100)  # the client's own: refused, hung up, no reply in time
_NOT_NOW = frozenset(
    {
        # it starts, ends, has no room for a connection, or does not let us in
        *(1040, 1041, 1042, 1043, 1044, 1045, 1049, 1053, 1077, 1078, 1079, 1080, 1081, 1129, 1130, 1135, 1152),
        *(1158, 1159, 1160, 1161, 1184, 1203, 1226, 1251, 1524, 1698, 1820, 1862, 1873, 3118, 3159, 3168, 3955, 4151),
        # it ended the connection or the statement
        *(1317, 1927, 1969, 3024, 4031),
        # others hold what is needed, or it changed meanwhile
        *(1020, 1192, 1205, 1206, 1213, 1223, 1412, 1615, 1637, 1689, 3058, 3101, 3572),
        # its disk, its memory, its files; it may only be read
        *(1003, 1004, 1005, 1016, 1021, 1024, 1026, 1028, 1030, 1034, 1035, 1036, 1037, 1038, 1114, 1180, 1181, 1194),
        *(1195, 1290, 1792, 1815, 1836, 3100),
        # a right or a column is missing: the installation is not complete
        *(1054, 1142, 1143, 1227, 1370),
        # XA
        *(1397, 1398, 1399, 1400, 1401, 1402, 1440, 1613, 1614),
    }
)
# a text that a column's character set, or any, lacks: to compare with, or to keep
_NO_TEXT = frozenset({1267, 1270, 1271, 1300, 3854, 3988})
_HALVES = re.compile("[\ud800-\udfff]")


def translate(error: BaseException | None) -> Refused | None:
    """The error of ours that an error of PyMySQL stands for; None for one that is not known."""
    code = error.args[0] if error is not None and error.args else None
    if isinstance(error, UnicodeEncodeError):
        return InvalidContent("a text has half a character (a surrogate): it can be neither kept nor compared")
    if not isinstance(code, int) or isinstance(error, InterfaceError) or code in _UNREACHABLE or code in _NOT_NOW:
        return DatabaseUnavailable(f"the database does not answer: {sentence(error)}")
    if code in _NO_TEXT:
        return InvalidContent(f"a text has characters that the database can't take here: {sentence(error)}")
    return None


def sentence(error: BaseException | None) -> str:
    """What the server said."""
    return str(error.args[-1]) if error is not None and error.args else "no reason given"


def write_json(value: Any) -> str:
    """JSON for a column: MySQL takes none with half a character, so that is replaced.

    What a client sends is refused long before; this is for texts that tell of a file, and must be kept in any case.
    """
    text = json.dumps(value)
    if "\\ud" not in text:
        return text
    return json.dumps(json.loads(_HALVES.sub("\N{REPLACEMENT CHARACTER}", json.dumps(value, ensure_ascii=False))))
