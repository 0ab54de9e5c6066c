"""Import templates: a named, versioned way to read and load the files of one origin."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import InvalidContent

MAX_NAME = 64
_NAME = re.compile(f"[a-z0-9][a-z0-9_-]{{0,{MAX_NAME - 1}}}")
_VERSION = re.compile("[1-9][0-9]{0,8}")
JSON_OPTIONS = ("columns", "formats", "zones", "negative")  # whose text may hold an object or a list
# said for one import, or a part of its own
NOT_IN_TEMPLATES = ("dry_run", "stream", "file_name", "template", "dataset", "control_totals")


@dataclass(frozen=True)
class Template:
    """One version of a template.

    Attributes:
        name, version: versions count from 1; a name alone means the latest.
        dataset: the dataset that the files are for.
        options: the options of an import, by name, each written as in a query.
        header: the fingerprint of the files' header (`fingerprint`); None if it is not known.
        made_from: the id of the import that it was made from, if any.
        created_at: UTC; None before it is saved.
        created_by: who saved this version, if that is known.
    """

    name: str
    version: int
    dataset: str
    options: Mapping[str, str]
    header: str | None = None
    made_from: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None

    @property
    def reference(self) -> str:
        """How an import names this version: `name@version`."""
        return f"{self.name}@{self.version}"

    def same_content(self, other: "Template") -> bool:
        """Whether both do the same with a file, so that saving one over the other makes no new version."""
        return (self.dataset, dict(self.options), self.header) == (other.dataset, dict(other.options), other.header)


def parse_reference(text: str) -> tuple[str, int | None]:
    """The name and version of `amazon-de` (the latest: None) or `amazon-de@3`. Raises `InvalidContent`."""
    name, at, version = text.partition("@")
    if not _NAME.fullmatch(name) or (at and not _VERSION.fullmatch(version)):
        raise refuse("template", "template must be a template's name, such as amazon-de, or one version: amazon-de@3")
    return name, int(version) if at else None


def is_name(text: str) -> bool:
    """Whether a template can have this name."""
    return _NAME.fullmatch(text) is not None


def parse_name(text: str) -> str:
    """A template's name. Raises `InvalidContent`."""
    if not is_name(text):
        reason = f"a template's name has 1 to {MAX_NAME} of a to z, 0 to 9, - and _, and begins with a letter or digit"
        raise refuse("name", reason)
    return text


def fingerprint(names: Sequence[str | None]) -> str | None:
    """32 hexadecimal digits that stand for a header: equal for the same names in the same order, whatever their case
    and outer blanks. None where there is no name."""
    folded = [unicodedata.normalize("NFC", name or "").strip().casefold() for name in names]
    if not any(folded):
        return None
    return hashlib.sha256(json.dumps(folded).encode()).hexdigest()[:32]


def refuse(field: str, reason: str) -> InvalidContent:
    """The error that names the field."""
    return InvalidContent(reason, errors=[{"field": field, "reason": reason}])
