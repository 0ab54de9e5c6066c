"""Previews as JSON. Those of Parquet are made by a child: nothing in a small file says what its reader takes."""

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
from app.formats.preview.serializer import show_preview

# polars maps far more than it uses, so that not the address space has the limit that counts
_ADDRESSES, MAX_MEMORY_BYTES = 8 * 1024**3, 768 * 1024**2
_LIMITS = runner.Limits(_ADDRESSES, seconds=20, cpu_seconds=20)


def preview_file(
    path: Path, file_format: FileFormat, dataset: Dataset | None, rows: int, *, partial: bool, name: str
) -> dict[str, Any]:
    """`make_preview` as the interface answers it. Raises UnsupportedFormat, and Overloaded where too many files are
    looked at already."""
    if file_format.format != "parquet":
        return show_preview(make_preview(path, file_format, dataset, rows, partial=partial, name=name))
    with NamedTemporaryFile(dir=path.parent, prefix=".") as asked:
        pickle.dump((path, file_format, dataset, rows, name), asked)
        asked.flush()
        try:
            with runner.PREVIEWS.take(), runner.run(__name__, [asked.name], _LIMITS) as messages:
                return dict(next(messages))
        except runner.OutOfMemory:
            reason = (
                f"the file needs more than {MAX_MEMORY_BYTES:,} bytes of memory to be looked at; write it with smaller"
                " row groups"
            )
            failure = ImportFailed("parquet_too_large", reason)
        except runner.TooSlow:
            reason = f"the file could not be looked at within {_LIMITS.seconds:g} s; write it with smaller row groups"
            failure = ImportFailed("parquet_too_slow", reason)
        except runner.ChildFailed as error:
            failure = ImportFailed("damaged_parquet", f"the Parquet file can't be read: {error}; write it anew")
    return show_preview(refused_preview(file_format, dataset, name, failure))


def messages(asked: str) -> Iterator[dict[str, Any]]:
    """The preview, in the child."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # each takes memory of its own
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    path, file_format, dataset, rows, name = pickle.loads(Path(asked).read_bytes())
    yield show_preview(make_preview(path, file_format, dataset, rows, name=name))
