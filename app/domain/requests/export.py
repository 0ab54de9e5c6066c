"""Exports: the forms in which rows leave."""

from enum import StrEnum


class ExportForm(StrEnum):
    """How the rows of an export are written."""

    CSV = "csv"
    NDJSON = "ndjson"
    SPREADSHEET = "spreadsheet"  # CSV for people: no text is a formula
    PARQUET = "parquet"


# what makes a spreadsheet calculate the text that begins with it, also in its wide form
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
