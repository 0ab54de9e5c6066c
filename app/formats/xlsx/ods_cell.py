"""One cell of an OpenDocument spreadsheet: its value as a text, and what is special about it."""

import re

from app.formats.xlsx.cells import DAY, number_text
from app.formats.xlsx.rewriter import ERROR, REFUSED, SHOWN, UNCALCULATED

_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?)?")
_TIME = re.compile(r"PT([0-9]{1,6})H([0-9]{1,2})M([0-9]{1,2})(?:[.,]([0-9]+))?S")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ERROR = re.compile(r"#(?:DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!)|(?:Err|Fehler|Erreur|Error):[0-9]+")
_SPACES = re.compile("[ \t\r\n]+")
_LEADING_ZEROS = re.compile(r"-?0[0-9]")
_TEXT_SHOWN = 200
_NUMBERS = ("float", "percentage", "currency")


class Cell:
    """A cell while its elements are read, then its value."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes
        self._paragraphs: list[str] = []
        self._parts: list[str] = []
        self._depth = 0  # inside a paragraph

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return not (self._paragraphs or "office:value-type" in self._attributes or "table:formula" in self._attributes)

    @property
    def is_number(self) -> bool:
        """Whether it has a number."""
        return self._attributes.get("office:value-type") in _NUMBERS

    @property
    def is_percentage(self) -> bool:
        """Whether it has a number that is shown as a percentage."""
        return self._attributes.get("office:value-type") == "percentage"

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element in the cell begins."""
        if name == "p" and not self._depth:
            self._parts = []
            self._depth = 1
        elif self._depth:
            self._depth += 1
            if name == "s":
                count = attributes.get("text:c", "1")
                self._parts.append("\0" * min(int(count) if count.isdecimal() else 1, 32_767))
            elif name == "tab":
                self._parts.append("\1")
            elif name == "line-break":
                self._parts.append("\2")

    def end(self, name: str) -> None:
        """An element in the cell ends."""
        if self._depth:
            self._depth -= 1
            if not self._depth:
                # spaces count once, and at the beginning not at all; others have elements of their own
                text = _SPACES.sub(" ", "".join(self._parts)).removeprefix(" ")
                self._paragraphs.append(text.replace("\0", " ").replace("\1", "\t").replace("\2", "\n"))

    def add(self, text: str) -> None:
        """Text of the cell."""
        if self._depth:
            self._parts.append(text)

    def read(self) -> tuple[str, list[str] | None]:
        """The cell's text, and its kind and value as in `cells`, if it is special."""
        told = self._attributes
        shown = "\n".join(self._paragraphs)
        formula = told.get("table:formula")
        type = told.get("office:value-type")
        if told.get("calcext:value-type") == "error" or (formula is not None and _ERROR.fullmatch(shown)):
            return shown, [ERROR, shown or "#ERROR"]
        if formula is not None and type is None:
            return "=" + formula[:_TEXT_SHOWN], [UNCALCULATED, ""]
        if type is None or type == "string":
            return told.get("office:string-value", shown), None
        if type in _NUMBERS:
            return self._number(shown, may_be_code=type == "float")
        if type == "boolean" and told.get("office:boolean-value") in ("true", "false"):
            return told["office:boolean-value"], None
        if type == "date" and (found := _DATE.fullmatch(told.get("office:date-value", ""))):
            date, time, fraction = found.groups()
            fraction = (fraction or "").rstrip("0").removesuffix(".")
            if time in (None, "00:00:00") and not fraction:
                return date, [DAY, ""]
            return f"{date} {time}{fraction}", None
        if type == "time" and (found := _TIME.fullmatch(told.get("office:time-value", ""))):
            hours, minutes, seconds, fraction = found.groups()
            if int(hours) < 24 and int(minutes) < 60 and int(seconds) < 60:
                after = (fraction or "").rstrip("0")
                return f"{int(hours):02}:{int(minutes):02}:{int(seconds):02}{'.' * bool(after)}{after}", None
            return shown, [REFUSED, "the cell contains a duration, which is not supported; make it a text or a number"]
        return shown, [
            REFUSED,
            f"the cell contains a value of the type {type[:40]} that is not supported; make it a text",
        ]

    def _number(self, shown: str, *, may_be_code: bool) -> tuple[str, list[str] | None]:
        told = self._attributes.get("office:value", "")
        if not _NUMBER.fullmatch(told):
            return shown, [
                REFUSED,
                "the cell contains a number whose value is missing; open the file and save it again",
            ]
        text, special = number_text(float(told))
        before = re.match(r"[^0-9]*", shown)
        has_word = before is not None and before.end() < len(shown) and any(map(str.isalpha, before[0]))
        if special is None and may_be_code and (_LEADING_ZEROS.match(shown) or has_word):
            return text, [SHOWN, shown]
        return text, special
