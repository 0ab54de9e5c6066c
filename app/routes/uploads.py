"""Uploads: a request's file, as its body or in a form, written into the spool piece by piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from app.domain.errors import BadRequest, UnsupportedFormat
from app.routes.parameters import require_options
from app.routes.request_body import open_body
from app.spool import Upload

FORM_MEMORY_BYTES = 1024 * 1024  # the parser's buffer and each plain field; files go to the spool piece by piece
FORM_PARTS = 20
ENCODINGS = ("", "identity", "gzip", "x-gzip", "zstd")  # how a file is compressed is found from its content


@dataclass(frozen=True)
class Form:
    """What a form has beside the file's bytes: the file's name, and the fields."""

    file_name: str
    fields: Mapping[str, str]


def check_content_encoding() -> None:
    """Raises `UnsupportedFormat` for a body that is compressed as no file is read."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise UnsupportedFormat(
            f"Content-Encoding {encoding[:40]!r} is not read here: send the file as it is, or as gzip or zstd"
        )


def receive_body(upload: Upload) -> None:
    """Write the body into the upload."""
    body = open_body()
    upload.require_space(body.declared or 0)
    upload.copy_from(body)


def receive_form(upload: Upload, known: Sequence[str]) -> Form:
    """Write the form's one file; returns its name and the form's fields. Refuses fields that are not `known`."""
    names: list[str] = []

    def open_part(
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if names:
            raise BadRequest("send one file a request", errors=[{"field": "file"}])
        names.append(filename or "")
        return upload  # type: ignore[return-value]

    body = open_body()
    upload.require_space((body.declared or 0) - FORM_MEMORY_BYTES)  # the rest of the form is beside the file
    parser = FormDataParser(
        stream_factory=open_part, max_form_memory_size=FORM_MEMORY_BYTES, max_form_parts=FORM_PARTS, silent=False
    )
    try:
        _, fields, _ = parser.parse(cast("IO[bytes]", body), request.mimetype, body.declared, request.mimetype_params)
    except ValueError as error:
        raise BadRequest("the multipart body was cut off, or it does not keep to its boundary") from error
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge(
            f"the form has more than the file: at most {FORM_PARTS} fields of {FORM_MEMORY_BYTES:,} bytes are read"
        ) from None
    if not names:
        raise BadRequest("the form has no file: send one, for example as the field `file`", errors=[{"field": "file"}])
    said = fields.to_dict()
    if None in said:  # whatever the parser's types say
        raise BadRequest("a part of the form has no name")
    require_options(said, known)
    return Form(said.pop("file_name", "") or names[0], said)
