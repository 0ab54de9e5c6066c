"""Reads the same values out of every format that holds texts, in the fast way and row by row."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from hypothesis import HealthCheck, settings

from app.domain.dataset import Dataset
from app.domain.definition import read_definition
from app.formats.detection import HEAD_BYTES, detect
from app.formats.options import parse_options
from app.formats.payload import read_payload
from app.formats.reader import check_head, read_rows
from tests.fuzz.examples import examples
from tests.fuzz.reading import slowly

Outcome = str | None  # what is sent to the server, None for NULL, or "!" and the code of the reject


def drawn(number: int) -> settings:
    """The settings of a property that reads files."""
    return settings(deadline=None, max_examples=examples(number), suppress_health_check=list(HealthCheck))


def dataset_of(*columns: dict[str, Any]) -> Dataset:
    """A dataset with a number for each row, and these columns."""
    first = {"name": "row", "type": "integer"}
    return read_definition({"name": "things", "columns": [first, *columns]})


def read(data: bytes, dataset: Dataset, said: dict[str, str], path: Path) -> list[tuple[Outcome, ...]]:
    """The values of each row without its number; the code alone of one that is refused."""
    path.write_bytes(data)
    file_format = detect(None, None, data[:HEAD_BYTES], dataset, parse_options(said))
    check_head(path, dataset, file_format)
    found: dict[int, tuple[Outcome, ...]] = {}
    for batch in read_rows(path, dataset, file_format, 1 << 20):
        found |= {row: values[1:] for row, values in read_payload(batch.payload)}
        found |= {reject.row: (f"!{reject.code}",) for reject in batch.rejects}
    assert sorted(found) == list(range(1, len(found) + 1))
    return [found[row] for row in sorted(found)]


def read_fast_and_slowly(data: bytes, dataset: Dataset, **said: str) -> list[tuple[Outcome, ...]]:
    """What both ways read, which is the same."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        found = read(data, dataset, said, path)
        with slowly():
            assert read(data, dataset, said, path) == found
    return found


def csv_of(rows: Sequence[Sequence[str]], delimiter: str = ";") -> bytes:
    """A file with quotes where they are needed."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def outcomes(texts: Sequence[str], column: dict[str, Any], **said: str) -> list[Outcome]:
    """What comes of each of these values of the column, the same in every format."""
    dataset = dataset_of(column)
    name = column["name"]
    lines = [json.dumps({"row": at, name: text}, ensure_ascii=bool(at % 2)) for at, text in enumerate(texts)]
    parquet = io.BytesIO()
    pl.DataFrame({"row": range(len(texts)), name: texts}).write_parquet(parquet)
    files = {
        "csv": csv_of([["row", name], *([str(at), text] for at, text in enumerate(texts))]),
        "ndjson": "\n".join(lines).encode(),
        "json": f"[{', '.join(lines)}]".encode(),
        "parquet": parquet.getvalue(),
    }
    found = {}
    for format, data in files.items():
        # a lone value between apostrophes would be taken for a quoted one
        quoting = {"quote": '"'} if format == "csv" else {}
        found[format] = read_fast_and_slowly(data, dataset, **said, **quoting)
    for format, rows in found.items():
        assert rows == found["csv"], format
    assert len(found["csv"]) == len(texts)
    return [row[0] for row in found["csv"]]
