"""Import options: what a client says of its file, checked against the beginning of the file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed, InvalidContent
from app.domain.requests.policy import Policy, parse_policy
from app.domain.template import fingerprint
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import FormatOptions, parse_options
from app.formats.reader import check_head
from app.lifecycle.datasets import catalog
from app.lifecycle.templates import OPTION_NAMES
from app.spool import Upload


@dataclass(frozen=True)
class ImportOptions:
    """What a client said of its file: into which dataset, how it is read, and what is done with its rows. `given` are
    the options as texts, and `template` is the version whose options are among them."""

    dataset: Dataset
    told: FormatOptions
    policy: Policy
    file_name: str | None
    content_type: str | None
    given: Mapping[str, str]
    template: str | None

    def content(self, upload: Upload) -> str:
        """What makes another request the same: the file's bytes, and all that was said of how they are loaded."""
        said = {"dataset": self.dataset.name, **self.told.as_json(), **self.policy.as_json()}
        return content_hash(said, upload.digest)

    def describe(self, upload: Upload) -> dict[str, Any]:
        """What the ledger keeps of it, by what the file's head shows. Raises `UnsupportedFormat`, `InvalidContent`."""
        with upload.part.open("rb") as file:
            file_format = detect(self.file_name, self.content_type, file.read(HEAD_BYTES), self.dataset, self.told)
        try:
            head = check_head(upload.part, self.dataset, file_format)
        except ImportFailed as error:
            raise InvalidContent(str(error), errors=[{"field": "file", **error.as_dict()}]) from error
        return {
            "file_name": _harmless(self.file_name) if self.file_name else None,
            "format": head.file_format.format,
            "compression": head.file_format.compression,
            "file_format": head.file_format.as_json(),
            "options": self.policy.as_json() | self._origin(fingerprint(head.names)) or None,
            "priority": self.policy.priority,
        }

    def _origin(self, header: str | None) -> dict[str, Any]:
        """What a template that is made from this import needs."""
        known = {"given": dict(self.given), "header": header, "template": self.template}
        return {name: value for name, value in known.items() if value}


def parse_import_options(
    dataset: Dataset, options: Mapping[str, str], file_name: str | None, content_type: str | None
) -> ImportOptions:
    """What a query or a form says, with the options of its template filled in already (`templates.expand`).

    Raises `InvalidContent`, which names the field.
    """
    policy = parse_policy(options)
    if reason := catalog.why_unsupported(dataset, policy.on_conflict):
        raise InvalidContent(reason, errors=[{"field": "on_conflict", "reason": reason}])
    policy.control.check_columns(dataset)
    found = parse_options(options)
    found.check_columns(dataset)
    given = {name: text for name, text in options.items() if name in OPTION_NAMES}
    return ImportOptions(dataset, found, policy, file_name, content_type, given, options.get("template"))


def content_hash(options: dict[str, Any], digest: str) -> str:
    """Options and the bytes' digest in one."""
    return hashlib.sha256(json.dumps([options, digest], sort_keys=True).encode()).hexdigest()


def _harmless(name: str) -> str:
    """A file's name as it may be shown, on a terminal too; it is never a path of ours."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name[:255])
