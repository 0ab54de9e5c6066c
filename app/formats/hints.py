"""Hints: the option that would let an invalid row in, as part of its reason. Only suggestions: the client decides."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from app.domain.dataset import Column, Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import PARTS, FileFormat
from app.formats.batch import Batch, Reject
from app.formats.errors import excerpt
from app.formats.streams.encoding_guess import guess_encodings
from app.formats.validate.columns import BadValue, validator_for

PLACEHOLDER = "…"  # in a suggested option, for what only the client knows

_NULLS = re.compile(r"null|\\n|#?n/?a|none|nil|\(null\)|<null>|nan|-{1,3}|\.|\?", re.IGNORECASE)
_UNREADABLE = ("unsupported_type", "out_of_range")  # of a whole column
_BYTES = re.compile("[\udc80-\udcff]")
_MAX_SHOWN = 40
_MAX_SAMPLED = 100  # rows


def add_hints(batch: Batch, dataset: Dataset, file_format: FileFormat) -> Batch:
    """The batch; the reasons of its rejects name the option that would help, if one would."""
    if not batch.rejects:
        return batch
    columns = {column.name: (at, column) for at, column in enumerate(dataset.columns)}
    bad = _sample_bad(batch.rejects, columns)
    return replace(batch, rejects=[_with_hint(reject, columns, file_format, bad) for reject in batch.rejects])


@contextmanager
def hints_for_failures(dataset: Dataset, file_format: FileFormat) -> Iterator[None]:
    """Adds the option that would help to the reason of an ImportFailed that is raised within."""
    try:
        yield
    except ImportFailed as failed:
        column = next((column for column in dataset.columns if column.name == failed.column), None)
        if failed.code in _UNREADABLE and file_format.columns is None and column is not None:
            if column.required:
                failed.reason += f"; set {_columns(column, {'value': PLACEHOLDER}, file_format)} to load a constant"
            else:
                failed.reason += f"; set {_columns(column, None, file_format)} to leave it out"
        raise


def _with_hint(
    reject: Reject, columns: dict[str, tuple[int, Column]], file_format: FileFormat, bad: Sequence[str]
) -> Reject:
    if reject.column not in columns:
        return reject
    at, column = columns[reject.column]
    text = reject.values[at] if reject.values is not None else None
    if reject.code == "not_utf8":
        hint = encoding_hint(text or "", file_format, bad)
    else:
        hint = _hint(text, column, _code(reject), file_format)
    return replace(reject, reason=reject.reason + hint) if hint else reject


def _hint(text: str | None, column: Column, code: str, file_format: FileFormat) -> str:
    parts = PARTS[file_format.format]
    if code == "empty" and text is None and column.required:
        return f". Set {_columns(column, {'default': PLACEHOLDER}, file_format)} to give such rows a value"
    if code in ("not_a_choice", "not_a_boolean", "empty") and text is not None:
        return f". Set {_columns(column, {'values': {text: PLACEHOLDER}}, file_format)} to load another value for it"
    if not text:
        return ""
    if "trim" in parts and not file_format.trim and text != text.strip(" ") and _accepts(column, text.strip(" ")):
        return ". Set trim=true to remove the spaces around fields"
    if "null" in parts and file_format.null is None and not column.required and _NULLS.fullmatch(text.strip()):
        return f". If {text!r} means no value, set `null={text}`"
    return ""


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


def _columns(column: Column, members: dict[str, object] | None, file_format: FileFormat) -> str:
    if members and file_format.columns is not None:
        return f"`{next(iter(members))}` of the column in `columns`"
    return f"columns={json.dumps({column.name: members}, ensure_ascii=False)}"


def _accepts(column: Column, text: str) -> bool:
    try:
        validator_for(column)(text or None)
    except (BadValue, ValueError):
        return False
    return True
