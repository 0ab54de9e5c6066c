"""Hints: the option that would let an invalid row in, as part of its reason. Only suggestions: the client decides."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from app.domain.dataset import Column, ColumnType, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import PARTS, FileFormat
from app.formats.advice.dates import date_advice
from app.formats.advice.numbers import number_advice
from app.formats.advice.spelled import PLACEHOLDER, columns_with, columns_without
from app.formats.batch import Batch, Reject
from app.formats.csv.grammar import BLANKS
from app.formats.errors import excerpt
from app.formats.streams.encoding_guess import guess_encodings
from app.formats.validate.columns import BadValue, validator_for
from app.formats.validate.currencies import CURRENCIES

_OF_WORDS = ("not_a_choice", "not_a_boolean", "unknown_currency")
_OF_NUMBERS = (
    "not_an_integer",
    "not_a_decimal",
    "too_many_decimals",
    "too_many_digits",
    "out_of_range",
    "ambiguous_number",
)
_OF_DATES = ("bad_date", "bad_datetime")
_OBJECTS = ("ndjson", "json", "parquet")
_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₺": "TRY", "₽": "RUB", "₩": "KRW", "zł": "PLN"}  # of one currency each
_NULLS = re.compile(r"null|\\n|#?n/?a|none|nil|\(null\)|<null>|nan|-{1,3}|\.|\?", re.IGNORECASE)
_UNREADABLE = ("unsupported_type", "out_of_range")  # of a whole column
_BYTES = re.compile("[\udc80-\udcff]")
_MAX_SHOWN = 40
_MAX_SAMPLED = 100  # rows


def add_hints(
    batch: Batch, dataset: Dataset, file_format: FileFormat, date_system: Callable[[], str] = lambda: ""
) -> Batch:
    """The batch; the reasons of its rejects name the option that would help, if one would. `dataset` is as
    `apply_options` returns it, and `date_system` returns the workbook's."""
    if not batch.rejects:
        return batch
    hints = _Hints(dataset, file_format, date_system, batch.rejects)
    return replace(batch, rejects=[hints.add(reject) for reject in batch.rejects])


@contextmanager
def hints_for_failures(dataset: Dataset, file_format: FileFormat) -> Iterator[None]:
    """Adds the option that would help to the reason of an ImportFailed that is raised within."""
    try:
        yield
    except ImportFailed as failed:
        column = next((column for column in dataset.columns if column.name == failed.column), None)
        if failed.code in _UNREADABLE and file_format.columns is None and column is not None:
            if column.required:
                failed.reason += (
                    f"; set {columns_with(column.name, {'value': PLACEHOLDER}, file_format)} to load a constant"
                )
            else:
                failed.reason += f"; set {columns_without(column.name, file_format)} to leave it out"
        raise


class _Hints:
    """The hints for the rejects of one batch."""

    def __init__(
        self, dataset: Dataset, file_format: FileFormat, date_system: Callable[[], str], rejects: Sequence[Reject]
    ) -> None:
        self._dataset, self._file_format, self._date_system = dataset, file_format, date_system
        self._columns = {column.name: (at, column) for at, column in enumerate(dataset.columns)}
        self._bad = _sample_bad(rejects, self._columns)

    def add(self, reject: Reject) -> Reject:
        """The reject, with its hint."""
        if reject.column not in self._columns:
            return reject
        at, column = self._columns[reject.column]
        text = reject.values[at] if reject.values is not None else None
        hint = self._hint(text, column, _code(reject))
        return replace(reject, reason=reject.reason + hint) if hint else reject

    def _hint(self, text: str | None, column: Column, code: str) -> str:
        if code == "not_utf8":
            return encoding_hint(text or "", self._file_format, self._bad)
        if not text:
            return self._of_no_value(text, column) if code == "empty" else ""
        if code in _OF_WORDS:
            return f". Set {self._mapped(text, _meant(text, column), column)} to load another value for it"
        if code in _OF_NUMBERS and (advice := number_advice(text, column, self._dataset, self._file_format)):
            return advice
        if code in _OF_DATES and (
            advice := date_advice(text, column, self._dataset, self._file_format, self._date_system)
        ):
            return advice
        return self._of_blanks(text, column) or self._of_null(text, column)

    def _of_no_value(self, text: str | None, column: Column) -> str:
        if text is None:
            default = columns_with(column.name, {"default": PLACEHOLDER}, self._file_format)
            return f". Set {default} to give such rows a value" if column.required else ""
        if column.required:
            return f". Set {self._mapped(text, PLACEHOLDER, column)} to load another value for it"
        plain = "send null" if self._file_format.format in _OBJECTS else "leave the field empty without quotes"
        return f". For no value {plain}, or set {self._mapped(text, None, column)}"

    def _of_blanks(self, text: str, column: Column) -> str:
        trimmed = text.strip(BLANKS)
        if "trim" not in PARTS[self._file_format.format] or self._file_format.trim or text == trimmed:
            return ""
        return ". Set trim=true to remove the spaces around fields" if _accepts(column, trimmed) else ""

    def _of_null(self, text: str, column: Column) -> str:
        word = text.strip(BLANKS)
        if not _NULLS.fullmatch(word):
            return ""
        has_null = "null" in PARTS[self._file_format.format] and self._file_format.null is None
        if not has_null or word != text:
            mapped = self._mapped(text, PLACEHOLDER if column.required else None, column)
            return f". If {text!r} means no value, set {mapped}"
        default = columns_with(column.name, {"default": PLACEHOLDER}, self._file_format)
        return f". If {text!r} means no value, set `null={text}`" + f" and {default}" * column.required

    def _mapped(self, text: str, to: str | None, column: Column) -> str:
        return columns_with(column.name, {"values": {text: to}}, self._file_format)


def _meant(text: str, column: Column) -> str:
    """What the column has for a currency's sign, or its code in small letters."""
    if column.type is not ColumnType.CURRENCY:
        return PLACEHOLDER
    code = _SIGNS.get(text, text.upper())
    return code if code in CURRENCIES else PLACEHOLDER


def _code(reject: Reject) -> str:
    return "empty" if reject.code == "wrong_json_type" and reject.value == "null" else reject.code


def encoding_hint(text: str, file_format: FileFormat, among: Sequence[str] = ()) -> str:
    """What the bytes in a text look like that are no UTF-8; empty if nothing suggests it. `among` are more texts of the
    file: a single word may be the same in several encodings."""
    if "encoding" not in PARTS[file_format.format] or file_format.encoding != "utf-8" or not _BYTES.search(text):
        return ""
    try:
        data = text.encode("utf-8", "surrogateescape")
        rest = "\n".join(among).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return ""
    texts: dict[str, list[str]] = {}
    for name in guess_encodings(data + b"\n" + rest) or guess_encodings(data):
        texts.setdefault(excerpt(data.decode(name, "replace"))[:_MAX_SHOWN], []).append(name)
    if not texts:
        return ""
    first, *others = texts
    name, *same = texts.pop(first)
    said = f". The bytes look like {first!r} in {name}"
    said += "".join(f", or {other!r} in {texts[other][0]}" for other in others)
    said += f": set encoding={name} if the file is"
    return said + f"; these bytes are the same text in {' and '.join(same)}, others are not" if same else said


def _sample_bad(rejects: Sequence[Reject], columns: dict[str, tuple[int, Column]]) -> list[str]:
    """Values that are no UTF-8, of some rows."""
    bad = (reject for reject in rejects if reject.code == "not_utf8" and reject.values and reject.column in columns)
    values = ((reject.values or ())[columns[reject.column or ""][0]] for reject in islice(bad, _MAX_SAMPLED))
    return [value for value in dict.fromkeys(values) if value]


def _accepts(column: Column, text: str) -> bool:
    try:
        validator_for(column)(text or None)
    except (BadValue, ValueError):
        return False
    return True
