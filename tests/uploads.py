"""Files that a test hands in as a request would."""

from app.domain.caller import Caller
from app.domain.dataset import Dataset
from app.lifecycle.imports.accept import open_upload
from app.lifecycle.imports.idempotency import Accepted
from app.lifecycle.imports.options import parse_import_options
from app.lifecycle.services import Services


def accept_file(
    services: Services,
    dataset: Dataset,
    data: bytes,
    *,
    caller: Caller | None = None,
    file_name: str | None = None,
    **options: str,
) -> Accepted:
    """Accept an import of these bytes."""
    with open_upload(services, caller or Caller()) as incoming:
        incoming.upload.write(data)
        return incoming.accept(parse_import_options(dataset, options, file_name, None))
