"""Files of the dataset with columns of every type, read."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from app.domain.dataset import Dataset
from app.domain.file_format import FileFormat
from app.formats.batch import Batch
from app.formats.payload import read_payload
from app.formats.reader import check_head, read_rows
from tests.fuzz.examples import examples
from tests.unit.formats.typed import TYPED, loaded

NAMES = TYPED.column_names
PROPERTY = settings(deadline=None, max_examples=examples(60), suppress_health_check=list(HealthCheck))
Row = dict[str, Any]


def read(path: Path, data: bytes, file_format: FileFormat, dataset: Dataset = TYPED) -> list[Batch]:
    path.write_bytes(data)
    check_head(path, dataset, file_format)
    return list(read_rows(path, dataset, file_format, 1 << 20))


def values_of(batches: list[Batch]) -> list[tuple[str | None, ...]]:
    """What the server is sent, without zeros at the end of a fraction."""
    assert [reject for batch in batches for reject in batch.rejects] == []
    rows = [values for batch in batches for _, values in read_payload(batch.payload)]
    assert [key for batch in batches for key in batch.keys] == [(values[0],) for values in rows]
    return [canonical(values) for values in rows]


def canonical(values: tuple[str | None, ...]) -> tuple[str | None, ...]:
    moments = (NAMES.index("seen"), NAMES.index("local"))
    return tuple(
        value.rstrip("0") if at in moments and value and "." in value else value for at, value in enumerate(values)
    )


def expected(rows: list[Row]) -> list[tuple[str | None, ...]]:
    return [canonical(loaded(row)) for row in rows]
