"""CSV: detection of the dialect, parsing of records."""
