"""Preview: show what a file is taken for before anything is accepted; nothing of it is kept, nothing is recorded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from app.domain.dataset import Dataset
from app.domain.errors import ContentTooLarge, InvalidContent
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.preview.child import preview_file
from app.lifecycle import templates
from app.lifecycle.datasets import catalog
from app.lifecycle.services import Services
from app.spool import Spool, Upload, space

MAX_BYTES = 64 * 1024**2  # as large as a workbook may be
_NO_DATASET = Dataset("", (), ())


@dataclass(frozen=True)
class PreviewRequest:
    """What of a file is to be shown, and how it is read: `options` are those of `parse_options`. Without a `dataset`
    one is inferred, under this `name`; `partial` says that only the file's beginning was sent."""

    rows: int
    dataset: str | None
    name: str
    partial: bool
    options: Mapping[str, str]
    file_name: str | None
    content_type: str | None


@dataclass(frozen=True)
class IncomingPreview:
    """A file that comes with a request: the body is written into `upload`, then it is shown."""

    services: Services
    upload: Upload

    def show(self, request: PreviewRequest) -> dict[str, Any]:
        """The preview, as JSON: as an import of the file with the same options would be read. Raises
        `UnsupportedFormat`, `Overloaded`, and `InvalidContent` for options that don't fit or an empty file."""
        self.upload.flush()
        if self.upload.bytes == 0:
            raise InvalidContent("the file is empty: send at least its first rows", errors=[{"field": "file"}])
        options = parse_options(request.options)
        dataset = None
        if request.dataset is not None:
            dataset = catalog.find_import_dataset(self.services.database, request.dataset)
            options.check_columns(dataset)
        with self.upload.part.open("rb") as file:
            head = file.read(HEAD_BYTES)
        file_format = detect(request.file_name, request.content_type, head, dataset or _NO_DATASET, options)
        path = self.upload.part
        found = preview_file(path, file_format, dataset, request.rows, partial=request.partial, name=request.name)
        matching = templates.list_matching(self.services.database, found["header"])
        return {**found, "templates": [template.name for template in matching]}


@contextmanager
def open_preview(services: Services) -> Iterator[IncomingPreview]:
    """Receive a file for as long as this lasts. It waits in the spool meanwhile and leaves no trace. Raises
    `ContentTooLarge`, `SpoolFull`."""
    spool = Spool(services.spool.folder, min(MAX_BYTES, services.settings.max_upload_bytes))
    with space(spool.folder), spool.receive(f"preview-{uuid4()}", lambda: None) as upload:
        try:
            yield IncomingPreview(services, upload)
        except ContentTooLarge:
            raise ContentTooLarge(
                f"more than {spool.max_bytes:,} bytes are not looked at: send the file's first 256 KiB with"
                " partial=true (of XLSX and Parquet all is needed)"
            ) from None
