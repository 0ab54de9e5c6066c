"""JSON: an array or a line a record."""
