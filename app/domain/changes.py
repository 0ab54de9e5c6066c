"""Changes after the commit: how a table says which rows another program, or a later import, has changed since."""

from app.domain.dataset import Dataset
from app.domain.row_size import MAX_ROW_BYTES, row_bytes

CHANGED_AT = "import_changed_at"
"""A column that is NULL from a row's load until an UPDATE of whomever changes a value of the row. Our own updates set
it themselves, to the stamp of their attempt. A foreign key's ON UPDATE CASCADE or SET NULL does not set it."""


def marks_changes(dataset: Dataset) -> bool:
    """Whether the dataset's table has the column. Not an adopted one; nor, of the datasets from before there was one,
    one with a column of this name or whose rows have no room for it."""
    named = any(name.lower() == CHANGED_AT for name in dataset.column_names)
    return not dataset.adopted and not named and row_bytes(dataset) <= MAX_ROW_BYTES
