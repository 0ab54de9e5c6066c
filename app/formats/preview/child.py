"""Previews as JSON. A child process makes those of Parquet: a small file may need much memory."""

import os
import pickle
import resource
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.child import runner
from app.formats.preview.preview import make_preview, refused_preview
from app.formats.preview.serializer import serialize_preview

# polars maps far more memory than it uses, so the effective limit is on data, not on the address space
_ADDRESSES, MAX_MEMORY_BYTES = 8 * 1024**3, 768 * 1024**2
_LIMITS = runner.Limits(_ADDRESSES, seconds=20, cpu_seconds=20)


def preview_file(
    path: Path, file_format: FileFormat, dataset: Dataset | None, rows: int, *, partial: bool, name: str
) -> dict[str, Any]:
    """`make_preview` as a JSON document. Raises UnsupportedFormat, and Overloaded if too many previews are running."""
    if file_format.format != "parquet":
        return serialize_preview(make_preview(path, file_format, dataset, rows, partial=partial, name=name))
    with NamedTemporaryFile(dir=path.parent, prefix=".") as request:
        pickle.dump((path, file_format, dataset, rows, name), request)
        request.flush()
        found: dict[str, Any] | None = None
        try:
            with runner.PREVIEWS.take(), runner.run(__name__, [request.name], _LIMITS) as messages:
                for message in messages:
                    found = message
        except runner.OutOfMemory:
            reason = (
                f"the file needs more than {MAX_MEMORY_BYTES:,} bytes of memory for a preview; write it with smaller"
                " row groups"
            )
            failure = ImportFailed("parquet_too_large", reason)
        except runner.TooSlow:
            reason = f"no preview was possible within {_LIMITS.seconds:g} s; write the file with smaller row groups"
            failure = ImportFailed("parquet_too_slow", reason)
        except runner.ChildFailed as error:
            failure = ImportFailed("damaged_parquet", f"the Parquet file can't be read: {error}; write it again")
    if found is not None:
        return dict(found)
    return serialize_preview(refused_preview(file_format, dataset, name, failure))


def messages(request: str) -> Iterator[dict[str, Any]]:
    """The preview; runs in the child process. With a proposal there are two: the second one is of the whole file, for
    which it may be too large."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # each thread needs its own memory
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    written = Path(request).read_bytes()  # by the web server, in a file that no other user may read
    path, file_format, dataset, rows, name = pickle.loads(written)  # nosec B301
    found = make_preview(path, file_format, dataset, rows, partial=True, name=name)
    yield serialize_preview(found)
    if dataset is None and found.cut:
        yield serialize_preview(make_preview(path, file_format, dataset, rows, name=name))
