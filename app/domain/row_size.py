"""Row sizes: the maximum bytes of a dataset's row and key, by the servers' rules."""

from app.domain.dataset import Column, ColumnType, Dataset

MAX_COLUMNS = 500
MAX_ROW_BYTES = 65_535  # of all columns together, without long texts
MAX_KEY_BYTES = 3072  # of an index in InnoDB
LONGEST_VARCHAR = 16_000  # characters; longer texts are stored outside of the row
LONGEST_TEXT = 4_000_000  # characters, in the 16 MB of a MEDIUMTEXT
CHARACTER_BYTES = 4  # utf8mb4
POINTER_BYTES = 12  # what such a text takes in the row
OWN_BYTES = 15  # import and row number, and when the row was changed since

_FIXED = {
    ColumnType.INTEGER: 8,
    ColumnType.BOOLEAN: 1,
    ColumnType.DATE: 3,
    ColumnType.DATETIME: 8,
    ColumnType.CURRENCY: 3 * CHARACTER_BYTES,
}


def row_bytes(dataset: Dataset) -> int:
    """The maximum bytes of a row, as the server counts them."""
    nullable = sum(column.nullable for column in dataset.columns) + 1
    return OWN_BYTES + -(-nullable // 8) + sum(_column_bytes(column) for column in dataset.columns)


def key_bytes(dataset: Dataset) -> int:
    """The maximum bytes of a key; 0 without a key."""
    columns = [column for column in dataset.columns if column.name in dataset.key]
    return sum(text_length(column) * CHARACTER_BYTES or _column_bytes(column) for column in columns)


def text_length(column: Column) -> int:
    """The maximum characters of a text, an e-mail or a choice; 0 for other types."""
    if column.type is ColumnType.ENUM:
        return max(len(choice) for choice in column.choices)
    return column.length if column.type in (ColumnType.TEXT, ColumnType.EMAIL) else 0


def _column_bytes(column: Column) -> int:
    if column.type is ColumnType.DECIMAL:
        return column.precision // 2 + 2
    if length := text_length(column):
        return POINTER_BYTES if length > LONGEST_VARCHAR else length * CHARACTER_BYTES + 2
    return _FIXED[column.type]
